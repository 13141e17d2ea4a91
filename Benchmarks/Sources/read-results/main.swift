// read-results FILE...: the CPU seconds of reading each results file, JSON or columns, and nothing else: what of an
// evaluation is reading.
import BalancedGroupSoftmax
import Foundation

func cpuSeconds() -> Double {
  var now = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now)
  return Double(now.tv_sec) + 1e-9 * Double(now.tv_nsec)
}

for path in CommandLine.arguments.dropFirst() {
  let start = cpuSeconds()
  var (count, sum) = (0, 0.0)
  try DetectionColumns.forEachChunk(ofResults: path) { chunk, _ in
    count += chunk.count
    for score in chunk.scores { sum += score }
  }
  print("{\"file\": \"\(path)\", \"detections\": \(count), \"cpu_seconds\": \(cpuSeconds() - start), \"sum\": \(sum)}")
}

// What the machine gives: SGEMM at the shapes of a training step, and the bandwidth of memory. Prints both as JSON.
//
//   swift run -c release roofline [--threads 2]

import DenseLinearAlgebra
import Foundation

let threads =
  CommandLine.arguments.firstIndex(of: "--threads").flatMap { position in
    CommandLine.arguments.dropFirst(position + 1).first.flatMap { Int($0) }
  } ?? 2

/// The shortest of ten times, each thread doing its part.
@MainActor func seconds(_ body: (Int) -> Void) -> Double {
  var best = Double.infinity
  for _ in 0..<10 {
    let start = ContinuousClock.now
    inParallel(parts: threads, body)
    best = min(best, (ContinuousClock.now - start) / .seconds(1))
  }
  return best
}

func buffer(_ count: Int) -> UnsafeMutablePointer<Float> {
  let values = UnsafeMutablePointer<Float>.allocate(capacity: count)
  for index in 0..<count { values[index] = Float(index % 97) / 97 }
  return values
}

// Of G4 in LVIS v1: 1,024 RoIs, 258 logits, 1,024 features; and one large enough for overheads to vanish.
var lines: [String] = []
for (name, rows, columns, inner) in [("step", 1024, 258, 1024), ("large", 2048, 2048, 2048)] {
  let (a, b, c) = (buffer(rows * inner), buffer(columns * inner), buffer(rows * columns))
  let time = seconds { part in
    let share = evenSlice(of: rows, part: part, of: threads)
    for _ in 0..<4 {
      Float.multiply(
        rows: share.count, columns: columns, inner: inner, alpha: 1, a + share.lowerBound * inner, stride: inner,
        transposed: false, b, stride: inner, transposed: true, beta: 0, into: c + share.lowerBound * columns,
        stride: columns)
    }
  }
  lines.append("\"sgemm_\(name)_gflops\": \(String(format: "%.1f", 4 * 2e-9 * Double(rows * columns * inner) / time))")
}

// A product of its own for each thread: what the processor gives where nothing is shared out.
let size = 1024
let own = (0..<threads).map { _ in (buffer(size * size), buffer(size * size), buffer(size * size)) }
let ownTime = seconds { part in
  let (a, b, c) = own[part]
  for _ in 0..<8 {
    Float.multiply(
      rows: size, columns: size, inner: size, alpha: 1, a, stride: size, transposed: false, b, stride: size,
      transposed: true, beta: 0, into: c, stride: size)
  }
}
lines.append(
  "\"sgemm_own_gflops\": \(String(format: "%.1f", 16e-9 * Double(threads * size * size * size) / ownTime))")

// Reading 256 MB and writing as much.
let count = 64 << 20
let (source, destination) = (buffer(count), buffer(count))
let time = seconds { part in
  let share = evenSlice(of: count, part: part, of: threads)
  (destination + share.lowerBound).update(from: source + share.lowerBound, count: share.count)
}
lines.append("\"copy_gigabytes_per_second\": \(String(format: "%.1f", 8e-9 * Double(count) / time))")
print("{\(lines.joined(separator: ", "))}")

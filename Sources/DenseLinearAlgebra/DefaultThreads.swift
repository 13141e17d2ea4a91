import CVectorKernels
import Foundation

/// How many threads work is divided among unless the user says otherwise: as many as this process may use processors.
public enum DefaultThreads {
  /// The number for this process: its processors by affinity mask and cgroup quota, or fewer where `OMP_NUM_THREADS` says
  /// so; at least 1.
  public static let count = count(
    processors: processors,
    quota: cgroupQuota(membership: text(at: "/proc/self/cgroup") ?? "", reading: text),
    ompThreads: ProcessInfo.processInfo.environment["OMP_NUM_THREADS"])

  /// The processors that this process may run on.
  static let processors = affinityCount ?? ProcessInfo.processInfo.activeProcessorCount

  /// The number for a process that is described.
  ///
  /// - Parameters:
  ///   - processors: The processors that it may run on.
  ///   - quota: The processors' time that it may take, such as 1.5 for that of one and a half; `nil` for no limit. A part
  ///     of a processor counts as one.
  ///   - ompThreads: `OMP_NUM_THREADS`: a number, or several with commas between them, of which the first counts; what is
  ///     no positive number is passed over. More than there are processors are not taken.
  package static func count(processors: Int, quota: Double?, ompThreads: String?) -> Int {
    var count = max(1, processors)
    if let quota, quota > 0 { count = min(count, max(1, Int(min(quota, 1e6).rounded(.up)))) }
    let first = ompThreads?.split(separator: ",", omittingEmptySubsequences: false).first
    if let stated = first.flatMap({ Int($0.trimmingCharacters(in: .whitespaces)) }), stated > 0 {
      count = min(count, stated)
    }
    return min(count, 1024)
  }

  /// The quota of a process's control group, the smallest of the group's and of those around it.
  ///
  /// - Parameters:
  ///   - membership: What `/proc/self/cgroup` holds: `0::/PATH` for version 2, `N:cpu,cpuacct:/PATH` for version 1.
  ///   - reading: The text of a file; `nil` where there is none.
  /// - Returns: Processors; `nil` for no limit.
  package static func cgroupQuota(membership: String, reading: (String) -> String?) -> Double? {
    var quotas: [Double] = []
    for line in membership.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let groups = ancestors(of: parts[2])
      if parts[0] == "0", parts[1].isEmpty {
        quotas += groups.compactMap { group in
          let words = reading("/sys/fs/cgroup\(group)/cpu.max")?.split(whereSeparator: \.isWhitespace) ?? []
          return words.count == 2 ? ratio(String(words[0]), String(words[1])) : nil
        }
      } else if parts[1].split(separator: ",").contains("cpu") {
        for mount in ["cpu", String(parts[1])] {
          quotas += groups.compactMap { group in
            let folder = "/sys/fs/cgroup/\(mount)\(group)"
            return ratio(reading("\(folder)/cpu.cfs_quota_us"), reading("\(folder)/cpu.cfs_period_us"))
          }
        }
      }
    }
    return quotas.min()
  }

  /// `/a/b`, `/a` and the root, which is all that a container sees of the path where it has a view of its own.
  private static func ancestors(of path: Substring) -> [String] {
    let names = path.split(separator: "/").filter { $0 != ".." }
    return (0...names.count).reversed().map { names.prefix($0).map { "/\($0)" }.joined() }
  }

  /// `nil` where there is no limit: `max` in version 2, −1 in version 1.
  private static func ratio(_ quota: String?, _ period: String?) -> Double? {
    func number(_ text: String?) -> Double? {
      text.flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }
    guard let quota = number(quota), let period = number(period), quota > 0, period > 0 else { return nil }
    return quota / period
  }

  /// The processors in the affinity mask; `nil` where the system has none.
  private static var affinityCount: Int? {
    let count = bags_affinity_count()
    return count > 0 ? Int(count) : nil
  }

  private static func text(at path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
}

import DenseLinearAlgebra
import Testing

@Suite struct DefaultThreadsTests {
  @Test(
    arguments: [
      (8, nil, nil, 8), (0, nil, nil, 1), (5000, nil, nil, 1024),
      (8, 2.0, nil, 2), (8, 1.5, nil, 2), (8, 0.25, nil, 1), (2, 16.0, nil, 2), (8, 1e300, nil, 8),
      (8, nil, "3", 3), (8, nil, " 3 ", 3), (8, nil, "4,2,1", 4), (8, nil, "16", 8), (8, 2.0, "3", 2), (8, 4.0, "1", 1),
      (8, nil, "", 8), (8, nil, "0", 8), (8, nil, "-2", 8), (8, nil, "many", 8), (8, nil, ",2", 8),
    ] as [(Int, Double?, String?, Int)])
  func areAsManyAsThereIsRoomFor(processors: Int, quota: Double?, ompThreads: String?, expected: Int) {
    #expect(DefaultThreads.count(processors: processors, quota: quota, ompThreads: ompThreads) == expected)
  }

  private func quota(_ membership: String, _ files: [String: String]) -> Double? {
    DefaultThreads.cgroupQuota(membership: membership) { files[$0] }
  }

  @Test func quotaOfVersion2() {
    let group = "0::/user.slice/job-7\n"
    #expect(quota(group, ["/sys/fs/cgroup/user.slice/job-7/cpu.max": "150000 100000\n"]) == 1.5)
    #expect(quota(group, ["/sys/fs/cgroup/user.slice/job-7/cpu.max": "max 100000\n"]) == nil)
    // The narrowest of the groups around it holds.
    #expect(
      quota(
        group,
        [
          "/sys/fs/cgroup/user.slice/job-7/cpu.max": "800000 100000",
          "/sys/fs/cgroup/user.slice/cpu.max": "200000 100000",
          "/sys/fs/cgroup/cpu.max": "max 100000",
        ]) == 2)
    // In a container the path may be that of the host: the root is all there is to see.
    #expect(quota("0::/../../pod/container", ["/sys/fs/cgroup/cpu.max": "50000 100000"]) == 0.5)
    #expect(quota("0::/", ["/sys/fs/cgroup/cpu.max": "300000 100000"]) == 3)
  }

  @Test func quotaOfVersion1() {
    let group = "12:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n1:name=systemd:/docker/a\n0::/system.slice\n"
    func files(_ folder: String, _ quota: String) -> [String: String] {
      ["\(folder)/cpu.cfs_quota_us": quota, "\(folder)/cpu.cfs_period_us": "100000\n"]
    }
    #expect(quota(group, files("/sys/fs/cgroup/cpu,cpuacct/docker/a", "250000\n")) == 2.5)
    #expect(quota(group, files("/sys/fs/cgroup/cpu/docker/a", "250000\n")) == 2.5)
    #expect(quota(group, files("/sys/fs/cgroup/cpu", "100000\n")) == 1)
    #expect(quota(group, files("/sys/fs/cgroup/cpu,cpuacct/docker/a", "-1\n")) == nil)
    #expect(quota("3:cpuset:/a", files("/sys/fs/cgroup/cpuset/a", "100000")) == nil)
  }

  @Test func whatIsNoQuota() {
    for text in ["", "max", "a b", "0 100000", "100000 0", "-1 100000", "nan nan", "1 2 3"] {
      #expect(quota("0::/", ["/sys/fs/cgroup/cpu.max": text]) == nil, "\(text)")
    }
    #expect(quota("", [:]) == nil && quota("nothing\n0:\n", [:]) == nil)
  }

  @Test func ofThisProcess() { #expect((1...1024).contains(DefaultThreads.count)) }
}

import DataChecks
import DetectionHeads
import LVISDatasets
import TestSupport
import Testing

@Suite struct MapSetCheckTests {
  private func check(_ set: SmallMapSet, head: LinearHead? = nil) throws -> DataCheck {
    try withTemporaryFolder { folder in
      try set.write(to: "\(folder)/maps")
      try set.dataset.write(to: "\(folder)/a.json")
      var files = CheckedFiles(annotations: "\(folder)/a.json")
      files.features = "\(folder)/maps"
      if let head {
        try head.write(to: "\(folder)/head.safetensors")
        files.head = "\(folder)/head.safetensors"
      }
      return DataCheck(of: files)
    }
  }

  @Test func aFaultlessSetIsDescribed() throws {
    let head = try exampleHead(AnchoredLayout(SigmoidLayout(classCount: 8), anchorCount: 2), inputs: 36)
    let check = try check(SmallMapSet(), head: head)
    #expect(check.count(of: .error) == 0, "\(check.findings)")
    #expect(check.maps?.channels == 4 && check.maps?.locations == 6 * 39 && check.maps?.anchorsPerLocation == 2)
  }

  @Test func faultsAreFound() throws {
    var set = SmallMapSet()
    set.images[0].features[3] = .infinity
    #expect(try check(set).count(of: .error) == 1)
    set = SmallMapSet()
    set.metadata["anchor_sizes"] = "16,24"
    #expect(try check(set).count(of: .error) == 1)
    set = SmallMapSet()
    set.images.removeLast()
    #expect(try check(set).findings.contains { $0.code == .imagesWithoutMaps })
    let linear = try exampleHead(SigmoidLayout(classCount: 8), inputs: 36)
    #expect(try check(SmallMapSet(), head: linear).findings.contains { $0.message.contains("dense head") })
  }
}

import Foundation
import SyntheticData
import TestSupport
import Testing

/// `Datasets/` at the top of the package.
private let datasets = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appendingPathComponent("Datasets")

@Suite struct DatasetsFolderTests {
  @Test(arguments: ["annotations_train.json", "annotations_val.json"])
  func holdsWhatTheGeneratorWrites(name: String) throws {
    try withTemporaryFolder { folder in
      try SyntheticDetectionSet(seed: 0).writeAnnotations(to: folder)
      let written = try fileBytes("\(folder)/\(name)")
      let kept = try Data(contentsOf: datasets.appendingPathComponent(name))
      #expect(written == kept)
    }
  }

  @Test func isSmall() throws {
    let files = try FileManager.default.contentsOfDirectory(at: datasets, includingPropertiesForKeys: [.fileSizeKey])
    let sizes = try files.map { try $0.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0 }
    #expect(sizes.reduce(0, +) < 2_100_000)
  }
}

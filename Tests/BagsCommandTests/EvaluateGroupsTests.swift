import Foundation
import TestSupport
import Testing

@Suite struct EvaluateGroupsTests {
  private let files = [
    "--annotations", goldenPath("evaluation/edge_gt.json"), "--results", goldenPath("evaluation/edge_dt_bbox.json"),
  ]

  /// APk is the mean over the group's classes of the AP that the per-class table states.
  @Test func groupAPIsTheMeanOverItsClasses() throws {
    try withTemporaryFolder { folder in
      let grouping = try runBags(
        ["group", goldenPath("evaluation/edge_gt.json"), "--counts-from", "categories", "--boundaries", "20,100"],
        in: folder)
      #expect(grouping.status == 0, "\(grouping.error)")
      let run = try runBags(
        ["evaluate"] + files + ["--groups", "groups.json", "--format", "json"], in: folder)
      let metrics = try jsonObject(run.output)
      let expected = try jsonObject(at: goldenPath("evaluation/expected_edge_bboxfile_bbox.json"))
      let classes = try #require(expected["per_class"] as? [String: [String: Any]])
      let stored = try jsonObject(at: "\(folder)/groups.json")
      let categories = try #require(stored["categories"] as? [[String: Any]])
      for group in 1...3 {
        let values = categories.filter { $0["group"] as? Int == group }
          .compactMap { $0["id"] as? Int }.compactMap { classes["\($0)"]?["AP"] as? Double }.filter { $0 > -1 }
        let mean = values.isEmpty ? -1 : values.reduce(0, +) / Double(values.count)
        #expect(abs(try #require(metrics["AP\(group)"] as? Double) - mean) < 1e-12)
      }
    }
  }

  @Test func groupsOfAnotherDataSetAreRefused() throws {
    try withTemporaryFolder { folder in
      try #"{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a", "instance_count": 3}]}"#
        .write(toFile: "\(folder)/other.json", atomically: true, encoding: .utf8)
      _ = try runBags(["group", "other.json"], in: folder)
      let run = try runBags(["evaluate"] + files + ["--groups", "groups.json"], in: folder)
      #expect(run.status == 1 && run.error.contains("groups.json: its 1 categories are not the 24 of"))
    }
  }
}

import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

@Suite struct CheckCommandTests {
  private func check(_ set: FaultlessSet, _ options: [String] = []) throws -> CommandOutput {
    try withTemporaryFolder { folder in
      try set.write("train", in: folder)
      return try runBags(["check", "train.json", "--features", "train"] + options, in: folder)
    }
  }

  @Test func saysWhatTheFilesHoldAndThatNothingIsWrong() throws {
    let output = try check(FaultlessSet())
    #expect(output.status == 0 && output.error.isEmpty, "\(output.error)")
    #expect(output.output.contains("train.json: 24 images, 5 categories, 144 annotations"))
    #expect(output.output.contains("train: 288 RoIs (144 foreground) of 24 images, 12 an image; 16 features"))
    #expect(output.output.contains("recall") && output.output.contains("100.00"))
    #expect(output.output.hasSuffix("nothing is wrong or odd\n"))
  }

  @Test func printsFindingsBySeverityAndFailsForAnError() throws {
    var set = FaultlessSet()
    set.relabel { $0 < 0 ? 5 : $0 - 1 }
    set.dataset.categories[1].name = "class 1"
    set.dataset.annotations[5].isCrowd = true
    let output = try check(set)
    #expect(output.status == 1 && output.error.isEmpty, "\(output.error)")
    let titles = ["1 error\n", "1 warning\n", "1 note\n"].map { output.output.range(of: $0)?.lowerBound }
    #expect(titles.allSatisfy { $0 != nil }, "\(output.output)")
    #expect(titles.compactMap { $0 } == titles.compactMap { $0 }.sorted())
    #expect(output.output.contains("[labels-astray]") && output.output.contains("such as  row"))
    #expect(output.output.contains("remedy   do the labels count from 0 with background last?"))
  }

  @Test func warningsAloneAreNoFailure() throws {
    var set = FaultlessSet()
    set.dataset.categories[1].name = "class 1"
    let output = try check(set)
    #expect(output.status == 0 && output.output.contains("1 warning\n"), "\(output.output)")
  }

  @Test func printsOneJSONObject() throws {
    var set = FaultlessSet()
    set.removeLabels()
    set.scaleBoxes(1 / 640, 1 / 480)
    let output = try check(set, ["--format", "json"])
    #expect(output.status == 1 && output.error.isEmpty)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(output.output.utf8)) as? [String: Any])
    #expect(object["errors"] as? Int == 1 && object["warnings"] as? Int == 0 && object["notes"] as? Int == 0)
    let findings = try #require(object["findings"] as? [[String: Any]])
    #expect(findings.count == 1 && findings[0]["code"] as? String == "no-overlap")
    #expect(findings[0]["severity"] as? String == "error" && findings[0]["count"] as? Int == 288)
    #expect(findings[0]["file"] as? String == "train" && findings[0]["remedy"] != nil && findings[0]["message"] != nil)
    let features = try #require(object["features"] as? [String: Any])
    #expect(features["states_labels"] as? Bool == false && features["foreground"] as? Int == 0)
    #expect((features["rois_per_image"] as? [String: Any])?["median"] as? Int == 12)
    #expect((features["recall"] as? [[String: Any]])?[0]["recall"] as? Double == 0)
    #expect((object["annotations"] as? [String: Any])?["images"] as? Int == 24)
  }

  @Test func aRunIsAHead() throws {
    try withTemporaryFolder { folder in
      try FaultlessSet().write("train", in: folder)
      try FaultlessSet(seed: 1).write("val", in: folder)
      let run = try runBags(
        [
          "train", "--features", "train", "--annotations", "train.json", "--epochs", "8", "--learning-rate", ".05",
          "--output", "run",
        ], in: folder)
      #expect(run.status == 0, "\(run.error)")
      #expect(run.error.contains("bags: 288 RoIs (144 foreground) of 24 images"), "\(run.error)")
      let results = try runBags(
        ["predict", "run", "--features", "val", "--annotations", "val.json", "--output", "results.json"], in: folder)
      #expect(results.status == 0, "\(results.error)")
      let output = try runBags(
        [
          "check", "val.json", "--features", "val", "--results", "results.json", "--head", "run", "--groups",
          "run/groups.json",
        ], in: folder)
      #expect(output.status == 0, "\(output.output)\(output.error)")
      #expect(output.output.contains("results.json: ") && output.output.contains("AP50 "))
      #expect(output.output.contains("run/head.safetensors: bags, a head of layout grouped-sigmoid, 5 classes"))
      #expect(!output.output.contains("[head-"))
    }
  }

  @Test func aMissingFileIsAnError() throws {
    try withTemporaryFolder { folder in
      let output = try runBags(["check", "nowhere.json"], in: folder)
      #expect(output.status == 1 && output.output.contains("nowhere.json: cannot open"), "\(output.output)")
    }
  }
}

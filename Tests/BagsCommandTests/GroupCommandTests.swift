import Foundation
import TestSupport
import Testing

@Suite struct GroupCommandTests {
  private struct Summary: Decodable, Equatable {
    struct Group: Decodable, Equatable {
      var name: String
      var lower: Int
      var upper: Int?
      var categories: Int
      var instances: Int
    }
    var categories: Int
    var instances: Int
    var groups: [Group]
  }

  private func summary(_ path: String, _ arguments: [String] = []) throws -> Summary {
    try withTemporaryFolder { folder in
      let run = try runBags(["group", path, "--format", "json"] + arguments, in: folder)
      #expect(run.status == 0, "\(run.error)")
      #expect(FileManager.default.fileExists(atPath: "\(folder)/groups.json"))
      return try JSONDecoder().decode(Summary.self, from: Data(run.output.utf8))
    }
  }

  /// Two classes that occur, one that does not, and a crowd; the first states another count than it has.
  private let small = #"""
    {"images": [{"id": 3, "width": 9, "height": 9}, {"id": 4, "width": 9, "height": 9}],
     "categories": [{"id": 0, "name": "cup", "instance_count": 12, "image_count": 2}, {"id": 90, "name": "dog"},
                    {"id": 20, "name": "a"}],
     "annotations": [
      {"id": 1, "image_id": 3, "category_id": 0, "bbox": [0, 0, 1, 1]},
      {"id": 1, "image_id": 3, "category_id": 0, "bbox": [0, 0, 1, 1]},
      {"id": 2, "image_id": 3, "category_id": 90, "bbox": [0, 0, 1, 1]},
      {"id": 3, "image_id": 3, "category_id": 90, "bbox": [0, 0, 1, 1], "iscrowd": 1}]}
    """#

  private func withSmall(_ body: (String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      try Data(small.utf8).write(to: URL(fileURLWithPath: "\(folder)/a.json"))
      try body(folder)
    }
  }

  @Test func printsTableHistogramAndWhatWasOdd() throws {
    try withSmall { folder in
      let run = try runBags(["group", "a.json", "--boundaries", "2"], in: folder)
      #expect(run.status == 0, "\(run.error)")
      for text in [
        "3 categories, 3 instances on 2 images (counted over 4 annotations)",
        "G0     background                 –          –       –",
        "G1     < 2                        2          1  33.3 %",
        "G2     ≥ 2                        1          2  66.7 %",
        "all                               3          3",
        "classes without an instance, in G1: 1 (a)",
        "images without an annotation: 1 of 2",
        "crowd annotations, not counted: 1",
      ] { #expect(run.output.contains(text), "\(text) not in\n\(run.output)") }
      #expect(!run.output.contains("\u{1B}"))
      for text in [
        "a.json: 1 annotation id stands more than once (1)",
        "a.json: instance_count differs from the number of annotations for 1 of 3 categories (ids 0); the annotations "
          + "were counted; --counts-from categories decides otherwise",
        "wrote groups.json",
      ] { #expect(run.error.contains(text), "\(text) not in\n\(run.error)") }
    }
  }

  @Test func writesGroups() throws {
    try withSmall { folder in
      let run = try runBags(
        ["group", "a.json", "--boundaries", "1,2", "--count-by", "images", "--output", "g.json"], in: folder)
      #expect(run.status == 0, "\(run.error)")
      let text = try String(contentsOfFile: "\(folder)/g.json", encoding: .utf8)
      let json = try jsonObject(text)
      #expect(json["boundaries"] as? [Int] == [1, 2])
      #expect(json["counted_by"] as? String == "images")
      #expect(json["counts_from"] as? String == "annotations")
      let categories = try #require(json["categories"] as? [[String: Any]])
      #expect(categories.map { $0["id"] as? Int } == [0, 20, 90])
      #expect(categories.map { $0["instance_count"] as? Int } == [2, 0, 1])
      #expect(categories.map { $0["image_count"] as? Int } == [1, 0, 1])
      #expect(categories.map { $0["group"] as? Int } == [2, 1, 2])
    }
  }

  @Test func openUpperBoundIsNull() throws {
    try withSmall { folder in
      let run = try runBags(["group", "a.json", "--format", "json"], in: folder)
      #expect(run.output.contains(#""upper" : null"#))
      #expect(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) is [String: Any])
    }
  }

  @Test func countsCanComeFromTheCategories() throws {
    try withSmall { folder in
      let run = try runBags(["group", "a.json", "--counts-from", "categories"], in: folder)
      #expect(run.status == 1)
      #expect(run.error.contains("a.json: category 20 (a) states no instance_count"))
    }
  }

  @Test func refusesToReplace() throws {
    try withSmall { folder in
      #expect(try runBags(["group", "a.json", "--export-official", "o"], in: folder).status == 0)
      for arguments in [["--output", "groups.json"], ["--output", "new.json", "--export-official", "o"]] {
        let run = try runBags(["group", "a.json"] + arguments, in: folder)
        #expect(run.status == 1)
        #expect(run.error.contains("exists") && run.error.contains("give --overwrite"), "\(run.error)")
      }
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/new.json"))
      #expect(try runBags(["group", "a.json", "--export-official", "o", "--overwrite"], in: folder).status == 0)
    }
  }

  @Test func drawsTheCounts() throws {
    try withSmall { folder in
      let run = try runBags(["group", "a.json", "--boundaries", "2"], in: folder)
      let bar = String(repeating: "█", count: 68)
      #expect(
        run.output.contains(
          """
          classes by number of instances
          G1    0  \(bar) 1
                1  \(bar) 1
          G2  2–4  \(bar) 1

          """), "\(run.output)")
    }
  }

  @Test func aFullDiskIsAnError() throws {
    try withSmall { folder in
      let run = try runBags(["group", "a.json", "--output", "/dev/full"], in: folder)
      #expect(run.status == 1)
      #expect(run.output.isEmpty)
      #expect(run.error.contains("/dev/full: cannot write: No space left on device"), "\(run.error)")
    }
  }

  @Test func exportsTheOfficialTables() throws {
    try withSmall { folder in
      let run = try runBags(["group", "a.json", "--export-official", "it's"], in: folder)
      #expect(run.status == 0)
      #expect(run.output.contains("torch.save"))
      #expect(run.output.contains(#"'it'\''s'"#))
      for name in ["label2binlabel.npy", "pred_slice.npy"] {
        #expect(FileManager.default.fileExists(atPath: "\(folder)/it's/\(name)"))
      }
    }
  }

  @Test(arguments: [
    (["group"], "annotations"), (["group", "a.json", "--boundaries", "5,3"], "--boundaries must ascend"),
    (["group", "a.json", "--boundaries", "a"], "boundaries"), (["group", "a.json", "--count-by", "x"], "count-by"),
  ]) func wrongUseIsStatus64(arguments: [String], expected: String) throws {
    let run = try runBags(arguments)
    #expect(run.status == 64)
    #expect(run.error.contains(expected))
  }

  @Test func unreadableInputIsStatus1() throws {
    try withTemporaryFolder { folder in
      try Data(#"{"categories": [], "images": [], "annotations": []}"#.utf8)
        .write(to: URL(fileURLWithPath: "\(folder)/none.json"))
      try Data(#"{"categories": [{"id": 1"#.utf8).write(to: URL(fileURLWithPath: "\(folder)/cut.json"))
      for (path, expected) in [
        ("nowhere.json", "nowhere.json: cannot open: No such file or directory"),
        ("none.json", "none.json: there are no categories to group"),
        ("cut.json", "cut.json: categories[0]: the file ends in the middle, after 24 bytes"),
      ] {
        let run = try runBags(["group", path], in: folder)
        #expect(run.status == 1)
        #expect(run.output.isEmpty)
        #expect(run.error.contains(expected), "\(run.error)")
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/groups.json"))
      }
    }
  }

  @Test(
    .enabled(if: sharedDataPath("taco.json") != nil),
    arguments: [
      ("lvis_v1_train_categories.json", [200, 412, 334, 257], [770, 16328, 116149, 1_136_894]),
      ("lvis_v0.5_train_categories.json", [294, 453, 302, 181], [1186, 17042, 108935, 566795]),
      ("lvis_val_100.json", [1205, 25, 0, 0], [465, 512, 0, 0]),
      ("taco.json", [19, 28, 13, 0], [88, 1190, 3506, 0]),
      ("coco_val2014_100.json", [59, 20, 1, 0], [215, 365, 250, 0]),
    ]) func realFiles(file: String, classes: [Int], instances: [Int]) throws
  {
    let summary = try summary(#require(sharedDataPath(file)))
    #expect(summary.groups.map(\.name) == ["G1", "G2", "G3", "G4"])
    #expect(summary.groups.map(\.lower) == [0, 10, 100, 1000])
    #expect(summary.groups.map(\.upper) == [10, 100, 1000, nil])
    #expect(summary.groups.map(\.categories) == classes)
    #expect(summary.groups.map(\.instances) == instances)
    #expect(summary.categories == classes.reduce(0, +))
    #expect(summary.instances == instances.reduce(0, +))
  }
}

import BalancedGroupSoftmax
import DurableFiles
import Foundation
import TestSupport
import Testing

@Suite struct PredictCommandTests {
  /// Two images of two RoIs, one feature each; a softmax head of the classes 3 and 7 whose scores are easily told.
  struct World {
    let folder: String
    var features: String { "\(folder)/features" }
    var annotations: String { "\(folder)/annotations.json" }
    var head: String { "\(folder)/head.safetensors" }
    var results: String { "\(folder)/results.json" }

    init(_ folder: String, deltas: Bool = true) throws {
      self.folder = folder
      let writer = try FeatureSetWriter(at: features, featureCount: 1, elementType: .float32)
      for image in [11, 12] {
        try writer.append(
          ImageRoIs(
            imageID: image, features: [1, -0.5], boxes: [10, 20, 30, 40, -5, 0, 5, 100],
            columns: deltas ? [.boxDeltas: [0.5, 0, 0, 0, 0, 0, 0, 0]] : [:]))
      }
      try writer.finish()
      try DurableFile.write(
        """
        {"images":[{"id":11,"width":35,"height":50},{"id":12,"width":1000,"height":1000}],"annotations":[],
        "categories":[{"id":7,"name":"b"},{"id":3,"name":"a"}]}
        """, to: annotations)
      let groups = try CategoryGroups(instances: [1, 1], ids: [3, 7])
      try LinearHead(
        weight: Matrix(rows: 3, columns: 1, values: [0, 2, -2]), bias: [0, 0, 0],
        layout: SoftmaxLayout(classCount: 2), groups: groups, method: "softmax"
      ).write(to: head)
    }

    func predict(_ more: [String] = []) throws -> CommandOutput {
      try runBags(["predict", head, "--features", features, "--output", results] + more)
    }
  }

  struct Result: Decodable, Equatable {
    let image_id, category_id: Int
    let bbox: [Double]
    let score: Double
  }

  func results(_ path: String) throws -> [Result] {
    try JSONDecoder().decode([Result].self, from: fileBytes(path))
  }

  @Test func writesLVISResults() throws {
    try withTemporaryFolder { folder in
      let world = try World(folder)
      let run = try world.predict(["--annotations", world.annotations])
      #expect(run.status == 0)
      #expect(!run.error.contains("warning"))
      #expect(run.output.contains("results.json: 8 detections in 2 images"))
      let found = try results(world.results)
      #expect(found.map(\.image_id) == [11, 11, 11, 11, 12, 12, 12, 12])
      // Softmax of (0, 2, −2) is .1173, .8668, .0159, and of (0, −1, 1) .2447, .0900, .6652. RoI 0 moves right by half
      // its width and is cut off at 35.
      #expect(found[0].category_id == 3 && found[0].bbox == [20, 20, 15, 20])
      #expect(found[1].category_id == 7 && found[1].bbox == [0, 0, 5, 50])
      #expect(abs(found[0].score - 0.866813) < 1e-6 && abs(found[3].score - 0.015876) < 1e-6)
      #expect(found[4].bbox == [20, 20, 20, 20] && found[5].bbox == [0, 0, 5, 100])
    }
  }

  @Test func options() throws {
    try withTemporaryFolder { folder in
      let world = try World(folder)
      var run = try world.predict(["--annotations", world.annotations, "--score-threshold", ".5", "--format", "json"])
      #expect(run.status == 0)
      let summary = try jsonObject(run.output)
      #expect(summary["detections"] as? Int == 4 && summary["images"] as? Int == 2)
      #expect(try results(world.results).count == 4)

      run = try world.predict(["--max-detections", "1"])
      #expect(run.status == 1 && run.error.contains("--overwrite"))
      run = try world.predict(["--max-detections", "1", "--overwrite"])
      #expect(run.status == 0)
      #expect(try results(world.results).map(\.image_id) == [11, 12])
    }
  }

  @Test func takesBoxesFromARegressor() throws {
    try withTemporaryFolder { folder in
      let world = try World(folder, deltas: false)
      // dx is the feature plus 1, times .1: 2 · .1 of the width for RoI 0, .5 · .1 for RoI 1.
      try writeSafetensors(
        [
          NamedTensor("fc_reg.weight", floats: [1, 0, 0, 0], shape: [4, 1]),
          NamedTensor("fc_reg.bias", floats: [1, 0, 0, 0], shape: [4]),
        ], to: "\(folder)/box.safetensors")
      let run = try world.predict([
        "--box-head", "\(folder)/box.safetensors", "--score-threshold", ".5", "--min-box-size", "0.01",
      ])
      #expect(run.status == 0 && !run.error.contains("no box_deltas"))
      let boxes = try results(world.results).map(\.bbox)
      #expect(boxes.prefix(2) == [[14, 20, 20, 20], [-4.5, 0, 10, 100]])
      let none = try world.predict(["--box-head", world.head, "--overwrite"])
      #expect(none.status == 1 && none.error.contains("tensor 'fc_reg.weight': not in the file"))
    }
  }

  @Test func saysWhatIsLeftOut() throws {
    try withTemporaryFolder { folder in
      let world = try World(folder, deltas: false)
      let run = try world.predict(["--score-threshold", "0.5"])
      #expect(run.status == 0)
      #expect(run.error.contains("no box_deltas") && run.error.contains("no --annotations"))
      #expect(try results(world.results).map(\.bbox).prefix(2) == [[10, 20, 20, 20], [-5, 0, 10, 100]])
    }
  }

  @Test func readsARunAndTheLatest() throws {
    try withTemporaryFolder { folder in
      let world = try World(folder)
      try FileManager.default.createDirectory(atPath: "\(folder)/runs/a", withIntermediateDirectories: true)
      try FileManager.default.copyItem(atPath: world.head, toPath: "\(folder)/runs/a/head.safetensors")
      try FileManager.default.createSymbolicLink(atPath: "\(folder)/runs/latest", withDestinationPath: "a")
      for name in [["runs/a"], []] {
        let run = try runBags(
          ["predict"] + name + ["--features", "features", "--overwrite"], in: folder)
        #expect(run.status == 0)
        #expect(try results(world.results).count == 8)
      }
      try FileManager.default.removeItem(atPath: "\(folder)/runs")
      let run = try runBags(["predict", "--features", "features", "--overwrite"], in: folder)
      #expect(run.status == 1 && run.error.contains("runs/latest"))
    }
  }

  @Test func usageErrors() throws {
    for arguments in [
      [], ["--features", "x", "--nms-iou", "1.5"], ["--features", "x", "--score-threshold", "-1"],
      ["--features", "x", "--max-detections", "0"], ["--features", "x", "--threads", "0"],
      ["--features", "x", "--score-threshold", "nan"], ["--features", "x", "--nms-iou", "nan"],
    ] {
      #expect(try runBags(["predict"] + arguments).status == 64, "\(arguments)")
    }
  }

  @Test func badInputs() throws {
    try withTemporaryFolder { folder in
      let world = try World(folder)
      func expectFailure(_ arguments: [String], _ words: String...) throws {
        let run = try runBags(["predict"] + arguments)
        #expect(run.status == 1)
        for word in words { #expect(run.error.contains(word), "\(run.error)") }
        #expect(!FileManager.default.fileExists(atPath: world.results))
      }
      let output = ["--output", world.results]
      try expectFailure(["\(folder)/none", "--features", world.features] + output, "\(folder)/none")
      try expectFailure([world.head, "--features", "\(folder)/none"] + output, "\(folder)/none")
      try expectFailure([world.head, "--features", world.head] + output, "features")
      try expectFailure(
        [world.head, "--features", world.features, "--output", "\(folder)/none/results.json"], "none/results.json")
      try DurableFile.write(#"{"images":[{"id":11,"width":3,"height":5}],"categories":[]}"#, to: world.annotations)
      try expectFailure(
        [world.head, "--features", world.features, "--annotations", world.annotations] + output, "image 12", "row 2")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).allSatisfy { !$0.contains("partial") })
    }
  }

  /// 132,000 detections, AP 56.55 by the official scorer, both as in the reference of that set.
  @Test(.enabled(if: sharedDataPath("glyphs") != nil)) func predictsARealSet() throws {
    let glyphs = try #require(sharedDataPath("glyphs"))
    try withTemporaryFolder { folder in
      let run = try runBags([
        "predict", "\(glyphs)/baseline_head.safetensors", "--features", "\(glyphs)/val", "--annotations",
        "\(glyphs)/annotations_val.json", "--output", "\(folder)/results.json",
      ])
      #expect(run.status == 0)
      #expect(run.output.contains("132,000 detections in 440 images"))
    }
  }
}

import BalancedGroupSoftmax
import DurableFiles
import Foundation
import TestSupport
import Testing

@Suite struct ConvertCommandTests {
  /// A detector of three classes: a torchvision file with weights that tell their rows, and the groups.
  struct World {
    let folder: String
    init(_ folder: String) throws {
      self.folder = folder
      let groups = try CategoryGroups(
        counts: [(1, "pear", 5), (2, "apple", 50), (9, "fig", 5000)].map {
          CategoryCount(id: $0, name: $1, instances: $2, images: $2)
        })
      try groups.write(to: "\(folder)/groups.json")
      try writeSafetensors(
        [
          NamedTensor("roi_heads.box_predictor.cls_score.weight", floats: (0..<8).map { Float($0) }, shape: [4, 2]),
          NamedTensor("roi_heads.box_predictor.cls_score.bias", floats: [0, 1, 2, 3], shape: [4]),
          NamedTensor("roi_heads.box_predictor.bbox_pred.weight", floats: (0..<32).map { Float($0) }, shape: [16, 2]),
          NamedTensor("roi_heads.box_predictor.bbox_pred.bias", floats: (0..<16).map { Float($0) }, shape: [16]),
        ], to: "\(folder)/detector.safetensors")
    }

    func convert(_ arguments: String...) throws -> CommandOutput { try runBags(["convert"] + arguments, in: folder) }
  }

  @Test func goesFromFrameworkToFramework() throws {
    try withTemporaryFolder { folder in
      let world = try World(folder)
      var run = try world.convert(
        "detector.safetensors", "--from", "torchvision", "--groups", "groups.json", "--output", "own.safetensors")
      #expect(run.status == 0, "\(run.error)")
      #expect(run.output.contains("own.safetensors: softmax for bags, 3 classes, 2 features, with box regressor"))
      let own = try openTensors(at: "\(folder)/own.safetensors")
      #expect(
        own.names == [
          "fc_cls.bias", "fc_cls.weight", "fc_reg.background.bias", "fc_reg.background.weight", "fc_reg.bias",
          "fc_reg.weight",
        ])
      #expect(try own.tensor("fc_reg.bias").floats() == (4..<16).map { Float($0) })

      run = try world.convert("own.safetensors", "--to", "detectron2", "--class-order", "name", "--output", "d2.npz")
      #expect(run.status == 0, "\(run.error)")
      let detectron2 = try openTensors(at: "\(folder)/d2.npz")
      #expect(try detectron2.tensor("roi_heads.box_predictor.cls_score.bias").floats() == [2, 3, 1, 0])

      // And all the way back: the same bytes of every tensor.
      run = try world.convert(
        "d2.npz", "--from", "detectron2", "--groups", "groups.json", "--class-order", "name", "--output",
        "back.safetensors", "--format", "json")
      #expect(run.status == 0, "\(run.error)")
      let summary = try jsonObject(run.output)
      let files = try #require(summary["files"] as? [[String: Any]])
      #expect(files.first?["categories"] as? Int == 3 && files.first?["box_regressor"] as? Bool == true)
      let back = try openTensors(at: "\(folder)/back.safetensors")
      #expect(try back.tensor("fc_cls.weight").floats() == own.tensor("fc_cls.weight").floats())
      #expect(try back.tensor("fc_reg.weight").floats() == own.tensor("fc_reg.weight").floats())

      run = try world.convert("own.safetensors", "--to", "torchvision", "--output", "tv.safetensors")
      #expect(run.status == 0 && !run.error.contains("zeros"))
      let again = try openTensors(at: "\(folder)/tv.safetensors")
      let detector = try openTensors(at: "\(folder)/detector.safetensors")
      for name in detector.names { #expect(try again.tensor(name).floats() == detector.tensor(name).floats()) }
      run = try world.convert(
        "d2.npz", "--from", "detectron2", "--groups", "groups.json", "--to", "torchvision",
        "--output", "zeros.safetensors")
      #expect(run.status == 0 && run.error.contains("no box deltas for background"))
      // A file that this program wrote says whose layout it has.
      run = try world.convert("tv.safetensors", "--output", "own2.safetensors")
      #expect(run.status == 0)
      #expect(
        try fileBytes("\(folder)/own2.safetensors")
          == fileBytes("\(folder)/own.safetensors"))
    }
  }

  @Test func listsOfClassesAndAnnotations() throws {
    try withTemporaryFolder { folder in
      let world = try World(folder)
      try DurableFile.write("fig\n pear \n\n2\n", to: "\(folder)/classes.txt")
      try DurableFile.write(#"  ["fig", "pear", "apple"]"#, to: "\(folder)/names.json")
      try DurableFile.write("[9, 1, 2]", to: "\(folder)/ids.json")
      try DurableFile.write(
        """
        {"images":[{"id":1}],"annotations":[],"categories":[{"id":1,"name":"pear","instance_count":5},
        {"id":9,"name":"fig","instance_count":5},{"id":2,"name":"apple","instance_count":5}]}
        """, to: "\(folder)/train.json")
      for (place, file) in ["classes.txt", "names.json", "ids.json"].enumerated() {
        let run = try world.convert(
          "detector.safetensors", "--from", "torchvision", "--annotations", "train.json", "--class-order", file,
          "--output", "\(place).safetensors")
        #expect(run.status == 0, "\(run.error)")
        #expect(try openTensors(at: "\(folder)/\(place).safetensors").tensor("fc_cls.bias").floats() == [0, 2, 3, 1])
      }
      try DurableFile.write("[1.5]", to: "\(folder)/bad.json")
      let run = try world.convert(
        "detector.safetensors", "--from", "torchvision", "--groups", "groups.json", "--class-order", "bad.json",
        "--output", "x.safetensors")
      #expect(run.status == 1 && run.error.contains("bad.json: is no JSON list"))
    }
  }

  @Test func cascades() throws {
    try withTemporaryFolder { folder in
      let world = try World(folder)
      for stage in 0..<3 {
        _ = try world.convert(
          "detector.safetensors", "--from", "torchvision", "--groups", "groups.json", "--output", "\(stage).safetensors"
        )
      }
      var run = try world.convert(
        "0.safetensors", "1.safetensors", "2.safetensors", "--to", "mmdetection", "--output", "cascade.npz")
      #expect(run.status == 0 && run.output.contains("3 stages"), "\(run.error)")
      run = try world.convert(
        "cascade.npz", "--from", "mmdetection", "--groups", "groups.json", "--output", "stage.safetensors")
      #expect(run.status == 0, "\(run.error)")
      #expect(try openTensors(at: "\(folder)/stage.2.safetensors").metadata["box_stds"] == "0.033,0.033,0.067,0.067")
      run = try world.convert(
        "cascade.npz", "--from", "mmdetection", "--groups", "groups.json", "--output", "stage.safetensors")
      #expect(run.status == 1 && run.error.contains("stage.0.safetensors: exists"))
      run = try world.convert(
        "cascade.npz", "0.safetensors", "--from", "mmdetection", "--groups", "groups.json",
        "--to", "detectron2", "--output", "y.npz")
      #expect(run.status == 1 && run.error.contains("cascade of 3 stages"))
    }
  }

  @Test func refusals() throws {
    try withTemporaryFolder { folder in
      let world = try World(folder)
      for arguments in [
        [], ["detector.safetensors"], ["detector.safetensors", "--output", "x.pth"],
        ["detector.safetensors", "--output", "x.npz"], ["a", "b", "--output", "x.safetensors"],
        ["a", "--output", "x.safetensors", "--groups", "g", "--annotations", "a"],
        ["a", "--output", "x.safetensors", "--box-stds", "1,2"], ["a", "--output", "x.npz", "--to", "yolo"],
      ] {
        #expect(try runBags(["convert"] + arguments, in: folder).status == 64, "\(arguments)")
      }
      var run = try world.convert(
        "detector.safetensors", "--from", "mmdetection", "--groups", "groups.json", "--output", "x.safetensors")
      #expect(run.status == 1 && run.error.contains("detector.safetensors: has no roi_head.bbox_head.fc_cls.weight"))
      run = try world.convert("detector.safetensors", "--from", "torchvision", "--output", "x.safetensors")
      #expect(run.status == 1 && run.error.contains("does not name its classes"))
      run = try world.convert("none.safetensors", "--output", "x.safetensors")
      #expect(run.status == 1 && run.error.contains("none.safetensors: cannot open"))
      run = try world.convert(
        "detector.safetensors", "--from", "torchvision", "--groups", "groups.json", "--to", "official", "--output",
        "groups.json")
      #expect(run.status == 64)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 2)
    }
  }
}

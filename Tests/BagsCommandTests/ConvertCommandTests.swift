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

  /// torchvision's COCO detectors have a row for every id up to the largest; some ids are none.
  @Test func rowsOfNoCategoryComeBackUntouched() throws {
    try withTemporaryFolder { folder in
      let world = try World(folder)
      // Ids 1, 2 and 9: rows 0, 1, 2 and 9 are used, 3 to 8 are no category.
      let classifier = (0..<10).map { Float($0) }
      func write(_ name: String, prefix: String) throws {
        let box = "\(prefix)roi_heads.box_predictor"
        try writeSafetensors(
          [
            NamedTensor("\(box).cls_score.weight", floats: classifier.flatMap { [$0, $0 + 0.5] }, shape: [10, 2]),
            NamedTensor("\(box).cls_score.bias", floats: classifier, shape: [10]),
            NamedTensor("\(box).bbox_pred.weight", floats: (0..<80).map { Float($0) }, shape: [40, 2]),
            NamedTensor("\(box).bbox_pred.bias", floats: (0..<40).map { Float($0) }, shape: [40]),
            NamedTensor("\(prefix)backbone.weight", floats: [7, 8], shape: [2], as: .float16),
            NamedTensor("\(prefix)steps", integers: [3], shape: [1]),
          ], to: "\(folder)/\(name)")
      }
      try write("coco.safetensors", prefix: "module.")
      var run = try world.convert(
        "coco.safetensors", "--from", "torchvision", "--groups", "groups.json", "--output", "own.safetensors")
      #expect(run.status == 0 && run.error.contains("6 rows are no category and left out (3, 4, 5"), "\(run.error)")
      let own = try openTensors(at: "\(folder)/own.safetensors")
      #expect(try own.tensor("fc_cls.bias").floats() == [0, 1, 2, 9])
      #expect(try own.tensor("fc_reg.bias").floats() == [4, 5, 6, 7, 8, 9, 10, 11, 36, 37, 38, 39])

      run = try world.convert(
        "own.safetensors", "--to", "torchvision", "--into", "coco.safetensors", "--output", "back.safetensors")
      #expect(run.status == 0, "\(run.error)")
      let (before, after) = try (
        openTensors(at: "\(folder)/coco.safetensors"), openTensors(at: "\(folder)/back.safetensors")
      )
      #expect(after.names == before.names)
      for name in before.names {
        let (a, b) = try (before.tensor(name), after.tensor(name))
        #expect(a.elementType == b.elementType && a.shape == b.shape)
        #expect(a.withUnsafeBytes { Array($0) } == b.withUnsafeBytes { Array($0) }, "\(name)")
      }

      // A changed head changes its own rows and no others.
      var head = try LinearHead(contentsOf: "\(folder)/own.safetensors")
      head.bias = head.bias.map { $0 + 100 }
      try head.write(to: "\(folder)/trained.safetensors")
      run = try world.convert(
        "trained.safetensors", "--to", "torchvision", "--into", "coco.safetensors", "--output", "new.npz")
      #expect(run.status == 0, "\(run.error)")
      let new = try openTensors(at: "\(folder)/new.npz")
      #expect(
        try new.tensor("module.roi_heads.box_predictor.cls_score.bias").floats()
          == [100, 101, 102, 3, 4, 5, 6, 7, 8, 109])
      #expect(
        try new.tensor("module.roi_heads.box_predictor.bbox_pred.bias").floats() == (0..<40).map { Float($0) })

      // The same by a list, as torchvision's weights have it, and null for N/A.
      let list = #"["__background__","pear","apple","N/A","N/A","N/A",null,null,null,"fig"]"#
      try DurableFile.write(list, to: "\(folder)/classes.json")
      run = try world.convert(
        "coco.safetensors", "--from", "torchvision", "--groups", "groups.json", "--class-order", "classes.json",
        "--output", "listed.safetensors")
      #expect(run.status == 0, "\(run.error)")
      #expect(try fileBytes("\(folder)/listed.safetensors") == fileBytes("\(folder)/own.safetensors"))
      run = try world.convert(
        "own.safetensors", "--to", "torchvision", "--class-order", "classes.json", "--output", "x.safetensors")
      #expect(run.status == 1 && run.error.contains("--into"), "\(run.error)")
      run = try world.convert(
        "own.safetensors", "--to", "torchvision", "--into", "detector.safetensors", "--class-order", "classes.json",
        "--output", "x.safetensors")
      #expect(run.status == 1 && run.error.contains("has 4 rows, the head gives 10"), "\(run.error)")
    }
  }

  @Test func prefixesOfCheckpoints() throws {
    try withTemporaryFolder { folder in
      let world = try World(folder)
      let detector = try openTensors(at: "\(folder)/detector.safetensors")
      func write(_ name: String, _ prefixes: String...) throws {
        try writeSafetensors(
          try prefixes.enumerated().flatMap { place, prefix in
            try detector.names.map { key in
              let tensor = try detector.tensor(key)
              return NamedTensor(
                prefix + key, floats: try tensor.floats().map { $0 + Float(place) }, shape: tensor.shape)
            }
          }, to: "\(folder)/\(name)")
      }
      func convert(_ input: String, _ options: String...) throws -> CommandOutput {
        try runBags(
          ["convert", input, "--from", "torchvision", "--groups", "groups.json", "--output", "\(input).safetensors"]
            + options, in: folder)
      }
      try write("one.safetensors", "state_dict.model.")
      #expect(try convert("one.safetensors").status == 0)
      #expect(
        try openTensors(at: "\(folder)/one.safetensors.safetensors").tensor("fc_cls.bias").floats() == [0, 1, 2, 3])
      // The predictor saved alone.
      try writeSafetensors(
        try detector.names.filter { $0.contains("box_predictor") }.map { key in
          let tensor = try detector.tensor(key)
          return NamedTensor(
            key.replacing("roi_heads.box_predictor.", with: ""), floats: try tensor.floats(), shape: tensor.shape)
        }, to: "\(folder)/alone.safetensors")
      #expect(try convert("alone.safetensors").status == 0)
      #expect(
        try openTensors(at: "\(folder)/alone.safetensors.safetensors").tensor("fc_cls.bias").floats() == [0, 1, 2, 3])
      try write("two.safetensors", "student.", "teacher.")
      var run = try convert("two.safetensors")
      #expect(run.status == 1 && run.error.contains("student.roi_heads.box_predictor.cls_score.weight, teacher.roi"))
      #expect(run.error.contains("bags convert --prefix"), "\(run.error)")
      run = try convert("two.safetensors", "--prefix", "teacher")
      #expect(run.status == 0, "\(run.error)")
      #expect(
        try openTensors(at: "\(folder)/two.safetensors.safetensors").tensor("fc_cls.bias").floats() == [1, 2, 3, 4])

      // mmdetection 2's layer is not mmdetection 1's, nor a head of bags, though its name ends so.
      _ = try world.convert(
        "detector.safetensors", "--from", "torchvision", "--groups", "groups.json", "--to", "mmdetection", "--output",
        "mm.npz")
      run = try world.convert(
        "mm.npz", "--from", "mmdetection1", "--groups", "groups.json", "--output", "x.safetensors")
      #expect(run.status == 1 && run.error.contains("has no bbox_head.fc_cls.weight"), "\(run.error)")
      run = try world.convert("mm.npz", "--groups", "groups.json", "--output", "x.safetensors")
      #expect(run.status == 1 && run.error.contains("a layer of a detector; `bags convert` brings"), "\(run.error)")
    }
  }

  @Test func saysWhatMMDetectionScoresRightly() throws {
    try withTemporaryFolder { folder in
      _ = try World(folder)
      let groups = try CategoryGroups(contentsOf: "\(folder)/groups.json")
      for (layout, said) in [
        ("seesaw", "loss_cls=dict(type='SeesawLoss', num_classes=3)"), ("sigmoid-last", "does not score with it"),
      ] {
        let known = try #require(logitLayouts(for: groups).first { $0.name == layout })
        try exampleHead(known, groups: groups).write(to: "\(folder)/\(layout).safetensors")
        let run = try runBags(
          ["convert", "\(layout).safetensors", "--to", "mmdetection", "--output", "\(layout).npz"], in: folder)
        #expect(run.status == 0 && run.error.contains(said), "\(run.error)")
        #expect(run.error.contains("warning") == (layout != "seesaw"))
      }
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

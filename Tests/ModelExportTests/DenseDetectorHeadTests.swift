import DenseLinearAlgebra
import DetectionHeads
import ModelExport
import TensorFiles
import TestSupport
import Testing

@Suite struct DenseDetectorHeadTests {
  private func head(_ base: any LogitLayout = SigmoidLayout(classCount: 8)) throws -> LinearHead {
    try exampleHead(AnchoredLayout(base, anchorCount: 2), inputs: 9 * 4)
  }

  @Test(arguments: [
    (DetectorFramework.torchvision, "head.classification_head.cls_logits"), (.detectron2, "head.cls_score"),
    (.mmdetection, "bbox_head.retina_cls"),
  ]) func comesBackFromAFramework(framework: DetectorFramework, key: String) throws {
    try withTemporaryFolder { folder in
      let head = try head()
      for path in ["\(folder)/a.safetensors", "\(folder)/a.npz"] {
        try DenseDetectorHead(classifier: head).write(framework: framework, to: path)
        let file = try openTensors(at: path)
        #expect(file.names.sorted() == ["\(key).bias", "\(key).weight"])
        #expect(try file.tensor("\(key).weight").shape == [16, 4, 3, 3])
        #expect(try DenseDetectorHead.isDense(file))
        let back = try DenseDetectorHead(file, groups: exampleGroups()).classifier
        #expect(back.weight == head.weight && back.bias == head.bias && back.layout.anchorsPerLocation == 2)
      }
    }
  }

  /// [out, in, 3, 3] of the frameworks: number 4 of the nine is the location itself, the middle of a patch.
  @Test func theMiddleOfAPatchIsTheLocation() throws {
    var weight = Matrix<Float>(rows: 1, columns: 36)
    weight[0, 4 * 4 + 2] = 1
    let values = LinearRows.convolution(weight).values
    #expect(values.firstIndex(of: 1) == 2 * 9 + 4 && values.count { $0 != 0 } == 1)
    #expect(LinearRows.patchRows(values, rows: 1, channels: 4) == weight)
  }

  /// A detector keeps all else, and the rows of an unused class 0.
  @Test(arguments: [0, 1]) func goesIntoADetector(unused: Int) throws {
    try withTemporaryFolder { folder in
      let (head, key) = (try head(), "head.classification_head.cls_logits")
      let rows = 2 * (8 + unused)
      try writeSafetensors(
        [
          NamedTensor("\(key).weight", floats: Array(repeating: 7, count: rows * 36), shape: [rows, 4, 3, 3]),
          NamedTensor("\(key).bias", floats: Array(repeating: 7, count: rows), shape: [rows]),
          NamedTensor(
            "head.regression_head.bbox_reg.weight", floats: Array(repeating: 1, count: 288), shape: [8, 4, 3, 3]),
          NamedTensor("backbone.x", floats: [1, 2], shape: [2]),
        ], metadata: [:], to: "\(folder)/d.safetensors")
      let detector = try openTensors(at: "\(folder)/d.safetensors")
      try DenseDetectorHead(classifier: head).write(
        framework: .torchvision, into: detector, to: "\(folder)/n.safetensors")
      let new = try openTensors(at: "\(folder)/n.safetensors")
      #expect(try new.tensor("backbone.x").floats() == [1, 2])
      #expect(try new.tensor("\(key).bias").floats().count { $0 == 7 } == 2 * unused)
      let back = try DenseDetectorHead(new, groups: exampleGroups()).classifier
      #expect(back.weight == head.weight && back.bias == head.bias)
    }
  }

  @Test func whatNoFrameworkScoresIsRefused() throws {
    let grouped = try head(GroupedLayout(groups: exampleGroups()))
    #expect(throws: ModelExportError.self) {
      try DenseDetectorHead(classifier: grouped).write(framework: .torchvision, to: "/nowhere/a.safetensors")
    }
    #expect(throws: ModelExportError.self) {
      try DenseDetectorHead(classifier: head()).write(framework: .official, to: "/nowhere/a.safetensors")
    }
    #expect(throws: ModelExportError.self) { try DetectorHead(classifier: head()) }
    #expect(throws: ModelExportError.self) { try head().onnxModel(precision: .fp32, producerVersion: "0") }
  }
}

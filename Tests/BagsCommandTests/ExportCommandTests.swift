import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

@Suite struct ExportCommandTests {
  @Test func writesAModel() throws {
    try withTemporaryFolder { folder in
      let groups = try CategoryGroups(instances: [30, 70], ids: [3, 7])
      var generator = SeededGenerator(seed: 0)
      let layout = GroupedLayout(groups: groups)
      try FileManager.default.createDirectory(atPath: "\(folder)/runs/a", withIntermediateDirectories: true)
      try LinearHead(inputs: 4, layout: layout, groups: groups, method: "bags", using: &generator)
        .write(to: "\(folder)/runs/a/head.safetensors")
      try FileManager.default.createSymbolicLink(atPath: "\(folder)/runs/latest", withDestinationPath: "a")
      var run = try runBags(["export", "--onnx", "head.onnx"], in: folder)
      #expect(run.status == 0 && run.output.contains("head.onnx: bags, features [N, 4] to scores [N, 2], fp32"))
      let bytes = try fileBytes("\(folder)/head.onnx")
      for text in ["features", "scores", "Gemm", "class_names", #"["c3","c7"]"#] {
        #expect(bytes.range(of: Data(text.utf8)) != nil, "\(text)")
      }
      run = try runBags(["export", "runs/a", "--onnx", "head.onnx"], in: folder)
      #expect(run.status == 1 && run.error.contains("--overwrite"))
      run = try runBags(
        ["export", "runs/a", "--onnx", "half.onnx", "--precision", "fp16", "--format", "json"], in: folder)
      let summary = try jsonObject(run.output)
      #expect(summary["features"] as? Int == 4 && summary["precision"] as? String == "fp16")
      run = try runBags(["export", "none", "--onnx", "x.onnx"], in: folder)
      #expect(run.status == 1 && run.error.contains("none"))
      #expect(try runBags(["export", "runs/a"], in: folder).status == 64)
    }
  }
}

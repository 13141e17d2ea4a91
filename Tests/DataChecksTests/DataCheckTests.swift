import DataChecks
import DenseLinearAlgebra
import DetectionHeads
import Foundation
import LVISDatasets
import TensorFiles
import TestSupport
import Testing

/// Files looked at together.
@Suite struct DataCheckTests {
  /// Writes a faultless set with results and a head, changes it, and checks it.
  private func check(
    _ change: (inout CheckedFiles, String) throws -> Void = { _, _ in }, set: FaultlessSet = FaultlessSet(),
    then body: (DataCheck) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      try set.write("train", in: folder)
      let groups = try CategoryGroups(counting: set.dataset)
      try head(groups, set).write(to: "\(folder)/head.safetensors")
      try groups.write(to: "\(folder)/groups.json")
      try results(set.detections).write(toFile: "\(folder)/results.json", atomically: true, encoding: .utf8)
      var files = CheckedFiles(annotations: "\(folder)/train.json")
      files.features = "\(folder)/train"
      files.results = "\(folder)/results.json"
      files.head = "\(folder)/head.safetensors"
      files.groups = "\(folder)/groups.json"
      try change(&files, folder)
      try body(DataCheck(of: files))
    }
  }

  /// A head whose rows are the classes' mean features.
  private func head(_ groups: CategoryGroups, _ set: FaultlessSet, inputs: Int = 16) throws -> LinearHead {
    var weight = Matrix<Float>(rows: groups.classCount + 1, columns: inputs)
    for image in set.images {
      for (row, label) in (image.labels ?? []).enumerated() {
        let place = (groups.classIndex(ofCategory: label) ?? -1) + 1
        for column in 0..<16 { weight[place, column] += image.features[16 * row + column] / 100 }
      }
    }
    // Of one length, as the features of the classes are nearly.
    for row in 0..<weight.rows {
      let length = weight.rowNorms[row]
      for column in 0..<inputs where length > 0 { weight[row, column] *= Float(8 / length) }
    }
    return try LinearHead(
      weight: weight, bias: Array(repeating: 0, count: groups.classCount + 1),
      layout: SoftmaxLayout(classCount: groups.classCount), groups: groups, method: "softmax")
  }

  private func results(_ detections: [Detection]) -> String {
    let lines = detections.map { detection in
      let box = [detection.box.x, detection.box.y, detection.box.width, detection.box.height]
      return "{\"image_id\": \(detection.imageID), \"category_id\": \(detection.categoryID), \"bbox\": \(box), "
        + "\"score\": \(detection.score)}"
    }
    return "[\(lines.joined(separator: ",\n"))]"
  }

  @Test func faultlessFilesHaveNoFindings() throws {
    try check { check in
      #expect(check.findings == [])
      #expect(check.annotations?.annotations == 144 && check.annotations?.groups.count == 4)
      #expect(
        check.features?.foreground == 144 && check.features?.recall.map(\.name) == ["all", "G1", "G2", "G3", "G4"])
      #expect(check.results?.metrics["AP"] == 1 && check.results?.detections == 144)
      #expect(check.head?.classes == 5 && check.head?.layout == "softmax")
    }
  }

  @Test func theAnnotationsAlone() throws {
    try check({ files, _ in files = CheckedFiles(annotations: files.annotations) }) { check in
      #expect(check.findings == [] && check.features == nil && check.results == nil && check.head == nil)
    }
  }

  @Test func findingsStandBySeverity() throws {
    var set = FaultlessSet()
    set.dataset.categories.append(LVISCategory(id: 6, name: "class 2", frequency: .rare))
    set.relabel { $0 < 0 ? 6 : $0 - 1 }
    try check(set: set) { check in
      let severities = check.findings.map(\.severity)
      let places = severities.map { DataFinding.Severity.allCases.firstIndex(of: $0) ?? 9 }
      #expect(places == places.sorted() && Set(places) == [0, 1, 2])
      #expect(check.findings[.repeatedNames]?.file?.hasSuffix("train.json") == true)
      #expect(check.findings[.labelsAstray]?.file?.hasSuffix("/train") == true)
      #expect(check.count(of: .error) == 1 && check.count(of: .warning) > 0 && check.count(of: .note) > 0)
    }
  }

  @Test func whatOnlyScoringNeedsIsANoteWithoutResults() throws {
    var set = FaultlessSet()
    for place in set.dataset.categories.indices { set.dataset.categories[place].frequency = nil }
    try check({ files, _ in files.results = nil }, set: set) { check in
      #expect(check.findings[.categoriesWithoutFrequency]?.severity == .note)
    }
    try check(set: set) { check in
      #expect(check.findings[.categoriesWithoutFrequency]?.severity == .warning)
    }
  }

  @Test(arguments: ["annotations", "features", "results", "head", "groups"])
  func aFileThatCannotBeReadIsAFinding(name: String) throws {
    try check { files, folder in
      let path = "\(folder)/broken.json"
      try "{\"images\": [".write(toFile: path, atomically: true, encoding: .utf8)
      switch name {
      case "annotations": files.annotations = path
      case "features": files.features = "\(folder)/nowhere"
      case "results": files.results = path
      case "head": files.head = path
      default: files.groups = path
      }
    } then: { check in
      let fault = try #require(check.findings.first { $0.code == .unreadable })
      #expect(fault.severity == .error)
      #expect(fault.file?.hasSuffix(name == "features" ? "nowhere" : "broken.json") == true, "\(fault.line)")
      #expect(!fault.message.hasPrefix("/"), "\(fault.message)")
      // The others are looked at.
      #expect((check.features != nil) == (name != "features"))
      #expect((check.head != nil) == (name != "head"))
      #expect((check.results != nil) == (name != "results" && name != "annotations"))
    }
  }

  @Test func groupsOfOtherCategories() throws {
    try check { files, folder in
      try CategoryGroups(instances: [3, 4, 5]).write(to: "\(folder)/other.json")
      files.groups = "\(folder)/other.json"
    } then: { check in
      let fault = try #require(check.findings[.groupsOfOtherCategories])
      #expect(fault.severity == .error && fault.count == 2 && fault.example == "category 4")
      #expect(check.features?.recall.map(\.name) == ["all"])
    }
  }

  @Test func resultsOfOtherCategories() throws {
    try check { files, folder in
      let shifted = FaultlessSet().detections.map {
        Detection(imageID: $0.imageID, categoryID: $0.categoryID - 1, box: $0.box, score: $0.score)
      }
      try results(shifted).write(toFile: "\(folder)/shifted.json", atomically: true, encoding: .utf8)
      files.results = "\(folder)/shifted.json"
    } then: { check in
      #expect(check.findings[.unknownCategories]?.remedy == "are the ids counted from 0?")
      #expect(check.findings[.classesWithoutDetections] != nil)
    }
  }

  @Test func masksOfResults() throws {
    let masked = #"{"image_id": 1, "category_id": 1, "score": 0.5, "segmentation": "#
    try check { files, folder in
      var object = #"{"images": [{"id": 1, "width": 8, "height": 6}], "categories": [{"id": 1, "name": "a"}], "#
      object += #""annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], "#
      object += #""segmentation": {"size": [6, 8], "counts": [10, 38]}}]}"#
      try object.write(toFile: "\(folder)/masks.json", atomically: true, encoding: .utf8)
      try "[\(masked){\"size\": [8, 6], \"counts\": [10, 38]}}]".write(
        toFile: "\(folder)/masked.json", atomically: true, encoding: .utf8)
      files = CheckedFiles(annotations: "\(folder)/masks.json")
      files.results = "\(folder)/masked.json"
    } then: { check in
      #expect(check.findings[.maskSizes]?.remedy?.contains("are height and width swapped?") == true)
    }
  }

  @Test func masksThatCannotBeReadLeaveTheBoxes() throws {
    try check { files, folder in
      let text = try String(contentsOfFile: files.annotations, encoding: .utf8)
      let odd = text.replacing(
        #""bbox""#, with: #""segmentation":{"size":[1],"counts":[1]},"bbox""#, maxReplacements: 1)
      #expect(odd != text)
      try odd.write(toFile: files.annotations, atomically: true, encoding: .utf8)
      files.results = nil
    } then: { check in
      #expect(check.findings.map(\.code) == [.unreadable], "\(check.findings)")
      #expect(check.findings.first?.severity == .warning)
      #expect(check.features?.foreground == 144)
    }
  }

  @Test func headsThatDoNotFit() throws {
    let set = FaultlessSet()
    let groups = try CategoryGroups(counting: set.dataset)
    try check { files, folder in
      try head(groups, set, inputs: 20).write(to: "\(folder)/wide.safetensors")
      files.head = "\(folder)/wide.safetensors"
    } then: { check in
      #expect(check.findings[.headInputs]?.severity == .error)
    }
    var turned = set
    turned.relabel { $0 < 0 ? -1 : $0 % 5 + 1 }
    try check { files, folder in
      try head(groups, turned).write(to: "\(folder)/turned.safetensors")
      files.head = "\(folder)/turned.safetensors"
    } then: { check in
      #expect(check.findings.map(\.code) == [.headDisagrees])
    }
    // One that does not name its classes has a row for each of the annotations', and background.
    try check { files, folder in
      try writeSafetensors(
        [
          NamedTensor("fc_cls.weight", floats: Array(repeating: 1, count: 9 * 16), shape: [9, 16]),
          NamedTensor("fc_cls.bias", floats: Array(repeating: 0, count: 9), shape: [9]),
        ], to: "\(folder)/bare.safetensors")
      files.head = "\(folder)/bare.safetensors"
    } then: { check in
      let fault = try #require(check.findings[.unreadable])
      #expect(fault.severity == .error && fault.message.contains("has 9 rows"), "\(fault)")
    }
  }
}

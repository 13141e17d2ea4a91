import Foundation
import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

@Suite struct EvaluationDocumentTests {
  private func findings(_ options: EvaluationOptions) throws -> EvaluationFindings {
    var analyses = EvaluationAnalyses()
    (analyses.losses, analyses.errors, analyses.confusion) = (true, true, true)
    analyses.comparedResults = goldenPath("evaluation/tide_dt.json")
    analyses.replicates = 20
    return try LVISEvaluator(
      groundTruth: LVISDataset(contentsOf: goldenPath("evaluation/tide_gt.json")), options: options
    )
    .findings(resultsAt: goldenPath("evaluation/tide_dt.json"), analyses: analyses)
  }

  private func object(at path: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  /// Every key of an object and of all objects in it.
  private func keys(_ value: Any) -> Set<String> {
    if let object = value as? [String: Any] {
      return object.values.reduce(into: Set(object.keys)) { $0.formUnion(keys($1)) }
    }
    return (value as? [Any] ?? []).reduce(into: []) { $0.formUnion(keys($1)) }
  }

  /// What is read back is written as it was.
  @Test func whatIsWrittenIsRead() throws {
    try withTemporaryFolder { folder in
      var options = EvaluationOptions()
      options.keepsCurves = true
      options.groups = try CategoryGroups(of: [3: 0, 5: 0, 8: 1, 13: 1, 21: 1, 34: 1], groupCount: 2)
      var document = EvaluationDocument(try findings(options), groups: options.groups)
      document.comparisonMark = "mark"
      try document.write(to: "\(folder)/a.json")
      let read = try EvaluationDocument(contentsOf: "\(folder)/a.json")
      try read.write(to: "\(folder)/b.json")
      let texts = try ["a", "b"].map { try String(contentsOfFile: "\(folder)/\($0).json", encoding: .utf8) }
      #expect(texts[0] == texts[1])
      #expect(read.metricsByName == document.metricsByName && read["APl"] == nil && read["AP1"] != nil)
      #expect(read.classes?.map(\.group) == [0, 0, 1, 1, 1, 1] && read.classes?[0].comparison?.difference == 0)
      #expect(read.confusion?.rows == document.confusion?.rows && read.errors?.rows == document.errors?.rows)
      #expect(read.losses?.rows == document.losses?.rows && read.curves == document.curves)
      #expect(read.comparisonMark == "mark")
      let words = keys(try object(at: "\(folder)/a.json")).filter { $0.first?.isLowercase == true }
      #expect(words.contains("not_searched") && words.contains("other_ap"))
      #expect(words.allSatisfy { !$0.contains(where: \.isUppercase) }, "\(words)")
    }
  }

  /// As lvis-api has it: −1 for what cannot be measured, among the metrics and in the classes, and nowhere else.
  @Test func undefinedMetricsAreMinusOneWhereLVISSaysSo() throws {
    try withTemporaryFolder { folder in
      try "[]".write(toFile: "\(folder)/none.json", atomically: true, encoding: .utf8)
      let nothing = LVISDataset(
        images: [], categories: [LVISCategory(id: 1, name: "a", frequency: .rare)], annotations: [])
      var analyses = EvaluationAnalyses()
      analyses.errors = true
      analyses.comparedResults = "\(folder)/none.json"
      let findings = try LVISEvaluator(groundTruth: nothing)
        .findings(resultsAt: "\(folder)/none.json", analyses: analyses)
      try EvaluationDocument(findings).write(to: "\(folder)/a.json")
      let object = try object(at: "\(folder)/a.json")
      #expect(object["AP"] as? Double == -1)
      #expect((object["classes"] as? [[String: Any]])?.map { $0["AP"] as? Double } == [-1])
      let row = try #require((object["errors"] as? [[String: Any]])?.first)
      #expect(row["AP50"] == nil && row["objects"] as? Int == 0)
      let metrics = try #require((object["comparison"] as? [String: Any])?["metrics"] as? [String: [String: Any]])
      #expect(metrics["AP"]?.isEmpty == true)
    }
  }

  /// A file of version 0.1 of the program, whose keys are in camelCase and whose undefined values are −1.
  @Test func filesOfEarlierVersionsAreRead() throws {
    let document = try EvaluationDocument(contentsOf: goldenPath("documents/earlier_evaluation.json"))
    #expect(document["AP50"] == 0.24341026999448803 && document["APl"] == nil && document.metrics.count == 13)
    let classes = try #require(document.classes)
    #expect(classes.map(\.id) == [3, 5, 8, 13, 21, 34] && classes[0]["APl"] == nil)
    #expect(classes.contains { $0.comparison?.other != nil && $0.comparison?.interval?.count == 2 })
    let losses = try #require(document.losses?.rows.first)
    #expect(losses.givenCount == 267 && losses.notSearchedCount == 50 && losses.outsideRangeCounts.count == 3)
    #expect(document.errors?.rows.map { "\($0.split)" } == ["all", "r", "c", "f"])
    #expect(document.errors?.rows[0][.missed].gain != nil)
    #expect(document.confusion?.rows.count == 3 && document.confusion?.pairs.first?.calledName.isEmpty == false)
    #expect(document.curves?.count == 2 && document.curves?[1].threshold == 0.5)
    #expect(document.comparison?.other == "other.json" && document.comparison?.metrics["AP"]?.difference != nil)
  }

  @Test(arguments: [
    ("[]", "is no JSON object"), (#"{"AP": 1"#, "is not valid JSON"), (#"{"classes": [{"AP": 1}]}"#, "classes[0].id"),
    (#"{"curves": [{"classes": "H1", "classCount": 1, "precision": []}]}"#, "curves[0].classes"),
    (#"{"losses": {"iouThreshold": 0.5, "rows": [{"classes": "all"}]}}"#, "losses.rows[0].given is missing"),
  ])
  func whatIsNoEvaluationIsNamed(text: String, expected: String) throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/e.json"
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      let error = #expect(throws: DatasetError.self) { try EvaluationDocument(contentsOf: path) }
      #expect(error?.description.hasPrefix(path) == true && error?.description.contains(expected) == true)
    }
  }
}

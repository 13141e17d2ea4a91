import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

@Suite struct ReportCommandTests {
  private static let counts = [2000, 0, 4, 4, 50, 80]

  private func groups(ids: [Int] = [30, 2, 7, 9, 11, 40], counts: [Int] = Self.counts) throws -> CategoryGroups {
    try CategoryGroups(
      counts: zip(ids, counts).map { CategoryCount(id: $0, name: "thing \($0)", instances: $1, images: $1) })
  }

  /// A head whose row r has the norm r + 1.
  private func head(_ layout: any LogitLayout, _ groups: CategoryGroups, method: String) throws -> LinearHead {
    let values = (0..<layout.logitCount).flatMap { row -> [Float] in [Float(row + 1), 0, 0] }
    return try LinearHead(
      weight: Matrix(rows: layout.logitCount, columns: 3, values: values),
      bias: Array(repeating: 0, count: layout.logitCount), layout: layout, groups: groups, method: method)
  }

  /// A folder with `runs/bags`, to which `runs/latest` points, and `runs/softmax`.
  private func withRuns(_ body: (String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let groups = try groups()
      let heads = [
        "bags": try head(GroupedLayout(groups: groups), groups, method: "bags"),
        "softmax": try head(SoftmaxLayout(classCount: 6), groups, method: "softmax"),
      ]
      for (name, head) in heads {
        let run = "\(folder)/runs/\(name)"
        try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
        try head.write(to: "\(run)/head.safetensors")
        try groups.write(to: "\(run)/groups.json")
      }
      try FileManager.default.createSymbolicLink(atPath: "\(folder)/runs/latest", withDestinationPath: "bags")
      try body(folder)
    }
  }

  @Test func withNothingNamedTheLatestRunIsDrawnIntoIt() throws {
    try withRuns { folder in
      let result = try runBags(["report", "weightnorms"], in: folder)
      #expect(result.status == 0, "\(result.error)")
      #expect(result.error == "")
      #expect(
        result.output.contains("runs/bags/weightnorms.svg") && result.output.contains("runs/bags/weightnorms.csv"))
      let svg = try String(contentsOfFile: "\(folder)/runs/bags/weightnorms.svg", encoding: .utf8)
      #expect(svg.contains(">bags, ρ = "))
      let csv = try String(contentsOfFile: "\(folder)/runs/bags/weightnorms.csv", encoding: .utf8)
      // Rows: G0; others, 2, 7, 9; others, 11, 40; others; others, 30.
      #expect(
        csv == """
          class_id,name,instance_count,image_count,group,bags
          30,thing 30,2000,2000,G4,11.0
          40,thing 40,80,80,G2,8.0
          11,thing 11,50,50,G2,7.0
          7,thing 7,4,4,G1,4.0
          9,thing 9,4,4,G1,5.0
          2,thing 2,0,0,G1,3.0

          """)
    }
  }

  @Test func severalHeadsShareAFigureAndJSONHoldsTheirNumbers() throws {
    try withRuns { folder in
      let result = try runBags(
        ["report", "weightnorms", "runs/softmax/", "runs/latest", "--format", "json"], in: folder)
      #expect(result.status == 0, "\(result.error)")
      let object = try jsonObject(result.output)
      #expect(object["figure"] as? String == "Reports/weightnorms/weightnorms.svg")
      let heads = try #require(object["heads"] as? [[String: Any]])
      #expect(heads.map { $0["name"] as? String } == ["softmax", "bags"])
      #expect(heads.map { $0["background_norm"] as? Double } == [1, 1])
      // Softmax rows: background, then ids 2 7 9 11 30 40.
      #expect(heads[0]["mean_norms"] as? [String: Double] == ["G1": 3, "G2": 6, "G4": 6])
      #expect(heads[0]["tail_to_head"] as? Double == 0.5)
      #expect(heads[1]["others_norms"] as? [String: Double] == ["G1": 2, "G2": 6, "G3": 9, "G4": 10])
      let groups = try #require(object["groups"] as? [[String: Any]])
      #expect(groups.count == 4 && groups[3]["upper"] is NSNull && groups[0]["instances"] as? Int == 8)
      for file in ["svg", "csv"] {
        #expect(FileManager.default.fileExists(atPath: "\(folder)/Reports/weightnorms/weightnorms.\(file)"))
      }
    }
  }

  @Test func whatExistsIsReplacedOnlyOnRequest() throws {
    try withRuns { folder in
      let words = ["report", "weightnorms", "--output", "figures"]
      #expect(try runBags(words, in: folder).status == 0)
      let again = try runBags(words, in: folder)
      #expect(again.status == 1 && again.output == "")
      #expect(again.error.contains("figures/weightnorms.svg: exists; give --overwrite"))
      #expect(try runBags(words + ["--overwrite"], in: folder).status == 0)
    }
  }

  @Test func aBareHeadTakesItsClassesFromTheAnnotations() throws {
    try withTemporaryFolder { folder in
      let annotations = """
        {"images": [{"id": 1, "width": 9, "height": 9}], "categories": [{"id": 5, "name": "b"}, {"id": 3, "name": "a"}],
         "annotations": [{"id": 1, "image_id": 1, "category_id": 5, "bbox": [0, 0, 2, 2], "area": 4}]}
        """
      try annotations.write(toFile: "\(folder)/a.json", atomically: true, encoding: .utf8)
      try FileManager.default.copyItem(atPath: bareHead(rows: 3, in: folder), toPath: "\(folder)/detector.safetensors")
      let words = ["report", "weightnorms", "detector.safetensors"]

      let missing = try runBags(words, in: folder)
      #expect(missing.status == 1)
      #expect(missing.error.contains("detector.safetensors: does not name its classes; give the annotations"))

      let result = try runBags(words + ["--annotations", "a.json", "--format", "json"], in: folder)
      #expect(result.status == 0, "\(result.error)")
      let csv = try String(contentsOfFile: "\(folder)/Reports/weightnorms/weightnorms.csv", encoding: .utf8)
      #expect(csv.hasSuffix(",detector\n5,b,1,1,G1,3.0\n3,a,0,0,G1,2.0\n"))

      let wrong = try runBags(
        ["report", "weightnorms", bareHead(rows: 5, in: folder), "--annotations", "a.json", "--output", "x"], in: folder
      )
      #expect(wrong.status == 1 && wrong.error.contains("has 5 rows"))
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/x"))
    }
  }

  /// A head file that knows nothing of its classes, row r of norm r + 1.
  private func bareHead(rows: Int, in folder: String) throws -> String {
    let header =
      #"{"fc_cls.bias":{"dtype":"F32","shape":[\#(rows)],"data_offsets":[0,\#(4 * rows)]},"#
      + #""fc_cls.weight":{"dtype":"F32","shape":[\#(rows),1],"data_offsets":[\#(4 * rows),\#(8 * rows)]}}"#
    let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    var data = withUnsafeBytes(of: UInt64(padded.utf8.count).littleEndian) { Data($0) }
    data.append(Data(padded.utf8))
    for value in Array(repeating: Float(0), count: rows) + (0..<rows).map({ Float($0 + 1) }) {
      withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }
    let path = "\(folder)/bare\(rows).safetensors"
    try data.write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test func headsOfDifferentDataAreRefused() throws {
    try withRuns { folder in
      let other = try groups(ids: [1, 2, 3, 4, 5, 6])
      try head(SoftmaxLayout(classCount: 6), other, method: "softmax").write(to: "\(folder)/other.safetensors")
      let result = try runBags(["report", "weightnorms", "runs/bags", "other.safetensors"], in: folder)
      #expect(result.status == 1)
      #expect(result.error.contains("other.safetensors: its 6 categories are not the 6 of the first head"))
      let recounted = try groups(counts: [2000, 0, 5, 4, 50, 80])
      try head(SoftmaxLayout(classCount: 6), recounted, method: "softmax").write(to: "\(folder)/recounted.safetensors")
      let warned = try runBags(["report", "weightnorms", "runs/bags", "recounted.safetensors"], in: folder)
      #expect(warned.status == 0)
      #expect(warned.error.contains("warning: recounted: trained with other instance counts"))
    }
  }

  @Test func mistakesSayWhatToDo() throws {
    try withRuns { folder in
      func error(_ words: [String], in place: String = folder, status: Int32 = 1) throws -> String {
        let result = try runBags(["report", "weightnorms"] + words, in: place)
        #expect(result.status == status && result.output == "")
        return result.error
      }
      try FileManager.default.createDirectory(atPath: "\(folder)/empty", withIntermediateDirectories: true)
      #expect(try error([], in: "\(folder)/empty").contains("there is no runs/latest here: `bags train` makes one"))
      #expect(try error(["runs/bag"]).contains("runs/bag: no such run or head file"))
      #expect(try error(["empty"]).contains("empty: holds no head.safetensors"))
      #expect(try error(["runs/bags/groups.json"]).contains("runs/bags/groups.json: "))
      #expect(try error(["--annotations", "nowhere.json"]).contains("nowhere.json"))
      #expect(try error(["--output", "runs/bags/groups.json"]).contains("runs/bags/groups.json"))
      #expect(try error(["--image-format", "jpg"], status: 64).contains("jpg"))
    }
  }

  @Test func trainingDrawsWhatTheRunSaw() throws {
    try withRuns { folder in
      let missing = try runBags(["report", "training"], in: folder)
      #expect(missing.status == 1 && missing.error.contains("metrics.jsonl"))

      let line =
        #"{"step":10,"epoch":0,"learning_rate":0.01,"loss":2,"losses":{"G0":1,"G1":1},"#
        + #""gradient_norm":3,"rois_per_second":9}"# + "\n"
      try (line + line.replacing(":10,", with: ":20,")).write(
        toFile: "\(folder)/runs/bags/metrics.jsonl", atomically: true, encoding: .utf8)
      let result = try runBags(["report", "training"], in: folder)
      #expect(result.status == 0, "\(result.error)")
      #expect(result.output.contains("runs/bags/training.svg"))
      let csv = try String(contentsOfFile: "\(folder)/runs/bags/training.csv", encoding: .utf8)
      #expect(csv.split(separator: "\n").count == 3)

      try (line + "{\"step\": 3}\n").write(
        toFile: "\(folder)/runs/bags/metrics.jsonl", atomically: true, encoding: .utf8)
      let broken = try runBags(["report", "training", "--overwrite"], in: folder)
      #expect(broken.status == 1 && broken.error.contains("metrics.jsonl: line 2: "))
      let file = try runBags(["report", "training", "runs/bags/head.safetensors"], in: folder)
      #expect(file.status == 1 && file.error.contains("training curves are in a run's folder"))
    }
  }

  @Test func apComparesEvaluations() throws {
    try withRuns { folder in
      try #"{"AP": 0.5, "APr": 0.25, "AP1": 0.2}"#.write(
        toFile: "\(folder)/base.json", atomically: true, encoding: .utf8)
      let missing = try runBags(["report", "ap", "base.json", "runs/bags"], in: folder)
      #expect(missing.status == 1)
      #expect(missing.error.contains("runs/bags: holds no evaluation.json; make it with `bags evaluate"))

      try #"{"AP": 0.75, "APr": -1, "AP1": 0.5, "classes": []}"#.write(
        toFile: "\(folder)/runs/bags/evaluation.json", atomically: true, encoding: .utf8)
      let result = try runBags(["report", "ap", "base.json", "runs/latest"], in: folder)
      #expect(result.status == 0, "\(result.error)")
      #expect(
        result.output.hasPrefix("AP, %     AP    APr    AP1\nbase   50.00  25.00  20.00\nbags   75.00      –  50.00\n"))
      #expect(FileManager.default.fileExists(atPath: "\(folder)/Reports/ap/ap.svg"))

      try "[]".write(toFile: "\(folder)/list.json", atomically: true, encoding: .utf8)
      let list = try runBags(["report", "ap", "list.json", "--overwrite"], in: folder)
      #expect(list.status == 1 && list.error.contains("list.json: is no JSON object"))
      try "{}".write(toFile: "\(folder)/none.json", atomically: true, encoding: .utf8)
      let none = try runBags(["report", "ap", "none.json", "--overwrite"], in: folder)
      #expect(none.status == 1 && none.error.contains("none: states neither AP nor"))
    }
  }

  @Test func groupsDrawsARunsClassesOrThoseOfAnnotations() throws {
    try withRuns { folder in
      let result = try runBags(["report", "groups", "--format", "json"], in: folder)
      #expect(result.status == 0, "\(result.error)")
      let object = try jsonObject(result.output)
      #expect(object["figure"] as? String == "runs/bags/groups.svg" && object["categories"] as? Int == 6)
      let file = try runBags(["report", "groups", "runs/softmax/groups.json"], in: folder)
      #expect(file.status == 0 && file.output.contains("Reports/groups/groups.svg"))
      let both = try runBags(["report", "groups", "x", "--annotations", "y"], in: folder)
      #expect(both.status == 64 && both.error.contains("not both"))
      let wrong = try runBags(["report", "groups", "runs/bags/head.safetensors", "--overwrite"], in: folder)
      #expect(wrong.status == 1 && wrong.error.contains("head.safetensors: is not valid JSON"))
    }
  }

  @Test func aPageOnARunNeedsItsSettings() throws {
    try withRuns { folder in
      let missing = try runBags(["report"], in: folder)
      #expect(missing.status == 1 && missing.error.contains("runs/bags/run.json"))
      for (name, method) in [("bags", "bags"), ("softmax", "softmax")] {
        try runRecord(method: method).write(
          toFile: "\(folder)/runs/\(name)/run.json", atomically: true, encoding: .utf8)
      }
      let one = try runBags(["report"], in: folder)
      #expect(one.status == 0 && one.output == "runs/bags/report.html\n", "\(one.error)")
      let two = try runBags(["report", "runs/softmax", "runs/bags"], in: folder)
      #expect(two.status == 0 && two.output == "Reports/report.html\n", "\(two.error)")
      let html = try String(contentsOfFile: "\(folder)/Reports/report.html", encoding: .utf8)
      #expect(html.contains("<h1>Comparison of softmax, bags</h1>") && html.hasSuffix("</html>\n"))
      // A run's own page is made anew; one that compares runs may not be replaced unasked.
      #expect(try runBags(["report"], in: folder).status == 0)
      let again = try runBags(["report", "runs/softmax", "runs/bags"], in: folder)
      #expect(again.status == 1 && again.error.contains("Reports/report.html: exists; give --overwrite"))
      let typo = try runBags(["report", "nothing"], in: folder)
      #expect(typo.status == 1 && typo.error.contains("the figures are weightnorms, training, ap, groups"))
      let file = try runBags(["report", "runs/bags/head.safetensors", "--output", "head.html"], in: folder)
      #expect(file.status == 0 && file.output == "head.html\n", "\(file.error)")
    }
  }

  private func runRecord(method: String) -> String {
    """
    {"format": "bags-run", "version": 1, "program": "bags 0", "created": "2026-01-02T03:04:05Z", "method": "\(method)",
     "methodParameters": {}, "roiCount": 1234, "imageCount": 56, "featureCount": 3, "blasKernels": "Zen", "inputs": {},
     "settings": {"epochs": 12, "imagesPerBatch": 16, "learningRate": 0.01, "milestones": [8, 11], "warmupSteps": 0,
     "momentum": 0.9, "weightDecay": 0.0001, "seed": 0, "threads": 2}}
    """
  }

  @Test func otherImageFormatsNeedRsvgConvert() throws {
    try withRuns { folder in
      let words = ["report", "weightnorms", "--image-format", "png", "--output", "figures"]
      let missing = try runBags(words, in: folder, environment: ["PATH": folder])
      #expect(missing.status == 1)
      #expect(missing.error.contains("needs rsvg-convert") && missing.error.contains("librsvg2-bin"))
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/figures"), "nothing is written before it is sure")
    }
  }

  @Test(
    .enabled(
      if: ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"].contains {
        FileManager.default.isExecutableFile(atPath: "\($0)/rsvg-convert")
      }))
  func pngAndPDFAreMadeWhereItIsInstalled() throws {
    try withRuns { folder in
      for (format, magic) in [("png", "\u{89}PNG"), ("pdf", "%PDF")] {
        let result = try runBags(["report", "weightnorms", "--image-format", format, "--output", format], in: folder)
        #expect(result.status == 0, "\(result.error)")
        let data = try #require(FileManager.default.contents(atPath: "\(folder)/\(format)/weightnorms.\(format)"))
        #expect(data.starts(with: magic.unicodeScalars.map { UInt8($0.value) }))
      }
    }
  }

  @Test(.enabled(if: sharedDataPath("glyphs/baseline_head.safetensors") != nil))
  func theRealBaselineHasTheReferencesNumbers() throws {
    let data = try #require(sharedDataPath("glyphs"))
    try withTemporaryFolder { folder in
      let result = try runBags(
        [
          "report", "weightnorms", "\(data)/baseline_head.safetensors", "--annotations",
          "\(data)/annotations_train.json", "--format", "json",
        ], in: folder)
      #expect(result.status == 0, "\(result.error)")
      let head = try #require((try jsonObject(result.output)["heads"] as? [[String: Any]])?.first)
      // reference.json, rows.baseline.
      #expect(abs(try #require(head["rank_correlation"] as? Double) - 0.989) < 0.0005)
      let means = try #require(head["mean_norms"] as? [String: Double])
      for (name, expected) in [("G1", 0.205), ("G2", 0.649), ("G3", 1.133), ("G4", 1.373)] {
        #expect(abs(try #require(means[name]) - expected) < 0.0005)
      }
    }
  }
}

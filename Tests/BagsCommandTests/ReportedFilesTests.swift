import Foundation
import TestSupport
import Testing

/// Files after public bug reports: a result that is zero or empty for a structural reason is never silent, what the
/// reference implementations take is taken with their numbers, and what is refused names the remedy.
///
/// The AP figures are those of pycocotools and lvis-api on the same files.
@Suite struct ReportedFilesTests {
  private func evaluate(_ name: String, _ options: [String] = []) throws -> CommandOutput {
    try runBags(
      ["evaluate", "--annotations", "gt.json", "--results", "dt.json", "--format", "json"] + options,
      in: casePath(name))
  }

  private func group(_ name: String, _ options: [String] = []) throws -> CommandOutput {
    try withTemporaryFolder { folder in
      try runBags(
        ["group", "gt.json", "--format", "json", "--output", "\(folder)/groups.json"] + options, in: casePath(name))
    }
  }

  private func object(_ output: CommandOutput) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(output.output.utf8)) as? [String: Any])
  }

  private func warnings(_ output: CommandOutput) throws -> [String: [String: Any]] {
    let list = try #require(try object(output)["warnings"] as? [[String: Any]])
    return Dictionary(list.map { ($0["code"] as? String ?? "", $0) }) { $1 }
  }

  // MARK: Taken, with the references' numbers

  @Test(arguments: [
    ("b1_uint64_image_ids", ["--protocol", "coco"]),
    ("f1_results_annotations_object", ["--protocol", "coco"]),
    ("g17_image_twice_same", ["--protocol", "coco"]),
    ("g18_minival_missing_image", ["--protocol", "coco"]),
    ("n15_name_int_all", ["--protocol", "coco"]),
    ("n3_gt_bbox_empty_segm", ["--protocol", "coco", "--iou-type", "segm"]),
  ])
  func takesWhatTheReferencesTake(name: String, options: [String]) throws {
    let output = try evaluate(name, options)
    #expect(output.status == 0, "\(output.error)")
    let precision = try #require(try object(output)["AP"] as? Double)
    #expect(abs(precision - 0.875) < 1e-12, "\(precision)")
  }

  @Test(arguments: ["b1_uint64_image_ids", "d9_gt_one_empty_bbox", "g17_image_twice_same", "n15_name_int_all"])
  func groupsWhatTheReferencesTake(name: String) throws {
    let output = try group(name)
    #expect(output.status == 0, "\(output.error)")
    #expect(try object(output)["instances"] as? Int == 18)
  }

  @Test func whatIsTakenIsSaid() throws {
    let repeated = try evaluate("g17_image_twice_same", ["--protocol", "coco"])
    #expect(repeated.error.contains("listed again in the same words") && repeated.error.contains("images[3].id: 12"))
    let missing = try evaluate("g18_minival_missing_image", ["--protocol", "coco"])
    #expect(missing.error.contains("6 of 18 annotations are of images that the file does not list"))
    #expect(missing.error.contains("annotations[6].image_id: 12"))
    let strict = try evaluate("g18_minival_missing_image", ["--protocol", "coco", "--strict"])
    #expect(strict.status == 1 && strict.error.contains("6 of 18 annotations"), "\(strict.error)")
    let box = try group("d9_gt_one_empty_bbox")
    #expect(box.error.contains("1 annotation has no box (annotations["), "\(box.error)")
  }

  // MARK: Zero, with the reason

  /// The case, options, AP, the code of the warning, its count, and what it must say.
  @Test(arguments: [
    (
      "c1_category_minus_one_lvis", [String](), 0.0, "unknown-categories", 6,
      ["6 of 20 detections are of category 0", "1–4", "are the ids counted from 0?"]
    ),
    ("d1_xyxy", [], 0, "boxes-as-corners", 8, ["8 of 20 detections", "are they [x1, y1, x2, y2]?", "results["]),
    (
      "g9_area_all_zero_lvis", [], -1, "areas-of-zero", 18,
      ["all 18 annotations have an area of 0 or less, though their boxes have one", "as the reference does"]
    ),
    (
      "m4_size_other", ["--iou-type", "segm"], 0, "mask-sizes", 20,
      ["all 20 masks have another size than the image", "240 × 320", "image 11 is 480 × 640"]
    ),
    (
      "n1_negative_height_lvis", [], 0.695198, "negative-boxes", 6,
      ["6 of 18 annotations have a box of negative width or height", "is it [x1, y1, x2, y2]?"]
    ),
    ("g24_no_annotations_key", [], -1, "no-annotations", 0, ["gt.json: holds no annotations", "image list of a test"]),
  ])
  func neverASilentZero(
    name: String, options: [String], precision: Double, code: String, count: Int, words: [String]
  ) throws {
    let output = try evaluate(name, options)
    #expect(output.status == 0, "\(output.error)")
    let value = try #require(try object(output)["AP"] as? Double)
    #expect(abs(value - precision) < 5e-7, "\(value)")
    let warning = try #require(try warnings(output)[code], "\(output.error)")
    #expect(warning["count"] as? Int == count)
    #expect(warning["severity"] as? String == "warning")
    for word in words { #expect(output.error.contains(word), "“\(word)” in \(output.error)") }
  }

  @Test func objectsWithoutAreaAreSaidUnderLossesToo() throws {
    let output = try evaluate("g9_area_all_zero_lvis", ["--losses"])
    #expect(output.status == 0 && output.error.contains("an area of 0 or less"))
  }

  // MARK: Refused, with the remedy

  @Test(arguments: [
    (
      "n23_file_without_sizes_segm_lvis", ["--iou-type", "segm"], ["gt.json: images[0].width: is missing", "polygons"]
    ),
    ("f3_results_dict_per_image", [], ["keyed by image", "image_id", "jq '"]),
    ("f9_trailing_comma", [], ["a comma too many before the “]”"]),
    (
      "g27_annotations_dict", [], ["gt.json: annotations: is an object {…}, but must be a list", "jq '.annotations |="]
    ),
    ("n8_annotations_null", [], ["gt.json: annotations: is null, but must be a list"]),
    ("f11_utf16", [], ["is UTF-16 text", "iconv -f UTF-16 -t UTF-8"]),
  ])
  func refusalsNameTheRemedy(name: String, options: [String], words: [String]) throws {
    let output = try evaluate(name, options)
    #expect(output.status == 1 && output.output.isEmpty)
    #expect(output.error.split(separator: "\n").count { $0.hasPrefix("Error") } == 1)
    for word in words { #expect(output.error.contains(word), "“\(word)” in \(output.error)") }
  }

  @Test(arguments: ["g27_annotations_dict", "f11_utf16", "n8_annotations_null"])
  func groupRefusesTheSame(name: String) throws {
    let output = try group(name)
    #expect(output.status == 1 && output.error.contains(name == "f11_utf16" ? "iconv" : "must be a list"))
  }

  // MARK: Of the same kinds

  /// The annotations and results that most of the cases begin from, changed.
  private func evaluateChanged(
    _ options: [String] = ["--protocol", "coco"], annotations: (inout [String: Any]) -> Void = { _ in },
    results: (inout [[String: Any]]) -> Void = { _ in }
  ) throws -> CommandOutput {
    let base = casePath("d9_gt_one_empty_bbox")
    var truth = try #require(
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: URL(fileURLWithPath: "\(casePath("d1_xyxy"))/gt.json"))) as? [String: Any])
    var detections = try #require(
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: URL(fileURLWithPath: "\(base)/dt.json"))) as? [[String: Any]])
    annotations(&truth)
    results(&detections)
    return try withTemporaryFolder { folder in
      try JSONSerialization.data(withJSONObject: truth).write(to: URL(fileURLWithPath: "\(folder)/gt.json"))
      try JSONSerialization.data(withJSONObject: detections).write(to: URL(fileURLWithPath: "\(folder)/dt.json"))
      return try runBags(
        ["evaluate", "--annotations", "gt.json", "--results", "dt.json", "--format", "json"] + options, in: folder)
    }
  }

  private func change(_ records: inout [[String: Any]], _ change: (inout [String: Any]) -> Void) {
    for index in records.indices { change(&records[index]) }
  }

  @Test func cleanFilesAreNotSpokenOf() throws {
    let output = try evaluateChanged()
    #expect(output.status == 0 && output.error.isEmpty, "\(output.error)")
    #expect((try object(output)["warnings"] as? [Any])?.isEmpty == true)
  }

  @Test func boxesAsFractionsAreSaid() throws {
    let output = try evaluateChanged(results: { records in
      change(&records) { record in
        let box = (record["bbox"] as? [Double] ?? [])
        record["bbox"] = [box[0] / 640, box[1] / 480, box[2] / 640, box[3] / 480]
      }
    })
    #expect(output.error.contains("all 20 detections have a box within 0 and 1"), "\(output.error)")
    #expect(output.error.contains("are they fractions"))
  }

  @Test func boxesOfAnotherScaleAreSaid() throws {
    let output = try evaluateChanged(results: { records in
      change(&records) { $0["bbox"] = ($0["bbox"] as? [Double] ?? []).map { $0 * 3 } }
    })
    #expect(output.error.contains("reaches beyond its image"), "\(output.error)")
    #expect(output.error.contains("resized image"))
  }

  @Test func frequenciesThatAreNoneAreSaid() throws {
    let output = try evaluateChanged([]) { truth in
      var categories = truth["categories"] as? [[String: Any]] ?? []
      change(&categories) { $0["frequency"] = "f" }
      categories[1]["frequency"] = "rare"
      categories[2]["frequency"] = 3
      truth["categories"] = categories
    }
    #expect(output.error.contains("the frequency of 2 categories is not r, c or f (ids 2, 3)"), "\(output.error)")
    #expect(output.error.contains("“rare”"))
  }

  @Test func swappedMaskSizesAreSaid() throws {
    let output = try evaluateChanged(["--protocol", "coco", "--iou-type", "segm"]) { records in
      change(&records) { $0["segmentation"] = ["size": [640, 480], "counts": [0, 640 * 480]] }
    }
    #expect(output.error.contains("are height and width swapped?"), "\(output.error)")
  }

  private func evaluateChanged(
    _ options: [String], results: (inout [[String: Any]]) -> Void
  ) throws -> CommandOutput {
    try evaluateChanged(options, annotations: { _ in }, results: results)
  }

  @Test func unknownImagesAreCounted() throws {
    let output = try evaluateChanged(["--protocol", "coco"]) { records in
      for index in 3..<7 { records[index]["image_id"] = 99 }
    }
    #expect(output.status == 1, "\(output.error)")
    #expect(output.error.contains("results[3].image_id: 99 is not the id of an image of the ground truth"))
    #expect(output.error.contains("4 of 20 detections"))
  }

  @Test func equalScoresAreSaid() throws {
    let output = try evaluateChanged(["--protocol", "coco"]) { records in change(&records) { $0["score"] = 1 } }
    #expect(output.error.contains("all 20 detections have the score 1"), "\(output.error)")
  }

  @Test func textIDsAreRefusedWithTheRemedy() throws {
    let output = try evaluateChanged(["--protocol", "coco"]) { records in
      change(&records) { $0["image_id"] = "11" }
    }
    #expect(output.status == 1 && output.error.contains("jq '.[].image_id |= tonumber'"), "\(output.error)")
  }

  @Test func imagesTwiceInOtherWordsAreRefused() throws {
    let output = try evaluateChanged { truth in
      var images = truth["images"] as? [[String: Any]] ?? []
      images.append(["id": 12, "width": 640, "height": 480, "file_name": "other.jpg"])
      truth["images"] = images
    }
    #expect(output.status == 1 && output.error.contains("images[3].id: is 12, as is images[1].id"), "\(output.error)")
    #expect(output.error.contains("the two entries differ"))
  }

  @Test(arguments: [
    (#"{"images": [], "categories": [], "annotations": [{"image_id": 1, "segments_info": []}]}"#, "panoptic"),
    (#"{"videos": [], "categories": [], "annotations": [{"video_id": 1, "bboxes": []}]}"#, "video"),
    (#"{"images": [], "annotations": [{"image_id": 1, "id": 2, "caption": "A jar."}]}"#, "captions"),
    (
      #"{"images": [], "categories": [], "annotations": [{"image_id": 1, "category_id": 1, "keypoints": [1]}]}"#,
      "keypoints"
    ),
  ])
  func filesOfOtherTasksAreRecognised(json: String, name: String) throws {
    try withTemporaryFolder { folder in
      try Data(json.utf8).write(to: URL(fileURLWithPath: "\(folder)/gt.json"))
      let output = try runBags(["evaluate", "--annotations", "gt.json", "--results", "gt.json"], in: folder)
      #expect(output.status == 1 && output.error.contains(name), "\(output.error)")
    }
  }

  @Test func detectionsOneALineAreRead() throws {
    let base = casePath("d9_gt_one_empty_bbox")
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(base)/dt.json"))
    let records = try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
    let lines = try records.map {
      String(decoding: try JSONSerialization.data(withJSONObject: $0), as: UTF8.self)
    }
    for text in [lines.joined(separator: "\n"), lines.joined(separator: "\r\n\n") + "\n\n"] {
      try withTemporaryFolder { folder in
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/dt.jsonl"))
        let output = try runBags(
          [
            "evaluate", "--annotations", "\(casePath("d1_xyxy"))/gt.json", "--results", "dt.jsonl", "--format", "json",
            "--protocol", "coco",
          ], in: folder)
        #expect(output.status == 0, "\(output.error)")
        let precision = try #require(try object(output)["AP"] as? Double)
        #expect(abs(precision - 0.875) < 1e-12)
      }
    }
  }

  // MARK: Outputs

  @Test func groupsThatAreThereNameTheirBoundaries() throws {
    try withTemporaryFolder { folder in
      let words = ["group", "\(casePath("d1_xyxy"))/gt.json"]
      #expect(try runBags(words, in: folder).status == 0)
      let again = try runBags(words + ["--boundaries", "5,50"], in: folder)
      #expect(again.status == 1 && again.error.contains("groups of the boundaries 10,100,1000"), "\(again.error)")
      #expect(again.error.contains("--overwrite") && again.error.contains("--output"))
      let curves = try runBags(
        [
          "evaluate", "--annotations", "\(casePath("d1_xyxy"))/gt.json", "--results", "\(casePath("d1_xyxy"))/dt.json",
          "--groups", "groups.json", "--per-class", "--curves", "c.csv",
        ], in: folder)
      #expect(curves.status == 0 && curves.output.contains("instances"), "\(curves.error)")
      let repeated = try runBags(
        [
          "evaluate", "--annotations", "\(casePath("d1_xyxy"))/gt.json", "--results", "\(casePath("d1_xyxy"))/dt.json",
          "--curves", "c.csv",
        ], in: folder)
      #expect(repeated.status == 1 && repeated.error.contains("another --curves"), "\(repeated.error)")
    }
  }

  @Test func errorsOfFoundationAreInWords() throws {
    try withTemporaryFolder { folder in
      let run = try runBags(["train", "--gradient-clip", "inf", "--epochs", "1", "--output", "run"], in: folder)
      #expect(run.status != 0 && !run.error.contains("EncodingError") && !run.error.contains("Domain="), "\(run.error)")
    }
  }
}

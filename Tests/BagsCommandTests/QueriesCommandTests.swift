import BalancedGroupSoftmax
import DurableFiles
import Foundation
import TestSupport
import Testing

/// Sets of queries, and of whole images, from training to scores.
@Suite struct QueriesCommandTests {
  /// The small detection set as queries: the same features, one label for each object.
  private func writeQueries(to folder: String, metadata: [String: String]) throws {
    try SmallDetectionSet.write(to: folder)
    for split in ["train", "val"] {
      let set = try FeatureSet(at: "\(folder)/\(split)")
      let dataset = try LVISDataset(contentsOf: "\(folder)/\(split).json")
      let classes = try set.labels(assignedFrom: dataset).classes
      let writer = try FeatureSetWriter(
        at: "\(folder)/q-\(split)", featureCount: set.featureCount, elementType: .float32,
        metadata: metadata.merging(["kind": "queries"]) { $1 })
      for image in set.images {
        // Of the three RoIs of an object the first is its query.
        let labels = image.rows.enumerated().map { $0.offset % 3 == 0 && $0.offset < 6 ? classes[$0.element] : -1 }
        try writer.append(
          ImageRoIs(
            imageID: image.id, features: try set.features(rows: image.rows), boxes: try set.boxes(rows: image.rows),
            labels: labels.map { $0 < 0 ? -1 : dataset.categories[Int($0)].id },
            columns: [.ious: labels.map { $0 < 0 ? 0 : 0.8 }]))
      }
      try writer.finish()
    }
  }

  private func run(_ line: String, in folder: String) throws -> CommandOutput {
    try runBags(line.split(separator: " ").map(String.init), in: folder)
  }

  @Test(arguments: ["bags", "varifocal", "focal --sampler class-balanced"])
  func trainPredictEvaluate(method: String) throws {
    try withTemporaryFolder { folder in
      try writeQueries(to: folder, metadata: ["max_detections": "20"])
      let trained = try run(
        "train --features q-train --annotations train.json --method \(method) --epochs 3 --output run", in: folder)
      #expect(trained.status == 0 && trained.error.contains("800 queries (200 foreground)"), "\(trained.error)")
      let predicted = try run("predict run --features q-val --annotations val.json", in: folder)
      // 40 images, the best 20 of 8 × 5 each; the boxes are final, so nothing is said of deltas or clipping.
      #expect(predicted.status == 0 && predicted.output.contains("800 detections in 40 images"), "\(predicted)")
      #expect(predicted.error.contains("320 queries of 40 images") && !predicted.error.contains("warning"))
      let best = try run(
        "predict run --features q-val --per-query best --max-detections 300 --overwrite", in: folder)
      #expect(best.output.contains("320 detections in 40 images") && !best.error.contains("warning"), "\(best)")
      let scored = try run("evaluate --annotations val.json --results results.json --format json", in: folder)
      #expect(try #require(try jsonObject(scored.output)["AP50"] as? Double) > 0.3, "\(scored.output)")
    }
  }

  @Test func calibrateAndCompare() throws {
    try withTemporaryFolder { folder in
      try writeQueries(to: folder, metadata: ["per_query": "best", "max_detections": "8"])
      let compared = try run(
        "compare --features q-train --annotations train.json --val q-val --val-annotations val.json "
          + "--methods softmax,bags --epochs 2 --seeds 1 --output c --format json", in: folder)
      #expect(compared.status == 0, "\(compared.error)")
      let heads = try FileManager.default.subpathsOfDirectory(atPath: "\(folder)/c").filter {
        $0.hasSuffix("head.safetensors") && $0.contains("softmax")
      }
      let head = try #require(heads.first)
      let calibrated = try run(
        "calibrate c/\(head) --method post-hoc-adjustment --features q-train --annotations train.json --output cal",
        in: folder)
      #expect(calibrated.status == 0, "\(calibrated.error)")
      // What the comparison scored is what predict writes and evaluate scores.
      let predicted = try run("predict c/\(head) --features q-val --annotations val.json", in: folder)
      #expect(predicted.output.contains("320 detections"), "\(predicted)")
      let scored = try jsonObject(
        run(
          "evaluate --annotations val.json --results results.json --frequency-from train.json --format json", in: folder
        )
        .output)
      let table = compared.output
      let ap = try #require(scored["AP"] as? Double)
      #expect(table.contains(String("\(ap)".prefix(8))), "AP \(ap) in \(table)")
    }
  }

  @Test func checkTellsWhichObjectsHaveAQuery() throws {
    try withTemporaryFolder { folder in
      try writeQueries(to: folder, metadata: [:])
      let run = try run("check train.json --features q-train", in: folder)
      #expect(run.output.contains("queries, recall at IoU .5 and .75"), "\(run.output)")
      #expect(run.output.contains("800 queries (200 foreground)"), "\(run.output)")
      let inputs = try jsonObject(self.run("check train.json --features q-train --format json", in: folder).output)
      let recall = try #require((inputs["features"] as? [String: Any])?["recall"] as? [[String: Any]])
      #expect(recall.first?["found75"] as? Int == 200 && recall.count > 1, "\(recall)")
    }
  }

  @Test func perQueryIsForQueries() throws {
    try withTemporaryFolder { folder in
      try writeQueries(to: folder, metadata: ["per_query": "some"])
      _ = try run("train --features train --annotations train.json --epochs 1 --output run", in: folder)
      let rois = try run("predict run --features val --per-query best", in: folder)
      #expect(rois.status == 1 && rois.error.contains("--per-query is for a set of queries"), "\(rois.error)")
      let text = try run("predict run --features q-val", in: folder)
      #expect(text.status == 1 && text.error.contains("per_query 'some'; best or all is expected"), "\(text.error)")
    }
  }

  @Test func wholeImages() throws {
    try withTemporaryFolder { folder in
      // Three classes with 150, 30 and 6 images; the first feature says which.
      var (ids, labels, features): ([Int64], [Int64], [Float]) = ([], [], [])
      for (label, count) in [(3, 150), (5, 30), (9, 6)] {
        for _ in 0..<count {
          ids.append(Int64(ids.count + 1))
          labels.append(Int64(label))
          features += [label == 3 ? 1 : 0, label == 5 ? 1 : 0, label == 9 ? 1 : 0, 1]
        }
      }
      try writeSafetensors(
        [
          NamedTensor("features", floats: features, shape: [ids.count, 4]),
          NamedTensor("labels", integers: labels, shape: [ids.count]),
          NamedTensor("image_ids", integers: ids, shape: [ids.count]),
        ], to: "\(folder)/images.safetensors")
      // As iNaturalist has them: no boxes.
      try DurableFile.write(
        """
        {"images":[\(ids.map { "{\"id\":\($0)}" }.joined(separator: ","))],
        "annotations":[\(zip(ids, labels).map { "{\"id\":\($0),\"image_id\":\($0),\"category_id\":\($1)}" }.joined(separator: ","))],
        "categories":[{"id":3,"name":"a"},{"id":5,"name":"b"},{"id":9,"name":"c"}]}
        """, to: "\(folder)/labels.json")
      try DurableFile.write(
        "image_id,category_id\n" + zip(ids, labels).map { "\($0),\($1)\n" }.joined(), to: "\(folder)/labels.csv")
      let grouping = try run("group labels.json", in: folder)
      #expect(grouping.status == 0, "\(grouping.error)")
      let trained = try run(
        "train --features images.safetensors --annotations labels.json --sampler class-balanced --learning-rate 0.5 "
          + "--output run", in: folder)
      #expect(trained.status == 0 && trained.error.contains("186 examples (186 foreground)"), "\(trained.error)")
      for (output, labels) in [("scores.csv", "labels.json"), ("scores.json", "labels.csv")] {
        let predicted = try run("predict run --features images.safetensors --output \(output)", in: folder)
        #expect(predicted.status == 0 && predicted.output.contains("3 class scores of 186 examples"), "\(predicted)")
        let scored = try run(
          "evaluate --classification \(labels) --results \(output) --groups groups.json --format json", in: folder)
        let document = try jsonObject(scored.output)
        let parts = try #require(document["parts"] as? [[String: Any]])
        #expect(parts.prefix(4).compactMap { $0["name"] as? String } == ["all", "many", "medium", "few"])
        #expect(parts.prefix(4).compactMap { $0["images"] as? Int } == [186, 150, 30, 6])
        #expect(parts[1]["accuracy"] as? Double == 1 && document["top1"] as? Double ?? 0 > 0.8, "\(scored.output)")
      }
      let table = try run(
        "evaluate --classification labels.csv --results scores.csv --groups groups.json", in: folder)
      #expect(table.output.contains("few") && table.output.contains("of all images"), "\(table.output)")
      let detections = try run("evaluate --annotations labels.json --classification labels.csv --results x", in: folder)
      #expect(detections.status == 64 && detections.error.contains("exclude each other"), "\(detections.error)")
      let checked = try run("check labels.json --features images.safetensors", in: folder)
      #expect(checked.output.contains("186 examples"), "\(checked.output)\(checked.error)")
    }
  }
}

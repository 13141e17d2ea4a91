import DenseLinearAlgebra
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets
import RealModule
import TestSupport
import Testing

/// Against the official OHEM code (`case_ohem_caffe_1.json`).
@Suite struct OnlineHardExamplesTests {
  @Test func keepsTheRoIsThatTheOfficialCodeKeeps() throws {
    for golden in try GoldenCase.losses("case_ohem_caffe_1.json") {
      let (batch, placeOfRow) = try batch(golden)
      let official = numbers(golden.outputs["roi_losses"])
      #expect(
        largestDifference(zip(batch.classLosses, batch.boxLosses).map { $0 + $1 }, placeOfRow.map { official[$0] })
          < 1e-5)
      let size = try #require(integers(golden.hyperparameters["batch_size"]).first)
      // The official size is of the batch, ours of an image.
      let perImage = (size + batch.images.count - 1) / batch.images.count
      #expect(perImage * batch.images.count == size, "\(golden)")
      let usesNMS = golden.hyperparameters["use_nms"] as? Bool ?? true
      let mining = OnlineHardExamples(countPerImage: perImage, suppressionIoU: usesNMS ? 0.7 : 1)
      var generator = SeededGenerator(seed: 0)
      let kept = mining.select(from: batch, using: &generator).map { placeOfRow[Int($0)] }
      #expect(kept.sorted() == integers(golden.outputs["hard_indices_by_descending_loss"]).sorted(), "\(golden)")
    }
  }

  @Test func backgroundSuppressesBackgroundOfItsOwnImageOnly() {
    var batch = RoIBatch(labels: [-1, -1, -1, 0, 0], images: [0..<2, 2..<5])
    batch.boxes = Array(repeating: CornerBox(0, 0, 20, 20), count: 5)
    batch.classLosses = [1, 2, 0.5, 3, 3]
    var generator = SeededGenerator(seed: 0)
    // Of the equal ones the first is kept.
    #expect(OnlineHardExamples().select(from: batch, using: &generator) == [1, 2, 3])
    #expect(OnlineHardExamples(countPerImage: 1).select(from: batch, using: &generator) == [1, 3])
    #expect(OnlineHardExamples(suppressionIoU: 1).select(from: batch, using: &generator) == [0, 1, 2, 3, 4])
  }

  /// The case as a batch, its RoIs in the order of images, and the row of the case for every place.
  private func batch(_ golden: GoldenCase) throws -> (RoIBatch, [Int]) {
    let rois = numbers(golden.inputs["rois"])
    let labels = integers(golden.inputs["labels"])
    let order = labels.indices.sorted { (rois[5 * $0], $0) < (rois[5 * $1], $1) }
    var images: [Range<Int>] = []
    for (place, row) in order.enumerated() {
      if place == 0 || rois[5 * row] != rois[5 * order[place - 1]] {
        images.append(place..<place + 1)
      } else {
        images[images.count - 1] = images[images.count - 1].lowerBound..<place + 1
      }
    }
    let probabilities = numbers(golden.inputs["cls_prob"])
    let (predictions, targets) = (numbers(golden.inputs["bbox_pred"]), numbers(golden.inputs["bbox_targets"]))
    let (width, classes) = (predictions.count / labels.count, probabilities.count / labels.count)
    var batch = RoIBatch(labels: order.map { Int32(labels[$0] - 1) }, images: images)
    batch.boxes = order.map { row in
      CornerBox(Float(rois[5 * row + 1]), Float(rois[5 * row + 2]), Float(rois[5 * row + 3]), Float(rois[5 * row + 4]))
    }
    batch.classLosses = order.map { row in
      OnlineHardExamples.limited(Float(-Double.log(probabilities[row * classes + labels[row]])))
    }
    batch.boxLosses = order.map { row in
      guard labels[row] > 0 else { return 0 }
      let first = row * width + 4 * labels[row]
      return SmoothL1(beta: 1).loss(
        deltas: (first..<first + 4).map { Float(predictions[$0]) },
        targets: (first..<first + 4).map { Float(targets[$0]) })
    }
    return (batch, order)
  }
}

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
      let official = try golden.outputs.numbers("roi_losses", count: placeOfRow.count)
      #expect(
        largestDifference(zip(batch.classLosses, batch.boxLosses).map { $0 + $1 }, placeOfRow.map { official[$0] })
          < 1e-5)
      let size = try golden.hyperparameters.integer("batch_size", in: 1...1_000_000)
      // The official size is of the batch, ours of an image.
      let perImage = (size + batch.images.count - 1) / batch.images.count
      #expect(perImage * batch.images.count == size, "\(golden)")
      let usesNMS = golden.hyperparameters.flag("use_nms") ?? true
      let mining = OnlineHardExamples(
        countPerImage: perImage,
        suppressionIoU: usesNMS ? Float(try golden.hyperparameters.number("nms_thresh")) : 1)
      var generator = SeededGenerator(seed: 0)
      let kept = mining.select(from: batch, using: &generator).map { placeOfRow[Int($0)] }
      let expected = try golden.outputs.integers("hard_indices_by_descending_loss")
      #expect(kept.sorted() == expected.sorted(), "\(golden)")
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
    let rois = try golden.inputs.matrix("rois", columns: 5, as: Float.self)
    let probabilities = try golden.inputs.matrix("cls_prob", rows: rois.rows, as: Double.self)
    let classes = probabilities.columns
    let predictions = try golden.inputs.matrix("bbox_pred", rows: rois.rows, columns: 4 * classes, as: Float.self)
    let targets = try golden.inputs.matrix("bbox_targets", rows: rois.rows, columns: 4 * classes, as: Float.self)
    let labels = try golden.inputs.integers("labels", count: rois.rows, in: 0...classes - 1)
    let order = labels.indices.sorted { (rois[$0, 0], $0) < (rois[$1, 0], $1) }
    var images: [Range<Int>] = []
    for (place, row) in order.enumerated() {
      if place == 0 || rois[row, 0] != rois[order[place - 1], 0] {
        images.append(place..<place + 1)
      } else {
        images[images.count - 1] = images[images.count - 1].lowerBound..<place + 1
      }
    }
    var batch = RoIBatch(labels: order.map { Int32(labels[$0] - 1) }, images: images)
    batch.boxes = order.map { CornerBox(rois[$0, 1], rois[$0, 2], rois[$0, 3], rois[$0, 4]) }
    batch.classLosses = order.map { OnlineHardExamples.limited(Float(-Double.log(probabilities[$0, labels[$0]]))) }
    batch.boxLosses = order.map { row in
      guard labels[row] > 0 else { return 0 }
      let own = 4 * labels[row]..<4 * labels[row] + 4
      return SmoothL1(beta: 1).loss(deltas: Array(predictions.row(row)[own]), targets: Array(targets.row(row)[own]))
    }
    return (batch, order)
  }
}

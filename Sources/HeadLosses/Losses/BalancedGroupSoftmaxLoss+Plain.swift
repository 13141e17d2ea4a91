import DenseLinearAlgebra

extension BalancedGroupSoftmaxLoss {
  /// The loss of whole rows of logits, in any scalar: what training computes on the rows that it needs, written out
  /// plainly.
  ///
  /// - Parameters:
  ///   - logits: [N, K]; replaced by the gradient.
  ///   - labels: The class index of every RoI, or −1 for background.
  ///   - keptRows: For every foreground group the rows that its loss takes; see `sampledRows`.
  /// - Returns: The loss of G0, if there is one, and of every group; their sum is the loss.
  public func losses<Scalar: DenseScalar>(
    logits: inout Matrix<Scalar>, labels: [Int32], keptRows: [[Int32]]
  ) -> [Double] {
    var gradient = Matrix<Scalar>(rows: logits.rows, columns: logits.columns)
    let everyRow = (0..<Int32(labels.count)).map { $0 }
    let isForeground = labels.map { $0 < 0 ? Int32(0) : 1 }
    var losses: [Double] = []
    if groupedLayout.background != .none {
      losses.append(groupLoss(logits, groupedLayout.backgroundSlice, rows: everyRow, targets: isForeground, &gradient))
    }
    for (group, rows) in keptRows.enumerated() {
      let targets = targets(of: labels, inGroup: group)
      losses.append(groupLoss(logits, groupedLayout.slices[group], rows: rows, targets: targets, &gradient))
    }
    logits = gradient
    return losses
  }

  /// CE over one slice of logits, mean over `rows`: softmax, or logistic where G0 is a single logit.
  private func groupLoss<Scalar: DenseScalar>(
    _ logits: Matrix<Scalar>, _ slice: Range<Int>, rows: [Int32], targets: [Int32], _ gradient: inout Matrix<Scalar>
  ) -> Double {
    let divisor = Scalar(max(1, rows.count))
    let isLogistic = groupedLayout.background == .sigmoid && slice == groupedLayout.backgroundSlice
    var loss = 0.0
    for row in rows {
      var z = slice.map { logits[Int(row), $0] }
      let target = [targets[Int(row)]]
      loss +=
        isLogistic
        ? binaryCrossEntropy(logits: &z, rows: 0..<1, targets: target, divisor: divisor)
        : softmaxCrossEntropy(logits: &z, rows: 0..<1, columns: slice.count, targets: target, divisor: divisor)
      for (value, column) in zip(z, slice) { gradient[Int(row), column] = value }
    }
    return loss
  }
}

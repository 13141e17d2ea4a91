import FeatureSets

extension AnchorSource {
  /// The anchors of images that are trained on, as a batch: ignored ones are not in it.
  ///
  /// - Parameter images: The positions of the images, in the order of the batch.
  func batch(ofImages images: some Sequence<Int>) -> RoIBatch {
    var (labels, rows, ranges): ([Int32], [Int], [Range<Int>]) = ([], [], [])
    for image in images {
      let start = labels.count
      var next = self.rows(ofImage: image).lowerBound
      let (first, end) = (next, self.rows(ofImage: image).upperBound)
      func addBackground(upTo row: Int) {
        guard next < row else { return }
        labels.append(contentsOf: repeatElement(RoILabels.background, count: row - next))
        rows.append(contentsOf: next..<row)
      }
      for anchor in labelledAnchors(ofImage: image) {
        let row = first + Int(anchor.place)
        addBackground(upTo: row)
        if anchor.label != AnchorLabel.ignored {
          labels.append(anchor.label)
          rows.append(row)
        }
        next = row + 1
      }
      addBackground(upTo: end)
      ranges.append(start..<labels.count)
    }
    return RoIBatch(labels: labels, images: ranges, rows: rows)
  }
}

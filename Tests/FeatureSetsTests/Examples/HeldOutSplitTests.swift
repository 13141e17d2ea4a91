import DenseLinearAlgebra
import FeatureSets
import Testing

@Suite struct HeldOutSplitTests {
  @Test func everyClassInTwoImagesOrMoreIsOnBothSides() {
    var generator = SeededGenerator(seed: 4)
    // 400 images with a long tail of 30 classes: class c is in about 300 / (c + 1)² of them.
    var labels: [[Int32]] = []
    for _ in 0..<400 {
      let shown = (0..<30).filter { index in
        let share = 0.75 / Double((index + 1) * (index + 1)) + 0.004
        return Double.random(in: 0..<1, using: &generator) < share
      }
      labels.append(shown.map { Int32($0) } + [-1])
    }
    let images = ImageClasses(labels: labels, classCount: 30)
    let split = HeldOutSplit(images, fraction: 0.2, using: &generator)
    #expect((split.kept + split.heldOut).sorted() == Array(0..<400))
    #expect(split.kept == split.kept.sorted() && split.heldOut == split.heldOut.sorted())
    let share = Double(split.heldOut.count) / 400
    #expect(0.15 < share && share < 0.3)
    for (index, count) in images.imageCounts.enumerated() {
      let heldOut = split.heldOut.count { image in images.classes(ofImage: image).contains { $0.classIndex == index } }
      if count > 1 { #expect(heldOut > 0 && heldOut < count) } else { #expect(heldOut == 0) }
      if count > 20 { #expect(abs(Double(heldOut) / Double(count) - 0.2) < 0.1) }
    }
  }

  @Test func isTheSameForTheSameSeedAndHoldsOutImagesWithoutForeground() {
    let images = ImageClasses(labels: Array(repeating: [-1], count: 50), classCount: 2)
    func split(_ seed: UInt64) -> HeldOutSplit {
      var generator = SeededGenerator(seed: seed)
      return HeldOutSplit(images, fraction: 0.1, using: &generator)
    }
    #expect(split(1) == split(1) && split(1) != split(2))
    #expect(split(1).heldOut.count == 5)
  }
}

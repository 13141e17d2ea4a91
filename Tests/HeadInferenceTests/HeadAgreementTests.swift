import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadInference
import LVISDatasets
import TestSupport
import Testing

@Suite struct HeadAgreementTests {
  /// Row r of the head is the direction of class r, and so are the features of its RoIs.
  private func head() throws -> LinearHead {
    var weight = Matrix<Float>(rows: 6, columns: 5)
    for index in 0..<5 { weight[index + 1, index] = 1 }
    return try LinearHead(
      weight: weight, bias: Array(repeating: 0, count: 6), layout: SoftmaxLayout(classCount: 5),
      groups: CategoryGroups(instances: [3, 30, 300, 3000, 30000]), method: "softmax")
  }

  private func rois(_ label: (Int) -> Int32) -> RoIArrays {
    let rows = (0..<60).map { row in (0..<5).map { Float($0 == row % 5 ? 2 : 0) } }
    return RoIArrays(
      features: rows.flatMap { $0 }, featureCount: 5, labels: (0..<60).map { label($0 % 5) },
      roisPerImage: [40, 20])
  }

  @Test func aHeadOfTheSameOrderAgrees() throws {
    let source = rois { Int32($0) }
    let (count, right) = try head().agreement(with: source)
    #expect(count == 60 && right == 60)
    #expect(try head().findings(on: source) == [])
    #expect(try head().agreement(with: source, limit: 20).count == 20)
    // Background does not count.
    #expect(try head().agreement(with: rois { $0 == 0 ? -1 : Int32($0) }) == (48, 48))
  }

  @Test func aHeadOfAnotherOrderIsFound() throws {
    let fault = try #require(try head().findings(on: rois { Int32(($0 + 1) % 5) })[.headDisagrees])
    #expect(fault.severity == .warning && fault.count == 60)
    #expect(fault.message.contains("right about 0 of 60 foreground RoIs"))
  }
}

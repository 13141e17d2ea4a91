import DenseLinearAlgebra

/// A softmax classifier with DisAlign's corrections: background, the classes by ascending category id, and the
/// confidence q; the magnitudes and margins of the classes stand beside the weight.
public struct DisAlignLayout: LogitLayout, Equatable {
  /// s and b of every class.
  public let alignment: Alignment<Float>

  /// Makes a layout for the classes that have these magnitudes and margins.
  public init(alignment: Alignment<Float>) { self.alignment = alignment }

  /// The name in head files, `disalign`.
  public var name: String { "disalign" }
  /// The number of foreground classes, C.
  public var classCount: Int { alignment.magnitudes.count }
  /// The number of logits, C + 2.
  public var logitCount: Int { classCount + 2 }
  /// The logit of a class; background's stands before them.
  public func logit(ofClass index: Int) -> Int { index + 1 }
  /// The logit of background, which is the first.
  public var backgroundLogits: [Int] { [0] }
  /// A softmax head's background, since such a head is what is corrected.
  public var backgroundKind: String { SoftmaxLayout(classCount: classCount).backgroundKind }
  /// The magnitudes s and the margins b, which head files keep as `layout.magnitudes` and `layout.margins`.
  public var tensors: [String: [Float]] { ["magnitudes": alignment.magnitudes, "margins": alignment.margins] }

  /// The layout with the s and b of a head file.
  public func with(tensors: [String: [Float]]) throws -> any LogitLayout {
    func values(_ name: String) throws -> [Float] {
      guard let values = tensors[name], values.count == classCount, values.allSatisfy(\.isFinite) else {
        throw LinearHeadError(.badValue, "layout.\(name) must be \(classCount) finite numbers, one a class")
      }
      return values
    }
    return DisAlignLayout(
      alignment: Alignment(magnitudes: try values("magnitudes"), margins: try values("margins")))
  }

  /// Softmax of the aligned logits; background's is dropped.
  public func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>) {
    for row in 0..<count {
      let z = logits + row * logitCount
      Float.sigmoid(z + classCount + 1, count: 1)
      alignment.align(z + 1, confidence: z[classCount + 1])
      _ = Float.softmax(z, count: classCount + 1)
      (scores + row * classCount).update(from: z + 1, count: classCount)
    }
  }
}

import DetectionHeads
import FeatureSets
import HeadLosses
import LVISDatasets
import RealModule

/// What fractal calibration, FRACAL (Alexandridis et al., CVPR 2025), adds to the logit of every class (kostas1515/FRACAL
/// `fracal_bbox_head.py`, `get_fracal_weights` and `_predict_by_feat_single`).
///
/// With the prior shift w_c = log_b((1/C) / (m_c/M)), from the share of the training images that hold a class to an even
/// one, and D_c the fractal dimension:
/// - a softmax over background and the classes: softmax(z + w), each class ÷ D_c^λ, renormalised. That is the
///   softmax of z + w − λ ln D.
/// - a sigmoid per class: σ(z) · σ(z + w + f), f_c = −log₁₀(D_c^λ / Σ_j D_j^λ) − log₁₀ C (the code's sigmoid branch).
///
/// A class in no image counts as in one.
///
/// - Parameters:
///   - imageCounts: m_c.
///   - imageCount: M.
///   - dimensions: D [C].
///   - exponent: λ.
///   - base: b.
///   - isSoftmax: Whether the shifts are for a softmax; for a sigmoid per class where not.
/// - Returns: [C].
public func fractalShifts(
  imageCounts: [Int], imageCount: Int, dimensions: [Double], exponent: Double, base: Double, isSoftmax: Bool
) -> [Double] {
  let classCount = Double(max(1, imageCounts.count))
  let total = dimensions.reduce(0) { $0 + Double.pow($1, exponent) }
  return zip(imageCounts, dimensions).map { count, dimension in
    let share = Double(max(1, count)) / Double(max(1, imageCount))
    let prior = -Double.log(classCount * share) / Double.log(base)
    let fractal =
      isSoftmax
      ? -exponent * Double.log(dimension) : -Double.log10(Double.pow(dimension, exponent) / total * classCount)
    return prior + fractal
  }
}

extension LinearHead {
  /// The head calibrated by how often and how evenly over the image its classes are found, FRACAL.
  ///
  /// A softmax head stays an ordinary layer with other biases, since dividing by D^λ and renormalising is a shift of its
  /// logits. The logits of a sigmoid head stay; its scores get the factor σ(z + w + f), so it is no ordinary layer any
  /// more. The authors have no sigmoid heads with a logit for background; the factor is the same there (our reading).
  ///
  /// - Parameters:
  ///   - annotations: The training annotations: boxes, and the images that they stand in.
  ///   - exponent: λ; 0 leaves the dimensions out.
  ///   - base: b, the base of the logarithm of the prior shift.
  /// - Throws: `LinearHeadError` for a layout without one softmax over all classes or a sigmoid per class.
  public func fractalCalibrated(by annotations: LVISDataset, exponent: Double, base: Double) throws -> LinearHead {
    let name = CalibrationMethod.fractal.name
    let sigmoid = layout.unnormed as? SigmoidLayout
    // Refuses heads that it has no meaning for before the objects are looked at.
    if sigmoid == nil { _ = try shiftingClasses(by: [], for: name) }
    let shifts = fractalShifts(
      imageCounts: groups.members.map(\.imageCount), imageCount: annotations.images.count,
      dimensions: fractalDimensions(of: annotations.objectCentres(of: groups), classCount: layout.classCount),
      exponent: exponent, base: base, isSoftmax: sigmoid == nil)
    guard let sigmoid else { return try shiftingClasses(by: shifts, for: name) }
    let shifted = ShiftedSigmoidLayout(base: sigmoid, shifts: shifts.map { Float($0) })
    return try LinearHead(
      weight: weight, bias: bias, hidden: hidden, layout: shifted.normed(like: layout), groups: groups, method: method)
  }
}

extension CalibrationMethod {
  /// The calibration `fracal`, by the frequency of classes and where their objects stand.
  public static let fractal = CalibrationMethod(
    name: "fracal",
    summary: "shares of the images evened out, and classes that are found all over the image held back",
    source: "Alexandridis et al., CVPR 2025",
    parameters: [
      .number("lambda", default: 2, in: 0...20, "λ: scores are divided by the fractal dimension to this power"),
      .number("base", default: 10, in: 1.01...1e6, "the base of the prior shift's logarithm: the smaller, the more"),
    ],
    needsFeatures: true,
    work: .formula { head, parameters, source in
      guard let source else {
        throw TrainingRecipeError(.missingInput, "fracal needs the training RoIs, with their annotations")
      }
      if !(head.layout.unnormed is SigmoidLayout) { _ = try head.shiftingClasses(by: [], for: "fracal") }
      guard let annotations = source.annotations else {
        throw TrainingRecipeError(
          .missingInput, "fracal needs the training annotations: it looks at where objects stand")
      }
      return try head.fractalCalibrated(
        by: annotations, exponent: parameters.number("lambda"), base: parameters.number("base"))
    })
}

/// A box loss, chosen by its name.
public struct BoxLossMethod: NamedMethod {
  /// The name by which a user chooses it, such as `smooth-l1`.
  public let name: String
  /// One line on what it does.
  public let summary: String
  /// The paper or code that it comes from.
  public let source: String
  /// The parameters that it declares.
  public let parameters: [MethodParameter]
  /// Makes the loss from the parameters.
  public let loss: @Sendable (MethodParameters) -> any BoxLoss

  /// Declares a box loss.
  ///
  /// - Parameters:
  ///   - name: The name by which a user chooses it.
  ///   - summary: One line on what it does.
  ///   - source: The paper or code that it comes from.
  ///   - parameters: The parameters that it declares.
  ///   - loss: Makes the loss from the parameters.
  public init(
    name: String, summary: String, source: String, parameters: [MethodParameter] = [],
    loss: @escaping @Sendable (MethodParameters) -> any BoxLoss
  ) {
    self.name = name
    self.summary = summary
    self.source = source
    self.parameters = parameters
    self.loss = loss
  }

  /// The word `box loss`, for errors.
  public static let kind = "box loss"

  /// All box losses, to which a program can add its own.
  public static let registry = MethodRegistry<BoxLossMethod>([.smoothL1, .l1, .generalizedIoU, .harmonized])

  /// The loss that was chosen.
  ///
  /// - Throws: `MethodParameterError` if there is none of that name, or it cannot take the parameters.
  public static func loss(_ choice: MethodChoice) throws -> any BoxLoss {
    let (method, parameters) = try chosen(choice)
    return method.loss(parameters)
  }
}

extension BoxLossMethod {
  /// The box loss `smooth-l1` (Girshick, ICCV 2015).
  public static let smoothL1 = BoxLossMethod(
    name: "smooth-l1", summary: "square near the target, absolute beyond β", source: "Girshick, ICCV 2015",
    parameters: [
      .number("box-beta", default: 1, in: 0...1e6, "β: 1 in mmdetection 1, 1/9 in torchvision, 0 in detectron2")
    ],
    loss: { SmoothL1(beta: $0.number("box-beta")) })

  /// The box loss `l1`: RetinaNet's in torchvision, detectron2 and mmdetection.
  public static let l1 = BoxLossMethod(
    name: "l1", summary: "the absolute difference, smooth-l1 with β 0", source: "detectron2, torchvision, mmdetection",
    loss: { _ in SmoothL1(beta: 0) })

  /// The box loss `giou` (Rezatofighi et al., CVPR 2019).
  public static let generalizedIoU = BoxLossMethod(
    name: "giou", summary: "1 less the generalised IoU of the predicted box and its object",
    source: "Rezatofighi et al., CVPR 2019", loss: { _ in GeneralizedIoU() })

  /// The box loss `ghm-r` (Li, Liu and Wang, AAAI 2019).
  public static let harmonized = BoxLossMethod(
    name: "ghm-r", summary: "each value weighted by the inverse density of its gradient norm",
    source: "Li et al., AAAI 2019",
    parameters: [
      .number("ghm-mu", default: 0.02, in: 1e-6...1e3, "μ: where the loss goes over from square to linear"),
      .integer("ghm-bins", default: 10, in: 1...1000, "bins over the gradient norms"),
      .number("ghm-momentum", default: 0.7, in: 0...0.999999, "how much of a bin's count stays; 0 for none"),
    ],
    loss: {
      GradientHarmonizedRegression(
        mu: $0.number("ghm-mu"), bins: $0.integer("ghm-bins"), momentum: $0.number("ghm-momentum"))
    })
}

import FeatureSets
import HeadLosses
import LVISDatasets

/// A way to choose the images that training visits, chosen by its name.
public struct ImageSamplingMethod: NamedMethod {
  /// The name by which a user chooses it, such as `rfs`.
  public let name: String
  /// One line on what it does.
  public let summary: String
  /// The paper or code that it comes from.
  public let source: String
  /// The parameters that it declares.
  public let parameters: [MethodParameter]
  /// Makes the sampler from the classes of each image, the groups and the parameters.
  public let sampler: @Sendable (ImageClasses, CategoryGroups, MethodParameters) throws -> any ImageSampler

  /// Declares a sampler.
  ///
  /// - Parameters:
  ///   - name: The name by which a user chooses it.
  ///   - summary: One line on what it does.
  ///   - source: The paper or code that it comes from.
  ///   - parameters: The parameters that it declares.
  ///   - sampler: Makes the sampler from the classes of each image, the groups and the parameters.
  public init(
    name: String, summary: String, source: String, parameters: [MethodParameter] = [],
    sampler: @escaping @Sendable (ImageClasses, CategoryGroups, MethodParameters) throws -> any ImageSampler
  ) {
    self.name = name
    self.summary = summary
    self.source = source
    self.parameters = parameters
    self.sampler = sampler
  }

  /// The word `sampler`, for errors.
  public static let kind = "sampler"

  /// All samplers, to which a program can add its own.
  public static let registry = MethodRegistry<ImageSamplingMethod>([.random, .repeatFactor, .classBalanced, .tail])

  /// The sampler that was chosen, for the RoIs of a source.
  ///
  /// - Throws: `MethodParameterError` if there is none of that name, it cannot take the parameters, or the source has no
  ///   image for it.
  public static func sampler(
    _ choice: MethodChoice, for source: any RoISource, groups: CategoryGroups
  ) throws -> any ImageSampler {
    let (method, parameters) = try chosen(choice)
    return try method.sampler(ImageClasses(of: source, classCount: groups.classCount), groups, parameters)
  }
}

extension ImageSamplingMethod {
  /// The sampler `random`: every image once an epoch, in random order.
  public static let random = ImageSamplingMethod(
    name: "random", summary: "every image once an epoch, in random order", source: "Faster R-CNN", parameters: [],
    sampler: { images, _, _ in EveryImage(imageCount: images.imageCount) })

  /// The sampler `rfs`, repeat factor sampling (Gupta, Dollár and Girshick, CVPR 2019).
  public static let repeatFactor = ImageSamplingMethod(
    name: "rfs", summary: "repeat factor sampling: images with rare classes are visited more often",
    source: "Gupta et al., CVPR 2019",
    parameters: [
      .number("repeat-threshold", default: 1e-3, in: 1e-9...1, "classes in less than this share of images are repeated")
    ],
    sampler: { images, _, parameters in
      RepeatFactorSampling(images, threshold: parameters.number("repeat-threshold"))
    })

  /// The sampler `class-balanced` (Kang et al., ICLR 2020).
  public static let classBalanced = ImageSamplingMethod(
    name: "class-balanced", summary: "a class uniformly, then the image of one of its instances",
    source: "Kang et al., ICLR 2020", parameters: [],
    sampler: { images, _, _ in ClassBalancedSampling(images) })

  /// The sampler `tail`: only images that show a rare class.
  public static let tail = ImageSamplingMethod(
    name: "tail", summary: "only images that show a rare class, for fine-tuning", source: "Li et al., CVPR 2020",
    parameters: [
      .integer("tail-below", default: 100, in: 1...1_000_000_000, "a class with fewer training instances is rare")
    ],
    sampler: { images, groups, parameters in
      try TailImages(
        images, instanceCounts: groups.members.map(\.instanceCount), below: parameters.integer("tail-below"))
    })
}

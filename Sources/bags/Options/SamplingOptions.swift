import ArgumentParser
import DetectionHeads

/// Which images and RoIs training takes.
struct SamplingOptions: ParsableArguments {
  @Option(
    help: .init(
      "Which images an epoch visits: \(ImageSamplingMethod.all.map(\.name).joined(separator: ", ")).",
      valueName: "name"))
  var sampler = ImageSamplingMethod.random.name

  @Option(
    help: .init("rfs: classes in less than this share of images are repeated (default: 0.001).", valueName: "t"))
  var repeatThreshold: String?

  func validate() throws { _ = try samplerChoice() }

  /// The sampler; `nil` where every image is visited once.
  ///
  /// - Throws: `ValidationError`.
  func samplerChoice() throws -> MethodChoice? {
    let given = ["repeat-threshold": repeatThreshold].compactMapValues { $0 }
    let choice = try chosen(sampler, of: ImageSamplingMethod.all, as: "sampler", parameters: given)
    return choice.name == ImageSamplingMethod.random.name ? nil : choice
  }
}

import DurableFiles
import FeatureSets
import Foundation

extension SyntheticDetectionSet {
  /// The names of a set's files in its folder.
  public enum FileName {
    /// The file of the training annotations.
    public static let trainingAnnotations = "annotations_train.json"
    /// The file of the validation annotations.
    public static let validationAnnotations = "annotations_val.json"
    /// The folder of the training features.
    public static let trainingFeatures = "train"
    /// The folder of the validation features.
    public static let validationFeatures = "val"
  }

  /// Writes the set as a user's own would be: `annotations_train.json`, `annotations_val.json`, and the feature sets
  /// `train` and `val`.
  ///
  /// - Parameter folder: Made where it does not exist.
  /// - Throws: `FeatureSetError` if there are shards already; `FileError`.
  public func write(to folder: String) throws {
    try makeFolder(at: folder)
    try writeAnnotations(to: folder)
    try write(training.rois, to: "\(folder)/\(FileName.trainingFeatures)")
    try write(validation.rois, to: "\(folder)/\(FileName.validationFeatures)")
  }

  /// Writes the two annotation files alone.
  ///
  /// - Parameter folder: Must exist.
  /// - Throws: `FileError`.
  public func writeAnnotations(to folder: String) throws {
    try training.dataset.write(to: "\(folder)/\(FileName.trainingAnnotations)", description: title)
    try validation.dataset.write(to: "\(folder)/\(FileName.validationAnnotations)", description: title)
  }

  private var title: String { "Synthetic long-tailed detection set of bags, seed \(seed)" }

  private func write(_ rois: [ImageRoIs], to folder: String) throws {
    let writer = try FeatureSetWriter(
      at: folder, featureCount: configuration.featureLength, elementType: .float16, metadata: ["description": title])
    for image in rois { try writer.append(image) }
    try writer.finish()
  }
}

import BalancedGroupSoftmax
import DurableFiles
import Foundation

/// The built-in set of feature maps, as files of the working directory.
enum BuiltInMaps {
  private static let folder = "dense-set"
  static let trainingFeatures = "\(folder)/\(SyntheticDetectionSet.FileName.trainingFeatures)"
  static let trainingAnnotations = "\(folder)/\(SyntheticDetectionSet.FileName.trainingAnnotations)"

  /// Writes the set where it does not stand yet.
  ///
  /// - Throws: `FileError` or `FeatureSetError` if it cannot be written.
  static func write() throws {
    let files = FileManager.default
    if files.fileExists(atPath: trainingAnnotations), files.fileExists(atPath: trainingFeatures) { return }
    if files.fileExists(atPath: folder) {
      throw CommandFailure("\(folder): stands there but holds no built-in set; remove it, or run in another folder")
    }
    StandardStreams.note("the built-in set of feature maps goes to \(folder)/: train and val, with their annotations")
    let partial = "\(folder).partial"
    TemporaryFiles.add(partial)
    try? files.removeItem(atPath: partial)
    defer {
      try? files.removeItem(atPath: partial)
      TemporaryFiles.remove(partial)
    }
    try SyntheticMapSet().write(to: partial)
    try files.moveItem(atPath: partial, toPath: folder)
  }
}

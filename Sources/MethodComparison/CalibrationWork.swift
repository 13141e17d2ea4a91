import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining

/// A calibration of a trained head, with all that decides what it becomes.
public struct CalibrationWork: Sendable {
  /// What is done.
  public let method: CalibrationMethod
  /// Its parameters.
  public let parameters: MethodParameters
  /// Batch, seed, threads and memory, where something is trained; the rest is as `bags calibrate` has it.
  public let settings: TrainingSettings

  /// - Parameters:
  ///   - choice: What is done.
  ///   - settings: The recipe of the comparison, of which batch, seed, threads and memory are taken.
  /// - Throws: `ComparisonError` or `MethodParameterError` for a name or a parameter that does not exist.
  init(_ choice: MethodChoice, settings: TrainingSettings) throws {
    guard let method = CalibrationMethod.named(choice.name) else {
      throw ComparisonError("there is no calibration '\(choice.name)'")
    }
    self.method = method
    parameters = try MethodParameters(choice.parameters, of: method)
    var own = TrainingSettings()
    own.imagesPerBatch = settings.imagesPerBatch
    own.seed = settings.seed
    own.threads = settings.threads
    own.memoryLimit = settings.memoryLimit
    self.settings = own
  }

  /// The epochs that it trains for; 0 where it trains nothing.
  var epochs: Int { parameters.integer("epochs") }

  /// As a trial does it: its epochs shortened as those of training are.
  func shortened(to epochs: Int, of full: Int) throws -> CalibrationWork {
    guard self.epochs > 0 else { return self }
    var values = parameters.values
    values["epochs"] = "\(max(1, Int((Double(self.epochs * epochs) / Double(full)).rounded())))"
    return try CalibrationWork(MethodChoice(name: method.name, parameters: values), settings: settings)
  }

  /// The steps that it takes on so many images.
  func stepCount(imageCount: Int) -> Int {
    epochs * ((imageCount + settings.imagesPerBatch - 1) / settings.imagesPerBatch)
  }

  /// The calibrated head.
  ///
  /// - Parameters:
  ///   - head: A trained head.
  ///   - source: The RoIs that it may look at.
  ///   - hooks: What happens while it trains.
  /// - Throws: What calibrating throws.
  func head(from head: LinearHead, source: any RoISource, hooks: TrainingHooks) throws -> LinearHead {
    var data = CalibrationData(source: source)
    data.settings = settings
    data.hooks = hooks
    return try method(head, parameters: parameters, data: data)
  }
}

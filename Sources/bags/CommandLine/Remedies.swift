import BalancedGroupSoftmax
import ModelExport

// The library says what is wrong in the words of its API; here is said which option of the command mends it.

/// The options by which a user of the command mends what an error's last words advise; `nil` where there are none.
func remedy(for error: any Error) -> String? {
  switch error {
  case TrainingError.diverged: "--learning-rate, --gradient-clip"
  case let error as LinearHeadError where error.code == .missingBoxLosses: "--box-loss"
  case let error as LinearHeadError where error.code == .noCommonClass: "--match ids or names"
  case let error as InitialHeadError where error.code == .noCommonClass: "--match ids or names"
  case let error as LinearHeadError where error.code == .missingNormGroups: "--norm-groups, 32 in most detectors"
  case let error as TensorFileError where error.code == .severalPrefixes: "bags convert --prefix"
  case let error as ModelExportError where error.code == .missingTensor && error.description.hasSuffix("needed too"):
    "--into"
  default: nil
  }
}

/// The fault of a setting with the option in place of the property: `--images-per-batch must be …`.
func withOption(_ fault: String) -> String {
  let property = fault.prefix { $0 != " " }
  return "--" + property.map { $0.isUppercase ? "-\($0.lowercased())" : "\($0)" }.joined()
    + fault.dropFirst(property.count)
}

extension MethodParameterError {
  /// The description with options in place of parameters: `--gamma must be …`, `--g0 none and --others no …`.
  var withOptions: String {
    if code == .conflict { return description.replacing(/([a-z][a-z0-9-]*)=/) { "--\($0.output.1) " } }
    return parameter == nil ? description : "--\(description)"
  }
}

extension NamedMethod {
  /// What it needs, with the option that names it.
  var needsWithOption: String? {
    let option =
      switch self {
      case is TrainingMethod: ": --init"
      case is RoIMiningMethod: ": --mining-head"
      default: ""
      }
    return needs.map { $0 + option }
  }
}

extension DataFinding {
  /// The finding with an option as its remedy, where it is an option that changes what was found.
  var withOption: DataFinding {
    let options: [Code: String] = [
      .categoriesWithoutFrequency: "--frequency-from TRAIN.json takes it from training image counts",
      .idZeroTaken: "--fix-id-zero counts it as a match",
      .unknownFrequencies: "write r, c or f, or let --frequency-from TRAIN.json take it from training images",
      .unknownImages: "--strict refuses such a file",
      .featureScale: "is this the layer's input? Otherwise scale the features, or try --learning-rate auto",
    ]
    var finding = self
    if remedy != nil, let option = options[code] { finding.remedy = option }
    if code == .statedCounts { finding.remedy = remedy?.replacing("counting the", with: "--counts-from") }
    return finding
  }
}

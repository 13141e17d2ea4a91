import DenseLinearAlgebra
import Foundation
import LVISDatasets
import TensorFiles

extension BoxRegressor {
  /// Reads `fc_reg.weight` and `fc_reg.bias` of a head file, as `bags convert` and the integrations write them.
  ///
  /// - Parameters:
  ///   - file: The head file.
  ///   - groups: The classes that it is for.
  /// - Throws: `TensorFileError` if it holds no regressor, `LinearHeadError` if the regressor does not fit the classes.
  public init(_ file: any TensorContainer, groups: CategoryGroups) throws {
    let file = try file.withoutPrefix(before: ["fc_reg.weight"]) { LinearRows.isDetectorPrefix($0) }
    if let json = file.metadata["groups"] {
      let own = try CategoryGroups(json: Data(json.utf8), source: "\(file.path), metadata \"groups\"")
      guard own.members.map(\.id) == groups.members.map(\.id) else {
        throw LinearHeadError(
          .wrongClasses,
          "the box regressor is for \(own.classCount) categories that are not the "
            + "\(groups.classCount) of the classifier", path: file.path)
      }
    }
    let rows = try LinearRows(file, name: "fc_reg")
    let hasBackground = file.names.contains("fc_reg.background.weight")
    let background = hasBackground ? try LinearRows(file, name: "fc_reg.background") : nil
    do {
      try self.init(
        weight: rows.weight, bias: rows.bias, background: background, classCount: groups.classCount,
        coder: try Self.coder(file.metadata))
    } catch let error as LinearHeadError {
      throw error.inFile(file.path)
    }
  }

  /// Reads the regressor of a head file; `nil` where it has none, or the regression branch of a dense head.
  ///
  /// - Parameters:
  ///   - file: The head file.
  ///   - groups: The classes that it is for.
  /// - Throws: `TensorFileError` or `LinearHeadError` if the regressor is no whole one, or does not fit the classes.
  public init?(ifIn file: any TensorContainer, groups: CategoryGroups) throws {
    let file = try file.withoutPrefix(before: ["fc_reg.weight"]) { LinearRows.isDetectorPrefix($0) }
    guard let weight = try file.tensorIfPresent("fc_reg.weight"), weight.shape.count != 4 else { return nil }
    try self.init(file, groups: groups)
  }

  /// The tensors that a head file holds of the regressor: `fc_reg.weight` and `fc_reg.bias`.
  ///
  /// - Parameter elementType: The type in which they are stored.
  public func tensors(as elementType: TensorElementType = .float32) -> [NamedTensor] {
    func tensors(_ name: String, _ weight: Matrix<Float>, _ bias: [Float]) -> [NamedTensor] {
      [
        NamedTensor("\(name).weight", floats: weight.storage, shape: [weight.rows, weight.columns], as: elementType),
        NamedTensor("\(name).bias", floats: bias, shape: [bias.count], as: elementType),
      ]
    }
    return tensors("fc_reg", weight, bias)
      + (background.map { tensors("fc_reg.background", $0.weight, $0.bias) } ?? [])
  }

  /// The metadata that a head file holds of the regressor: the deviations and the framework whose rules hold.
  public var metadata: [String: String] {
    let deviations = (0..<4).map { "\(coder.standardDeviations[$0])" }.joined(separator: ",")
    return ["box_stds": deviations, "box_coder": coder.convention.rawValue]
  }

  private static func coder(_ metadata: [String: String]) throws -> BoxCoder {
    var coder = BoxCoder(standardDeviations: BoxCoder.regressorDeviations)
    if let text = metadata["box_coder"] {
      guard let convention = BoxCoder.Convention(rawValue: text) else {
        throw LinearHeadError(.unknownName, "metadata \"box_coder\" is \"\(text)\", which is not known to this program")
      }
      coder.convention = convention
    }
    if let text = metadata["box_stds"] {
      guard let deviations = deviations(text) else {
        throw LinearHeadError(.badValue, "metadata \"box_stds\" is \"\(text)\"; four positive numbers are expected")
      }
      coder.standardDeviations = deviations
    }
    return coder
  }

  /// Four positive numbers from a text such as `0.1,0.1,0.2,0.2`; `nil` for another text.
  public static func deviations(_ text: String) -> SIMD4<Float>? {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { Float($0) }
    let values = parts.compactMap { $0 }
    guard parts.count == 4, values.count == 4, values.allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
    return SIMD4(values)
  }
}

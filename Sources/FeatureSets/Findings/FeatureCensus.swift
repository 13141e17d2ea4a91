import Dispatch
import LVISDatasets
import Synchronization

extension DataFinding.Code {
  /// Features that are not finite.
  public static let featuresNotFinite = Self(rawValue: "features-not-finite")
  /// Features that are the same for all RoIs.
  public static let constantFeatures = Self(rawValue: "constant-features")
  /// Features that are the same for all RoIs of an image.
  public static let featuresAlike = Self(rawValue: "features-alike")
  /// Features that are far larger or smaller than a detector's.
  public static let featureScale = Self(rawValue: "feature-scale")
}

/// Statistics of all features of a set. N RoIs, D features.
struct FeatureCensus: Sendable {
  private(set) var rowCount = 0
  private(set) var notFinite = (count: 0, first: "")
  private var leasts: [Float]
  private var greatests: [Float]
  private var squares = 0.0
  private var numberCount = 0

  init(featureCount: Int) {
    leasts = Array(repeating: .infinity, count: featureCount)
    greatests = Array(repeating: -.infinity, count: featureCount)
  }

  /// Goes through all features on all cores.
  static func of(_ set: FeatureSet) -> FeatureCensus {
    let rows = max(1, (1 << 18) / set.featureCount)
    let work = pieces(of: 0..<set.roiCount, size: rows)
    let parts = Mutex([FeatureCensus?](repeating: nil, count: work.count))
    DispatchQueue.concurrentPerform(iterations: work.count) { piece in
      var part = FeatureCensus(featureCount: set.featureCount)
      part.add(work[piece], of: set)
      parts.withLock { $0[piece] = part }
    }
    // In the set's order, so that sums do not depend on the threads.
    var census = FeatureCensus(featureCount: set.featureCount)
    for part in parts.withLock({ $0 }) { part.map { census.merge($0) } }
    set.releasePages()
    return census
  }

  private mutating func add(_ rows: Range<Int>, of set: FeatureSet) {
    if let features = try? set.features(rows: rows) { return add(features) }
    // Somewhere is a number that is not finite: row after row finds all of them.
    for row in rows {
      do {
        add(try set.features(rows: row..<row + 1))
      } catch {
        if notFinite.count == 0 { notFinite.first = "\(error)" }
        notFinite.count += 1
      }
    }
  }

  private mutating func add(_ features: [Float]) {
    let width = leasts.count
    rowCount += features.count / width
    numberCount += features.count
    features.withUnsafeBufferPointer { features in
      leasts.withUnsafeMutableBufferPointer { leasts in
        greatests.withUnsafeMutableBufferPointer { greatests in
          for start in stride(from: 0, to: features.count, by: width) {
            var sum: Float = 0
            for column in 0..<width {
              let value = features[start + column]
              leasts[column] = min(leasts[column], value)
              greatests[column] = max(greatests[column], value)
              sum += value * value
            }
            squares += Double(sum)
          }
        }
      }
    }
  }

  private mutating func merge(_ later: FeatureCensus) {
    rowCount += later.rowCount
    numberCount += later.numberCount
    squares += later.squares
    if notFinite.count == 0 { notFinite.first = later.notFinite.first }
    notFinite.count += later.notFinite.count
    for column in leasts.indices {
      leasts[column] = min(leasts[column], later.leasts[column])
      greatests[column] = max(greatests[column], later.greatests[column])
    }
  }

  /// The root of the mean square of all numbers.
  var scale: Double { numberCount > 0 ? (squares / Double(numberCount)).squareRoot() : 0 }

  /// What is odd.
  var findings: [DataFinding] {
    var findings: [DataFinding] = []
    if notFinite.count > 0 {
      findings.append(
        DataFinding(
          .featuresNotFinite, .error, count: notFinite.count,
          "\(share(notFinite.count, of: rowCount + notFinite.count, "RoI")) \(notFinite.count == 1 ? "has" : "have") a "
            + "feature that is not finite", example: notFinite.first,
          remedy: "training and prediction stop there; were half-precision numbers too large? Export in FP32"))
    }
    guard rowCount > 1 else { return findings }
    let constant = leasts.indices.filter { leasts[$0] == greatests[$0] }
    if let first = constant.first {
      let isAll = constant.count == leasts.count
      findings.append(
        DataFinding(
          .constantFeatures, isAll ? .error : 2 * constant.count >= leasts.count ? .warning : .note,
          count: constant.count,
          isAll
            ? "all \(rowCount) RoIs have the same features"
            : "\(share(constant.count, of: leasts.count, "feature")) \(constant.count == 1 ? "is" : "are") the same for "
              + "all RoIs", example: "feature \(first) is \(leasts[first])",
          remedy: isAll
            ? "nothing can be told apart by them: does the export copy the last layer's input of each RoI?"
            : "nothing is learned from \(constant.count == 1 ? "it" : "them"); after a ReLU some are always 0"))
    }
    // Where all is 0, that has been said.
    if scale > 0, !(Self.usualScales.contains(scale)) {
      findings.append(
        DataFinding(
          .featureScale, count: rowCount,
          "features are of the size of \(Float(scale)) (root mean square); a detector's last layer usually takes "
            + "numbers of .1 to 10",
          remedy: scale > 1
            ? "training may diverge at the usual learning rate: is this the layer's input? Otherwise scale the features, "
              + "or tune the learning rate"
            : "little is learned at the usual learning rate: is this the layer's input? Otherwise scale the features, or "
              + "tune the learning rate"))
    }
    return findings
  }

  /// A tenth to ten, with a margin of ten each way.
  private static let usualScales = 0.01...100.0
}

extension FeatureSet {
  /// Images all of whose RoIs have the same features, though their boxes differ.
  func alikeFindings(sampling: RoISampling = .quick) throws -> [DataFinding] {
    let many = images.filter { $0.rows.count > 1 }
    let step = max(1, many.count / (sampling.imageLimit ?? many.count).nonZero)
    var (looked, alike) = (0, 0)
    var first: Int?
    for place in stride(from: 0, to: many.count, by: step) {
      let rows = many[place].rows.prefix(sampling.roiLimit ?? many[place].rows.count)
      let boxes = try boxes(rows: rows)
      guard let features = try? features(rows: rows), boxes.dropFirst(4) != boxes.dropLast(4) else { continue }
      looked += 1
      guard features.dropFirst(featureCount).elementsEqual(features.dropLast(featureCount)) else { continue }
      alike += 1
      first = first ?? many[place].id
    }
    guard let first else { return [] }
    return [
      DataFinding(
        .featuresAlike, 2 * alike >= looked && looked > 1 ? .error : .init(share: alike, of: looked), count: alike,
        "\(share(alike, of: looked, "image")) \(alike == 1 ? "has" : "have") the same features for all RoIs, though their "
          + "boxes differ", example: "image \(first)",
        remedy: "are they features of the whole image? Each RoI needs what the last layer takes of it", file: path)
    ]
  }
}

extension Int {
  /// At least 1.
  fileprivate var nonZero: Int { Swift.max(1, self) }
}

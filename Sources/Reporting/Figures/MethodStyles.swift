import Charts
import HeadLosses
import HeadTraining

extension SeriesStyle {
  /// Styles for the series of one figure: a method has the same colour in every figure, and series of the same colour
  /// differ in their dashes and shapes.
  ///
  /// - Parameter methods: The method of each series, such as `bags`; what stands behind a colon or a plus, as in
  ///   `bags:others-ratio=3` and `softmax+rfs`, does not change its colour.
  /// - Returns: A style for each, in the same order.
  public static func styles(forMethods methods: [String]) -> [SeriesStyle] {
    var taken: Set<SeriesStyle> = []
    return methods.map { method in
      var style = style(ofMethod: method)
      for _ in LineDash.allCases where taken.contains(style) { style = SeriesStyle(style.color, turn: style.turn + 1) }
      taken.insert(style)
      return style
    }
  }

  /// The style of a method where nothing else has it.
  static func style(ofMethod method: String) -> SeriesStyle {
    let name = String(method.prefix { $0 != ":" && $0 != "+" })
    if let place = places[name] {
      return SeriesStyle(colors[place % colors.count], turn: place / colors.count)
    }
    // Any fixed rule will do, if only a name always leads to the same style; grey and blue are softmax and BAGS.
    let sum = name.utf8.reduce(0) { ($0 * 31 + Int($1)) % 65_521 }
    return SeriesStyle(colors[2 + sum % (colors.count - 2)], turn: 4 + sum / colors.count % 2)
  }

  private static let colors = SeriesColor.allCases

  /// Softmax and BAGS first, then every other method and calibration as they are listed: no two alike.
  private static let places: [String: Int] = {
    let first = ["softmax", "bags"]
    let listed = TrainingMethod.all.map(\.name) + CalibrationMethod.all.map(\.name)
    var places = Dictionary(
      uniqueKeysWithValues: (first + listed.filter { !first.contains($0) }).enumerated().map { ($1, $0) })
    places["baseline"] = 0
    return places
  }()
}

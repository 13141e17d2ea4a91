/// The colours of charts, light and dark.
///
/// Plain colours on classes: librsvg, which makes the PNG and PDF files, draws CSS variables black and passes over media
/// blocks, so that those files come out light.
package enum ChartStyleSheet {
  /// The rules for an SVG file.
  static let text = rules(isDark: false) + "@media (prefers-color-scheme: dark) {\n\(rules(isDark: true))}\n"

  /// The page that charts are drawn on.
  package static func paper(isDark: Bool) -> String { isDark ? "#14171c" : "#ffffff" }

  /// The rules of one of the two.
  package static func rules(isDark: Bool) -> String {
    let ink = isDark ? "#e8ebef" : "#1b1f24"
    let soft = isDark ? "#a3adb8" : "#57606a"
    let grid = isDark ? "#343b44" : "#dde2e8"
    let shade = isDark ? "#ffffff" : "#000000"
    let fixed = [
      (".paper", "fill:\(paper(isDark: isDark))"), (".ink", "fill:\(ink)"), (".soft", "fill:\(soft)"),
      (".grid", "stroke:\(grid)"), (".axis", "stroke:\(soft)"),
      (".band-light", "fill:\(shade);fill-opacity:\(isDark ? 0.035 : 0.025)"),
      (".band-dark", "fill:\(shade);fill-opacity:\(isDark ? 0.09 : 0.075)"),
    ]
    let series = SeriesColor.allCases.flatMap { color in
      let value = isDark ? color.onDark : color.onLight
      return [(".fill-\(color.rawValue)", "fill:\(value)"), (".stroke-\(color.rawValue)", "stroke:\(value)")]
    }
    return (fixed + series).map { ".chart \($0.0){\($0.1)}\n" }.joined()
  }
}

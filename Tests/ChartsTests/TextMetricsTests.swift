import Charts
import Testing

@Suite struct TextMetricsTests {
  @Test func linesBreakBetweenWordsAndFit() {
    let text = "Each point is one class's row of the last layer; lines are running medians over 21 classes."
    let lines = TextMetrics.lines(text, width: 200, size: 11)
    #expect(lines.joined(separator: " ") == text)
    #expect(lines.count > 2)
    #expect(lines.allSatisfy { TextMetrics.width($0, size: 11) <= 200 })
  }

  @Test func whatIsTooLongIsCutWithAnEllipsis() {
    let name = "a_run_with_a_very_long_name_indeed"
    let short = TextMetrics.fitting(name, width: 80, size: 12)
    #expect(short.hasSuffix("…") && name.hasPrefix(short.dropLast()))
    #expect(TextMetrics.width(short, size: 12) <= 80)
    #expect(TextMetrics.fitting("short", width: 80, size: 12) == "short")
    #expect(TextMetrics.lines(name, width: 80, size: 12) == [short])
  }
}

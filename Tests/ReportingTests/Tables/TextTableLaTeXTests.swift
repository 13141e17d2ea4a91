import Reporting
import Testing

@Suite struct TextTableLaTeXTests {
  private var table: TextTable {
    var table = TextTable([("method", .left), ("AP_1 %", .right), ("Δ", .right)])
    table.add(cells: [
      .init("a & b"), .init("60.00", detail: " ±1.50", isBest: true),
      .init("−2.25", detail: " (−3.00 to −1.00)", isBest: true),
    ])
    table.add(cells: [.init("c\\d{e}"), .init("–"), .init("+0.10", detail: " (−0.10 to +0.30)")])
    table.add(cells: [.init("bold", isBest: true), .init("1"), .init("2")])
    return table
  }

  @Test func rulesAreThoseOfBooktabs() {
    #expect(
      table.latex().split(separator: "\n").map(String.init) == [
        #"\begin{tabular}{@{}lrr@{}}"#, #"\toprule"#, #"method & AP\_1 \% & $\Delta$ \\"#, #"\midrule"#,
        #"a \& b & $\mathbf{60.00}$ {\footnotesize $\pm$1.50} & $\mathbf{-2.25}$ {\footnotesize ($-$3.00 to $-$1.00)} \\"#,
        #"c\textbackslash{}d\{e\} & -- & +0.10 {\footnotesize ($-$0.10 to +0.30)} \\"#,
        #"\textbf{bold} & 1 & 2 \\"#, #"\bottomrule"#, #"\end{tabular}"#,
      ])
  }

  @Test func aCaptionMakesATableOfIt() {
    let lines = table.latex(caption: "50 % of it", label: "tab:a").split(separator: "\n").map(String.init)
    #expect(
      lines.prefix(5) == [
        #"\begin{table}"#, #"\centering"#, #"\caption{50 \% of it}"#, #"\label{tab:a}"#, #"\begin{tabular}{@{}lrr@{}}"#,
      ])
    #expect(lines.last == #"\end{table}"#)
  }
}

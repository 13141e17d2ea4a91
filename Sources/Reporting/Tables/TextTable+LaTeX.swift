extension TextTable {
  /// The table as LaTeX, with the rules of the package `booktabs`: the best of each column bold, what stands behind a
  /// value, such as an interval, in a smaller size.
  ///
  /// - Parameters:
  ///   - caption: The text above the table; `nil` for a bare `tabular`, to be put into a table of one's own.
  ///   - label: What `\ref` calls it, where there is a caption.
  /// - Returns: Lines that need `\usepackage{booktabs}` and nothing else, whatever the texts of the cells.
  public func latex(caption: String? = nil, label: String? = nil) -> String {
    let columns = alignments.map { $0 == .left ? "l" : "r" }.joined()
    func line(_ cells: [String]) -> String { cells.joined(separator: " & ") + " \\\\" }
    let tabular =
      ["\\begin{tabular}{@{}\(columns)@{}}", "\\toprule", line(titles.map(LaTeXText.escaped)), "\\midrule"]
      + rows.map { line($0.map(Self.latex)) } + ["\\bottomrule", "\\end{tabular}"]
    guard let caption else { return tabular.joined(separator: "\n") }
    let head = [
      "\\begin{table}", "\\centering", "\\caption{\(LaTeXText.escaped(caption))}",
    ]
    return
      (head + (label.map { ["\\label{\($0)}"] } ?? []) + tabular + ["\\end{table}"]).joined(separator: "\n")
  }

  private static func latex(_ cell: Cell) -> String {
    let text = LaTeXText.escaped(cell.text)
    // A signed number is bold as a whole in math alone: \textbf leaves the sign as it is.
    let bold = LaTeXText.isNumber(cell.text) ? LaTeXText.boldNumber(cell.text) : "\\textbf{\(text)}"
    let shown = cell.isBest ? bold : text
    let detail = cell.detail.trimmingPrefix { $0 == " " }
    return detail.isEmpty ? shown : shown + " {\\footnotesize \(LaTeXText.escaped(String(detail)))}"
  }
}

/// Texts as LaTeX shows them.
enum LaTeXText {
  /// A text whose special characters are written out; letters beyond ASCII stay, as LaTeX reads UTF-8.
  static func escaped(_ text: String) -> String {
    text.reduce(into: "") { $0 += replacements[$1] ?? String($1) }
  }

  /// Whether a text is a number, with or without a sign.
  static func isNumber(_ text: String) -> Bool {
    let digits = text.drop { "+−-".contains($0) }
    return !digits.isEmpty && text.count - digits.count <= 1
      && digits.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") }
  }

  static func boldNumber(_ text: String) -> String { "$\\mathbf{\(text.replacing("−", with: "-"))}$" }

  private static let replacements: [Character: String] = [
    "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "$": "\\$", "&": "\\&", "%": "\\%", "#": "\\#", "_": "\\_",
    "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "$<$", ">": "$>$", "|": "$|$", "\"": "''", "\n": " ",
    "−": "$-$", "±": "$\\pm$", "–": "--", "—": "---", "…": "\\dots{}", "Δ": "$\\Delta$", "τ": "$\\tau$",
    "λ": "$\\lambda$",
    "‖": "$\\|$", "²": "$^2$", "¹": "$^1$", "₂": "$_2$", "×": "$\\times$", "÷": "$\\div$", "≥": "$\\geq$",
    "≤": "$\\leq$", "→": "$\\to$",
  ]
}

import Charts
import Foundation

/// Writes one HTML page: sections with figures and tables, its style and its script inside.
struct PageWriter {
  private let title: String
  private var sections: [String] = []
  private var body = MarkupWriter()

  package init(title: String) { self.title = title }

  /// The page as it stands.
  var html: String {
    let links = sections.map { "<a href=\"#\(Self.anchor($0))\">\(escaped($0))</a>" }.joined(separator: "\n")
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>\(escaped(title))</title>
      <style>
      \(PageStyleSheet.text)</style>
      </head>
      <body>
      <header>
      <h1>\(escaped(title))</h1>
      <nav>
      \(links)
      </nav>
      </header>
      <main>
      \(body.text)</main>
      <div id="tip" role="status" hidden></div>
      <script>
      \(PageScript.text)</script>
      </body>
      </html>

      """
  }

  mutating func section(_ title: String, content: (inout PageWriter) -> Void) {
    sections.append(title)
    body.raw("<section id=\"\(Self.anchor(title))\">")
    body.element("h2", [:], content: title)
    content(&self)
    body.raw("</section>")
  }

  mutating func heading(_ text: String) { body.element("h3", [:], content: text) }

  mutating func paragraph(_ text: String) { body.element("p", [:], content: text) }

  mutating func note(_ text: String) { body.element("p", ["class": "note"], content: text) }

  /// A figure, drawn once for wide screens and paper and once for phones, with its data as a file to save.
  mutating func figure(_ chart: Chart, csv: String, named name: String) {
    let wide = chart.rendered(width: 760, isStandalone: false)
    let narrow = chart.rendered(width: 380, isStandalone: false)
    let data = Data(csv.utf8).base64EncodedString()
    body.group("figure", [:]) { writer in
      writer.raw("<div class=\"wide\">\n\(wide.svg)</div>\n<div class=\"narrow\">\n\(narrow.svg)</div>")
      writer.element(
        "a", ["class": "data", "download": "\(name).csv", "href": "data:text/csv;base64,\(data)"], content: "Data (CSV)"
      )
    }
  }

  /// A table, the best of each column bold.
  ///
  /// - Parameters:
  ///   - table: The table.
  ///   - isWide: Whether it may take the window's width where the text's is not enough.
  ///   - isStacked: Whether what stands behind a value, such as its interval, goes below it.
  mutating func table(_ table: TextTable, isWide: Bool = false, isStacked: Bool = false) {
    body.group("div", ["class": (isWide ? "scroll full" : "scroll") + (isStacked ? " stacked" : "")]) { writer in
      writer.group("table", [:]) { writer in
        Self.row(table.titles.map { TextTable.Cell($0) }, cell: "th", table.alignments, into: &writer)
        for row in table.rows { Self.row(row, cell: "td", table.alignments, isStacked: isStacked, into: &writer) }
      }
    }
  }

  /// A table of settings, a column a run; rows in which runs differ are marked.
  mutating func settings(
    heading: String = "setting", names: [String], rows: [(name: String, values: [String])]
  ) {
    body.group("div", ["class": "scroll"]) { writer in
      writer.group("table", ["class": "settings"]) { writer in
        Self.row(([heading] + names).map { TextTable.Cell($0) }, cell: "th", [], into: &writer)
        for row in rows {
          let differs = Set(row.values).count > 1
          writer.group("tr", ["class": differs ? "differs" : "same"]) { writer in
            writer.element("td", [:], content: row.name)
            for value in row.values { writer.element("td", [:], content: value) }
          }
        }
      }
    }
  }

  /// Images with boxes, side by side.
  mutating func frames(_ frames: [BoxFrame]) {
    body.group("div", ["class": "frames"]) { writer in
      for frame in frames { frame.write(into: &writer) }
    }
  }

  /// A command to copy.
  mutating func command(_ lines: [String], name: String?) {
    if let name { note(name) }
    body.raw("<pre>" + lines.map(escaped).joined(separator: "\n") + "</pre>")
  }

  private static func row(
    _ cells: [TextTable.Cell], cell name: String, _ alignments: [TextTable.Alignment], isStacked: Bool = false,
    into writer: inout MarkupWriter
  ) {
    writer.group("tr", [:]) { writer in
      for (column, cell) in cells.enumerated() {
        let isNumber = column < alignments.count && alignments[column] == .right
        let attributes: KeyValuePairs = isNumber ? ["class": cell.isBest ? "number best" : "number"] : [:]
        if isStacked, !cell.detail.isEmpty {
          writer.group(name, attributes) { writer in
            writer.raw(escaped(cell.text))
            writer.element("span", ["class": "detail"], content: String(cell.detail.trimmingPrefix(" ")))
          }
        } else {
          writer.element(name, attributes, content: cell.text + cell.detail)
        }
      }
    }
  }

  private static func anchor(_ title: String) -> String {
    title.lowercased().split(separator: " ").joined(separator: "-")
  }
}

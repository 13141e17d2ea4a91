import Charts
import LVISDatasets

extension ReportPage {
  /// How many columns of settings fit a page.
  private static let settingsRoom = 4

  /// What differs from run to run and says nothing of a method.
  private static let unremarkable: Set = ["begun"]

  func addSettings(to page: inout PageWriter) {
    page.section("Settings") { page in
      let names = Self.merged(runs.map { $0.settings.map(\.name) })
      let rows = names.map { name in
        (name: name, values: runs.map { run in run.settings.first { $0.name == name }?.value })
      }
      if runs.count <= Self.settingsRoom {
        page.paragraph(
          hasRuns
            ? "Every setting of every run; what differs is marked. Each command repeats its run."
            : "What the files say of themselves.")
        page.settings(names: runs.map(\.name), rows: rows.map { ($0.name, $0.values.map { $0 ?? "–" }) })
      } else {
        page.paragraph("What all runs share, then what each has of its own. Each command repeats its run.")
        let shared = rows.filter { Set($0.values).count == 1 }
        page.settings(names: ["all runs"], rows: shared.map { ($0.name, [$0.values[0] ?? "–"]) })
        let own = rows.filter { Set($0.values).count > 1 && !Self.unremarkable.contains($0.name) }
        page.settings(
          heading: "run", names: ["settings of its own"],
          rows: runs.indices.map { index in
            let texts = own.compactMap { row in row.values[index].map { "\(row.name) \($0)" } }
            return (runs[index].name, [texts.joined(separator: ", ")])
          })
      }
      for run in runs {
        // What was trained elsewhere has no command here.
        guard let record = run.record, record.importedFrom == nil else { continue }
        page.command(record.commandLines, name: runs.count > 1 ? run.name : nil)
      }
    }
  }

  func addReproducibility(to page: inout PageWriter) {
    let records = runs.compactMap(\.record)
    let facts = comparison.map(\.reproducibility) ?? (records.isEmpty ? nil : Reproducibility(of: records))
    guard let facts else { return }
    page.section("Reproducibility") { page in
      page.paragraph(facts.text)
      if let command = facts.command { page.command([command], name: nil) }
      page.note("The papers that the methods come from: `bags methods` prints them as BibTeX.")
    }
  }

  /// The union of several lists; what only some have stands behind what it follows there.
  private static func merged(_ lists: [[String]]) -> [String] {
    var result: [String] = []
    for list in lists {
      var place = 0
      for item in list {
        if let known = result.firstIndex(of: item) {
          place = known + 1
        } else {
          result.insert(item, at: place)
          place += 1
        }
      }
    }
    return result
  }
}

extension ReportedRun {
  /// Every setting, what the run was fed, and what its files say, by name.
  fileprivate var settings: [(name: String, value: String)] {
    var list: [(name: String, value: String)] = []
    if let file { list += [("file", file.path), ("fingerprint of the file", file.fingerprint)] }
    if let record {
      list += record.options.map { (name: $0.name, value: $0.value) }
      list += record.inputs.sorted { $0.key < $1.key }.map {
        (name: "fingerprint of \($0.key)", value: $0.value.fingerprint)
      }
    } else if let head {
      list.append(("method", head.method))
    }
    if let head { list.append(("layout of the logits", head.layout.name)) }
    if let record {
      list += [
        (record.exampleWord, NumberText.grouped(record.roiCount)), ("images", NumberText.grouped(record.imageCount)),
      ]
    }
    if let head {
      if !head.hidden.isEmpty {
        list.append(("layers below", head.hidden.map { "\($0.weight.rows)" }.joined(separator: ", ")))
      }
      if record == nil { list.append(("logits", NumberText.grouped(head.bias.count))) }
      list += [
        head.layout.anchorsPerLocation == nil
          ? ("feature length", NumberText.grouped(record?.featureCount ?? head.inputs))
          : ("channels of the maps", NumberText.grouped(head.inputs / 9)),
        ("group boundaries", head.groups.boundaries.map(String.init).joined(separator: ", ")),
      ]
    }
    if let record {
      list += [("program", record.program), ("BLAS kernels", record.blasKernels), ("begun", record.created)]
    }
    return list
  }
}

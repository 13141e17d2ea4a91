import DurableFiles
import Foundation

/// The runs that a comparison consists of, in `plan.json` of its folder, by which its state is known from outside.
struct ComparisonPlan: Codable {
  /// A method with a seed.
  struct Cell: Codable, Equatable {
    /// The method as it was asked for.
    var method: String
    /// The seed.
    var seed: UInt64
    /// The name of its run; `nil` until its settings are known.
    var run: String?
  }

  /// Those that others need before those that need them.
  var cells: [Cell]

  static func path(in folder: String) -> String { "\(folder)/plan.json" }

  /// Reads the plan of a comparison; `nil` where there is none.
  init?(inFolder folder: String) {
    guard let plan = try? JSONDocument.value(ComparisonPlan.self, at: Self.path(in: folder)) else { return nil }
    self = plan
  }

  init(cells: [Cell]) { self.cells = cells }

  /// Writes the plan, with the runs that another process knows.
  ///
  /// - Throws: `FileError`.
  func write(inFolder folder: String) throws {
    var plan = self
    let before = ComparisonPlan(inFolder: folder)?.cells ?? []
    for index in cells.indices where cells[index].run == nil {
      plan.cells[index].run =
        before.first { $0.method == cells[index].method && $0.seed == cells[index].seed }?.run
    }
    if plan.cells == before { return }
    try makeFolder(at: folder)
    try DurableFile.write(JSONDocument.text(plan) + "\n", to: Self.path(in: folder))
  }
}

extension Comparison {
  /// Writes which runs there are to be.
  ///
  /// - Parameters:
  ///   - known: The rows whose settings are known.
  ///   - tuned: Their settings, where they are tuned.
  func writePlan(_ known: [ComparedMethod], tuned: [String: TunedMethod]) throws {
    var runs: [String: String] = [:]
    if tuning == nil || !tuned.isEmpty {
      var state = State()
      try forEachWave(known, tuned: tuned, state: &state) { cells, _ in
        for cell in cells { runs["\(cell.method) \(cell.seed)"] = cell.claimName }
      }
    }
    let cells = methodsAndBases.flatMap { row in
      // One head, whatever the seed.
      (row == .ownHead ? Array(seeds.prefix(1)) : seeds).map {
        ComparisonPlan.Cell(method: row.description, seed: $0, run: runs["\(row) \($0)"])
      }
    }
    try ComparisonPlan(cells: cells).write(inFolder: folder)
  }
}

import Charts
import MethodComparison
import TrainingRuns

/// The ladder of a race, what its rows were scored on, and what the winner is worth: for the terminal, Markdown or a page.
public struct RaceTable: Sendable {
  /// The race.
  public let record: RaceRecord

  /// Tabulates a race.
  public init(_ record: RaceRecord) { self.record = record }

  /// A row for every contestant, the best first.
  public var table: TextTable {
    let groups = Set(record.entries.flatMap { ($0.metrics ?? [:]).keys }).filter { name in
      name.hasPrefix("AP") && Int(name.dropFirst(2)) != nil && !["AP50", "AP75"].contains(name)
    }.sorted()
    var table = TextTable(
      [("race", .left), ("rung", .right), ("epochs", .right)] + (["AP"] + groups).map { ($0, .right) } + [
        ("\(record.criterion) less \(record.reference)", .right), ("", .left),
      ])
    for entry in record.entries {
      let lead = entry.lead.map { $0.count == 3 ? Self.interval($0) : "" } ?? ""
      table.add(
        [entry.name, "\(entry.rung)", "\(entry.epochs)"]
          + (["AP"] + groups).map { name in
            entry.metrics == nil ? "diverged" : NumberText.percent(entry.metrics?[name].flatMap { $0 > -1 ? $0 : nil })
          } + [lead, entry.name == record.winner ? "wins" : ""])
    }
    return table
  }

  /// What the contestants were scored on.
  public var notes: String {
    let objects = record.heldOutObjectCounts.enumerated().map { "G\($0 + 1): \(NumberText.grouped($1))" }
    var text =
      "On \(NumberText.grouped(record.heldOutImageCount)) "
      + "\(record.usesUnseenImages ? "unseen" : "held-out training") images with \(objects.joined(separator: ", ")) "
      + "objects; rung 1 is short trials on one split, 2 whole ones, 3 whole ones on all splits. Of those that the images "
      + "cannot tell from the best the mean of the most heads wins, since it varies least."
    if let rate = record.standInLearningRate {
      text +=
        " The detector's own head has seen these images: heads trained without them (learning rate "
        + "\(NumberText.short(rate))) stand for it."
    }
    return text
  }

  /// What the winner is worth, in a sentence.
  public var verdict: String {
    let hasOwnHead = record.reference == ComparedMethod.ownHead.description
    guard let entry = record.winning, record.winner != record.reference else {
      return hasOwnHead
        ? "nothing here is better than what you have: the head stays as it is"
        : "nothing here is better than the plain \(record.reference), which is trained"
    }
    guard let lead = entry.lead, lead.count == 3 else { return "\(record.winner) wins" }
    if record.isClear {
      return "\(record.winner) leads \(record.reference) by \(record.criterion) \(Self.interval(lead))"
    }
    let isAnyClear = record.entries.contains { ($0.lead?.count ?? 0) == 3 && ($0.lead?[1] ?? 0) > 0 }
    return
      (isAnyClear
      ? "the winner does not lead \(record.reference) beyond noise: "
      : "nothing here is better than \(hasOwnHead ? "what you have" : record.reference) beyond noise: ")
      + "\(record.winner), \(record.criterion) \(Self.interval(lead)), is trained all the same; images that nobody trained "
      + "on decide"
  }

  /// Whether the winner is trained although the race could not tell that it is better.
  public var isOpen: Bool {
    record.winner != record.reference && record.winning?.lead?.count == 3 && !record.isClear
  }

  private static func interval(_ lead: [Double]) -> String {
    func points(_ value: Double) -> String { NumberText.points(value) }
    return "\(points(lead[0])) (\(points(lead[1])) to \(points(lead[2])))"
  }
}

import BalancedGroupSoftmax

/// The candidate that a mistyped word most likely means, by edit distance; `nil` where none is near.
func closest(to word: String, among candidates: [String]) -> String? {
  let ranked = candidates.map { (distance: editDistance(word, $0), name: $0) }.min { $0.distance < $1.distance }
  guard let ranked, ranked.distance <= max(1, word.count / 3) else { return nil }
  return ranked.name
}

/// The option that a mistyped or abbreviated one most likely means: `--learning-rat`, `--lr`, `--learn` and `--rate` are
/// all `--learning-rate`.
///
/// - Parameters:
///   - option: What was typed, with its dashes.
///   - candidates: The options there are, with theirs.
func closestOption(to option: String, among candidates: [String]) -> String? {
  let typed = String(option.drop { $0 == "-" }).replacing("_", with: "-")
  guard !typed.isEmpty else { return nil }
  let names = candidates.map { String($0.drop { $0 == "-" }) }
  func words(_ name: String) -> [Substring] { name.split(separator: "-") }
  let near = closest(to: typed, among: names.filter { $0.count > 2 && typed.count > 2 })
  let initials = names.first { words($0).count > 1 && String(words($0).compactMap(\.first)) == typed }
  let longer = typed.count > 2 ? names.first { $0.hasPrefix(typed) } : nil
  // The most words in common, of those that say something.
  let shared = names.map { name in
    (name: name, count: Set(words(name)).intersection(words(typed).filter { $0.count > 3 }).count)
  }.max { $0.count < $1.count }
  let found = near ?? initials ?? longer ?? shared.flatMap { $0.count > 0 ? $0.name : nil }
  return found.map { "--\($0)" }
}

/// How many letters were left out, put in, mistaken or swapped with their neighbour.
private func editDistance(_ a: String, _ b: String) -> Int {
  let (a, b) = (Array(a), Array(b))
  var rows = [Array(0...b.count)]
  for i in a.indices {
    var row = [i + 1]
    for j in b.indices {
      var least = min(rows[i][j] + (a[i] == b[j] ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { least = min(least, rows[i - 1][j - 1] + 1) }
      row.append(least)
    }
    rows.append(row)
  }
  return rows[a.count][b.count]
}

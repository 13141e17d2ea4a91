import BalancedGroupSoftmax

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

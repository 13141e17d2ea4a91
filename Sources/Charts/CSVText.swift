/// Rows as comma-separated values (RFC 4180): fields with commas, quotes or line breaks in quotes, lines ended by `\n`.
package func csvText(_ rows: [[String]]) -> String {
  rows.map { row in row.map(csvField).joined(separator: ",") + "\n" }.joined()
}

private func csvField(_ text: String) -> String {
  // By scalar: "\r\n" is one Character, and neither "\r" nor "\n".
  guard text.unicodeScalars.contains(where: { [",", "\"", "\n", "\r"].contains($0) }) else { return text }
  return "\"" + text.replacing("\"", with: "\"\"") + "\""
}

/// Whether a name comes before another where digits count as numbers: `features-2` before `features-10`.
///
/// Names that differ only in leading zeros are ordered by their bytes.
package func isInNaturalOrder(_ left: String, _ right: String) -> Bool {
  var (a, b) = (left.utf8[...], right.utf8[...])
  while let first = a.first, let second = b.first {
    if isDigit(first) && isDigit(second) {
      let (x, y) = (digits(&a), digits(&b))
      if x.count != y.count { return x.count < y.count }
      if !x.elementsEqual(y) { return x.lexicographicallyPrecedes(y) }
    } else if first != second {
      return first < second
    } else {
      a.removeFirst()
      b.removeFirst()
    }
  }
  if a.isEmpty != b.isEmpty { return a.isEmpty }
  return left.utf8.lexicographicallyPrecedes(right.utf8)
}

private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

/// Takes the number at the front, without its leading zeros.
private func digits(_ text: inout Substring.UTF8View) -> Substring.UTF8View {
  let number = text.prefix(while: isDigit)
  text = text.dropFirst(number.count)
  return number.drop { $0 == UInt8(ascii: "0") }
}

/// The pairs that overlap, as text; of fewer than two elements the words that there is nothing to compare.
public func overlappingPairs<Element>(_ elements: [Element], _ overlaps: (Element, Element) -> Bool) -> [String] {
  guard elements.count > 1 else { return ["\(elements.count) elements: nothing to compare"] }
  return elements.indices.flatMap { first in
    elements[(first + 1)...].filter { overlaps(elements[first], $0) }.map { "\(elements[first]) and \($0)" }
  }
}

import Foundation
import FoundationXML

#if canImport(FoundationXML)
#endif

/// One element of an SVG, as an XML parser sees it.
public struct SVGElement {
  /// Its name.
  public let name: String
  /// Its attributes.
  public let attributes: [String: String]
  /// The classes of the element and of those around it.
  public let classes: [String]
  /// The text in it.
  public var text = ""
}

/// The elements of an SVG in their order.
///
/// - Throws: The parser's error where it is not well-formed XML.
public func elements(ofSVG svg: String) throws -> [SVGElement] {
  let reader = ElementReader()
  let parser = XMLParser(data: Data(svg.utf8))
  parser.delegate = reader
  guard parser.parse() else { throw parser.parserError ?? CocoaError(.propertyListReadCorrupt) }
  return reader.elements
}

private final class ElementReader: NSObject, XMLParserDelegate {
  var elements: [SVGElement] = []
  private var open: [Int] = []

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    let outer = open.last.map { elements[$0].classes } ?? []
    let own = (attributes["class"] ?? "").split(separator: " ").map(String.init)
    open.append(elements.count)
    elements.append(SVGElement(name: name, attributes: attributes, classes: outer + own))
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) {
    if let last = open.last { elements[last].text += text }
  }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
    open.removeLast()
  }
}

/// A source as BibTeX has it.
public struct BibliographyEntry: Sendable, Hashable {
  /// The type of the source.
  public enum Kind: String, Sendable {
    /// A paper in a journal, or on arXiv.
    case article
    /// A paper at a conference.
    case inproceedings
    /// Anything else, such as a program.
    case misc
  }

  /// The key that `\cite` takes, such as `li2020bags`.
  public let key: String
  /// The type of the source.
  public let kind: Kind
  /// The authors, with `and` between them.
  public let authors: String
  /// The title as it was published; its capitals are kept.
  public let title: String
  /// The journal, the conference, or where else it is found.
  public let venue: String
  /// The year in which it was published there.
  public let year: Int
  /// The number on arXiv, such as `2006.10408`; `nil` for what is not there.
  public let arXiv: String?

  init(
    _ key: String, _ kind: Kind = .inproceedings, by authors: String, _ title: String, in venue: String, _ year: Int,
    arXiv: String? = nil
  ) {
    self.key = key
    self.kind = kind
    self.authors = authors
    self.title = title
    self.venue = venue
    self.year = year
    self.arXiv = arXiv
  }

  /// The entry, a line a field.
  public var bibtex: String {
    let place =
      switch kind {
      case .article: "journal"
      case .inproceedings: "booktitle"
      case .misc: "howpublished"
      }
    var fields = [("author", authors), ("title", "{\(title)}"), (place, venue), ("year", "\(year)")]
    if let arXiv { fields += [("eprint", arXiv), ("archiveprefix", "arXiv")] }
    return "@\(kind.rawValue){\(key),\n" + fields.map { "  \($0.0) = {\($0.1)},\n" }.joined() + "}"
  }
}

import HeadLosses
import HeadTraining
import Reporting
import Testing

@Suite struct BibliographyTests {
  private let methods: [any NamedMethod] =
    TrainingMethod.all + ImageSamplingMethod.all + RoIMiningMethod.all + BoxLossMethod.all + CalibrationMethod.all
    + AdversaryMethod.all

  @Test func everyMethodHasAnEntryOfTheYearThatItsSourceNames() {
    for method in methods {
      let entries = Bibliography.entries(for: method)
      #expect(!entries.isEmpty, "\(method.name)")
      // Where the line about the method names years, its entries are of these.
      let years = method.source.split { !$0.isNumber }.compactMap { Int($0) }.filter { (1990...2030).contains($0) }
      if !years.isEmpty { #expect(entries.contains { years.contains($0.year) }, "\(method.name): \(method.source)") }
      // "Li et al., CVPR 2020" begins with the first author of one of them.
      let name = method.source.prefix { $0 != " " && $0 != "," }
      if method.source.contains("et al.") && !method.source.hasPrefix("the ") {
        #expect(entries.contains { $0.authors.hasPrefix("\(name),") }, "\(method.name): \(method.source)")
      }
    }
  }

  @Test func entriesAreDistinctAndWellFormed() {
    let entries = Bibliography.entries(for: methods)
    #expect(Set(entries.map(\.key)).count == entries.count && Set(entries.map(\.title)).count == entries.count)
    for entry in entries {
      let text = entry.bibtex
      #expect(text.hasPrefix("@\(entry.kind.rawValue){\(entry.key),\n") && text.hasSuffix("}"), "\(entry.key)")
      #expect(text.count { $0 == "{" } == text.count { $0 == "}" } && text.allSatisfy(\.isASCII), "\(entry.key)")
      #expect(!entry.authors.contains("et al"), "\(entry.key)")
      #expect(entry.authors.components(" and ").allSatisfy { $0 == "others" || $0.contains(", ") }, "\(entry.key)")
    }
  }

  @Test func theEntryOfBAGSIsItsAuthors() {
    #expect(
      Bibliography.entries(for: [TrainingMethod.named("bags")].compactMap { $0 }).map(\.bibtex) == [
        """
        @inproceedings{li2020bags,
          author = {Li, Yu and Wang, Tao and Kang, Bingyi and Tang, Sheng and Wang, Chunfeng and Li, Jintao and Feng, Jiashi},
          title = {{Overcoming Classifier Imbalance for Long-tail Object Detection with Balanced Group Softmax}},
          booktitle = {Proceedings of the IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)},
          year = {2020},
          eprint = {2006.10408},
          archiveprefix = {arXiv},
        }
        """
      ])
  }
}

extension String {
  fileprivate func components(_ separator: String) -> [Substring] { split(separator: separator) }
}

import DurableFiles
import Foundation
import LVISDatasets
import TestSupport
import Testing

@Suite struct CategoryGroupsJSONTests {
  private func groups(_ source: CountsSource? = .annotations) throws -> CategoryGroups {
    try CategoryGroups(
      counts: [
        CategoryCount(id: 7, name: "cup \"blue\"", instances: 12, images: 9),
        CategoryCount(id: -2, name: "crêpe/é", instances: 0, images: 0),
      ], boundaries: [10, 20], countedBy: .images, countsSource: source)
  }

  @Test func comesBackAsItWas() throws {
    try withTemporaryFolder { folder in
      for source in [CountsSource.annotations, .categories, nil] {
        try groups(source).write(to: "\(folder)/groups.json")
        #expect(try CategoryGroups(contentsOf: "\(folder)/groups.json") == groups(source))
      }
    }
  }

  @Test func sameGroupsGiveTheSameBytes() throws {
    #expect(try groups().json(pretty: true) == groups().json(pretty: true))
  }

  @Test(arguments: [
    (#""version":1"#, #""version":2"#, "version 2 is not known to this program, which reads 1"),
    (#""bags-groups""#, #""other""#, #"format is "other", not "bags-groups""#),
    (#"[10,20]"#, #"[20,10]"#, "boundaries must ascend from above 0, not [20, 10]"),
    (#""counted_by":"images""#, #""counted_by":"weights""#, "counted_by: "),
    (#""id":7"#, #""id":-2"#, "category id -2 stands twice"),
    (#""id":7"#, #""id":"7""#, "categories[1].id is not of type Int"),
    (#""image_count":9"#, #""image_count":-9"#, "categories[1] has a count that is negative or too large"),
    (
      #""image_count":9"#, #""image_count":9223372036854775807"#,
      "categories[1] has a count that is negative or too large"
    ),
    (#""image_count":9"#, #""image_count":15"#, "categories[1].group is 1, its count puts it into 2"),
    (#""name":"cup \"blue\"""#, #""label":"""#, "categories[1].name is missing"),
    ("{", "", "is not valid JSON"),
  ])
  func namesTheFault(part: String, replacement: String, expected: String) throws {
    let json = try groups().json()
    let position = try #require(json.range(of: part))
    let broken = json.replacingCharacters(in: position, with: replacement)
    do {
      _ = try CategoryGroups(json: Data(broken.utf8), source: "g.json")
      Issue.record("took \(broken)")
    } catch let error as CategoryGroupsError {
      #expect(error.description.hasPrefix("g.json: \(expected)"), "\(error)")
    }
  }

  @Test func everyTruncationIsAFault() throws {
    let json = Array(try groups().json().utf8)
    for count in 0..<json.count {
      #expect(throws: CategoryGroupsError.self) {
        try CategoryGroups(json: Data(json.prefix(count)), source: "g.json")
      }
    }
  }
}

import DetectionHeads
import LVISDatasets
import Reporting
import TestSupport
import Testing

@Suite struct FrequencyFigureTests {
  private func groups() throws -> CategoryGroups {
    try CategoryGroups(instances: [3, 2000, 0, 40, 3], ids: [5, 6, 2, 9, 11])
  }

  @Test func everyClassIsAPointInItsGroup() throws {
    let all = try elements(ofSVG: groups().frequencyChart(source: "Counts: x.json.").rendered().svg)
    #expect(all.filter { $0.name == "circle" }.count == 5, "the class without instances too")
    #expect(all.filter { $0.name == "rect" && $0.classes.contains { $0.hasPrefix("band") } }.count == 3)
    let titles = all.filter { $0.name == "title" }.map(\.text)
    #expect(titles.first == "c6: 2,000 instances in 2,000 images, G4")
    #expect(all.contains { $0.name == "text" && $0.text == "0" })
  }

  @Test func csv() throws {
    #expect(
      try groups().frequencyCSV == """
        rank,class_id,name,instance_count,image_count,group
        1,6,c6,2000,2000,G4
        2,9,c9,40,40,G2
        3,5,c5,3,3,G1
        4,11,c11,3,3,G1
        5,2,c2,0,0,G1

        """)
  }

  @Test func rangesReadAsPeopleWriteThem() throws {
    let groups = try groups()
    #expect((0..<4).map { groups.rangeText(ofGroup: $0) } == ["< 10", "10–99", "100–999", "≥ 1,000"])
    let one = try CategoryGroups(instances: [1], boundaries: [5, 6])
    #expect(one.rangeText(ofGroup: 1) == "5")
  }
}

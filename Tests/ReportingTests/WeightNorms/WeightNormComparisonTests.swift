import Foundation
import LVISDatasets
import Reporting
import TestSupport
import Testing

@Suite struct WeightNormComparisonTests {
  /// Six classes in three of the four groups; ids neither in order nor without gaps.
  private let groups = try? CategoryGroups(counts: [
    CategoryCount(id: 30, name: "knife, \"sharp\"", instances: 2000, images: 900),
    CategoryCount(id: 7, name: "mug", instances: 4, images: 3),
    CategoryCount(id: 9, name: "<fork>", instances: 4, images: 4),
    CategoryCount(id: 11, name: "spoon", instances: 50, images: 20),
    CategoryCount(id: 2, name: "cup", instances: 0, images: 0),
    CategoryCount(id: 40, name: "plate", instances: 80, images: 60),
  ])

  private func comparison() throws -> WeightNormComparison {
    // By ascending id: cup, mug, fork, spoon, knife, plate.
    try WeightNormComparison(
      groups: #require(groups),
      heads: [
        HeadNorms(
          name: "before", method: "softmax", classes: [0.1, 0.2, 0.3, 0.5, 2, 1], background: 1.5
        ),
        HeadNorms(
          name: "after", method: "bags", classes: [1, 1.5, 1.25, 1, 1, 1], background: 3,
          others: [0.5, 0.6, 0.7, 0.8]),
      ])
  }

  @Test func classesComeMostFrequentFirstAndTiesByID() throws {
    let comparison = try comparison()
    #expect(comparison.order.map { comparison.groups.members[$0].id } == [30, 40, 11, 7, 9, 2])
  }

  @Test func summaries() throws {
    let summaries = try comparison().summaries
    // The counts' ranks are 1, 2.5, 2.5, 4, 6, 5; the norms' 1, 2, 3, 4, 6, 5: squares 17, 17.5; covariance 17.
    #expect(abs(try #require(summaries[0].rankCorrelation) - 17 / (17.5 * 17).squareRoot()) < 1e-12)
    let means = summaries[0].meanNorms
    #expect(abs(try #require(means[0]) - 0.2) < 1e-12)
    #expect(means[1] == 0.75 && means[2] == nil && means[3] == 2)
    #expect(abs(try #require(summaries[0].tailToHead) - 0.1) < 1e-12)
    #expect(summaries[0].background == 1.5 && summaries[0].others == [])
    #expect(summaries[1].tailToHead == 1.25)
  }

  @Test func csv() throws {
    #expect(
      try comparison().csv == """
        class_id,name,instance_count,image_count,group,before,after
        30,"knife, ""sharp""\",2000,900,G4,2.0,1.0
        40,plate,80,60,G2,1.0,1.0
        11,spoon,50,20,G2,0.5,1.0
        7,mug,4,3,G1,0.2,1.5
        9,<fork>,4,4,G1,0.3,1.25
        2,cup,0,0,G1,0.1,1.0

        """)
  }

  @Test func theFigureHoldsEveryRow() throws {
    let rendered = try comparison().chart(source: "Counts: train.json.").rendered(width: 760)
    let all = try elements(ofSVG: rendered.svg)
    func marks(_ name: String, _ color: String) -> [SVGElement] {
      all.filter { $0.name == name && $0.classes.contains("points") && $0.classes.contains(color) }
    }
    #expect(marks("circle", "fill-neutral").count == 6 && marks("circle", "fill-blue").count == 6)
    // One diamond each, and the one of the legend.
    #expect(marks("path", "fill-neutral").count == 2 && marks("path", "fill-blue").count == 1)
    // Three squares: group 3 has no classes and no room.
    #expect(marks("path", "stroke-blue").count == 3)
    // after: the norms' ranks are 2.5, 6, 5, 2.5, 2.5, 2.5; covariance −6, squares 17 and 12.5.
    let texts = all.filter { $0.name == "text" }.map(\.text)
    for text in [
      "before, ρ = 0.99", "after, ρ = −0.41", "background (G0)", "others, one a group", "G0", "G4: ≥ 1,000", "0",
    ] {
      #expect(texts.contains(text), "\(text) is missing in \(texts)")
    }
    #expect(all.contains { $0.name == "title" && $0.text == "<fork>: 4 instances, ‖w‖ 0.300, before" })
  }

  @Test(arguments: [320.0, 380, 760])
  func noTwoTextsOverlap(width: Double) throws {
    let rendered = try comparison().chart().rendered(width: width)
    #expect(overlappingPairs(rendered.texts) { $0.overlaps($1) } == [])
    for text in rendered.texts {
      #expect(text.x >= 0 && text.x + text.width <= rendered.width, "\(text)")
    }
  }

  @Test func theSameInputGivesTheSameBytes() throws {
    #expect(try comparison().chart().rendered().svg == comparison().chart().rendered().svg)
  }

  @Test func oneClassAndOneGroupStillMakeAFigure() throws {
    let groups = try CategoryGroups(
      counts: [CategoryCount(id: 0, name: "only", instances: 3, images: 1)], boundaries: [])
    let comparison = try WeightNormComparison(
      groups: groups, heads: [HeadNorms(name: "h", method: "softmax", classes: [0])])
    #expect(comparison.summaries[0].rankCorrelation == nil && comparison.summaries[0].tailToHead == nil)
    _ = try elements(ofSVG: comparison.chart().rendered().svg)
  }

  @Test func headsOfOtherClassesAndBrokenWeightsAreRefused() throws {
    let groups = try #require(groups)
    #expect {
      try WeightNormComparison(groups: groups, heads: [HeadNorms(name: "h", method: "bags", classes: [1, 2])])
    } throws: {
      "\($0)" == "h: has 2 classes, the annotations 6"
    }
    #expect {
      try WeightNormComparison(
        groups: groups, heads: [HeadNorms(name: "h", method: "bags", classes: [1, 2, .nan, 1, 1, 1])])
    } throws: {
      "\($0)" == "h: the weights of category 9 (<fork>) are not finite"
    }
  }
}

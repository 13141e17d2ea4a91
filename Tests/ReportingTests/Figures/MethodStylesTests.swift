import Charts
import HeadLosses
import HeadTraining
import Reporting
import Testing

@Suite struct MethodStylesTests {
  @Test func everyMethodHasAStyleOfItsOwn() {
    let names = TrainingMethod.all.map(\.name) + CalibrationMethod.all.map(\.name)
    let alone = names.map { SeriesStyle.styles(forMethods: [$0])[0] }
    #expect(Set(alone).count == names.count, "two methods look alike")
    // And has it in every figure, whatever else is there.
    #expect(SeriesStyle.styles(forMethods: names) == alone)
    #expect(SeriesStyle.styles(forMethods: names.reversed()) == alone.reversed())
  }

  @Test func variantsShareTheColourAndNothingElse() {
    let styles = SeriesStyle.styles(forMethods: ["bags", "bags:others-ratio=3", "bags+rfs", "bags"])
    #expect(Set(styles.map(\.color)) == [.blue])
    #expect(Set(styles.map(\.dash)).count == 4 && Set(styles.map(\.shape)).count == 4)
  }

  @Test func softmaxIsWhatOthersAreHeldAgainst() {
    #expect(SeriesStyle.styles(forMethods: ["softmax", "baseline"]).map(\.color) == [.neutral, .neutral])
    #expect(SeriesStyle.styles(forMethods: ["something new"])[0].color != .neutral)
  }

  @Test func aMethodHasTheSameColourInEveryFigure() {
    let one = SeriesStyle.styles(forMethods: ["softmax", "bags"])
    let other = SeriesStyle.styles(forMethods: ["focal", "bags", "softmax", "bags"])
    #expect(one[0].color == other[2].color && one[1].color == other[1].color && one[1].color == other[3].color)
    #expect(one[0].color != one[1].color && other[0].color != other[1].color)
    #expect(other[1] != other[3], "two runs of one method differ in their dashes")
  }
}

import Charts
import Testing

@Suite struct NumberTextTests {
  @Test func numbersReadTheSameEverywhere() {
    #expect(NumberText.fixed(-0.001, digits: 2) == "0.00")
    #expect(NumberText.fixed(-0.741, digits: 2) == "-0.74")
    #expect(NumberText.fixed(.nan, digits: 2) == "–")
    #expect(NumberText.grouped(1_136_894) == "1,136,894")
    #expect(NumberText.grouped(999) == "999")
    #expect(NumberText.grouped(-1000) == "−1,000")
    #expect(NumberText.grouped(.min) == "−9,223,372,036,854,775,808")
    #expect(NumberText.powerOfTen(-3) == "0.001")
    #expect(NumberText.powerOfTen(12) == "10¹²")
    #expect(NumberText.short(0.0012345) == "0.00123")
  }
}

import Charts
import Testing

@Suite struct LabelPlacementTests {
  @Test func labelsThatDoNotTouchStayWhereTheyAre() {
    #expect(placedLabels(wishes: [80, 20, 50], height: 10, in: 0...100) == [80, 20, 50])
  }

  @Test func labelsThatTouchPartAroundTheirMiddle() {
    #expect(placedLabels(wishes: [50, 50], height: 10, in: 0...100) == [45, 55])
    #expect(placedLabels(wishes: [50, 52, 48], height: 10, in: 0...100) == [50, 60, 40])
  }

  @Test func labelsStayInside() {
    #expect(placedLabels(wishes: [-20, 0, 200], height: 10, in: 0...100) == [5, 15, 95])
    #expect(placedLabels(wishes: [1, 2, 3, 4], height: 25, in: 0...100) == [12.5, 37.5, 62.5, 87.5])
    #expect(placedLabels(wishes: [1, 2, 3, 4], height: 26, in: 0...100) == nil)
    #expect(placedLabels(wishes: [], height: 10, in: 0...1) == [])
  }

  @Test func manyLabelsNeverOverlapAndKeepTheirOrder() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      let count = Int.random(in: 1...12, using: &generator)
      let wishes = (0..<count).map { _ in Double.random(in: -20...220, using: &generator) }
      let places = try #require(placedLabels(wishes: wishes, height: 15, in: 0...200))
      let order = wishes.indices.sorted { (wishes[$0], $0) < (wishes[$1], $1) }
      for (a, b) in zip(order, order.dropFirst()) { #expect(places[b] - places[a] >= 15 - 1e-9) }
      #expect(places.allSatisfy { $0 >= 7.5 - 1e-9 && $0 <= 192.5 + 1e-9 })
    }
  }
}

import DenseLinearAlgebra
import Testing

@Suite struct SelectionTests {
  /// The first of a sort stand in front, whatever order they were in and however many are asked for.
  @Test(arguments: [0, 1, 2, 7, 50, 199, 200, 300]) func movesTheFirstToTheFront(count: Int) {
    var generator = SeededGenerator(seed: 5)
    let orders = [
      Array(0..<200), Array((0..<200).reversed()), (0..<200).map { $0 ^ 1 },
      (0..<200).shuffled(using: &generator), (0..<200).map { $0 < 100 ? 2 * $0 : 2 * ($0 - 100) + 1 },
    ]
    for order in orders {
      var moved = order
      moved.moveFirst(count, by: <)
      #expect(moved.prefix(count).sorted() == Array((0..<200).prefix(count)))
      #expect(moved.sorted() == Array(0..<200))
    }
  }

  /// Numbers that compare with nothing do not keep it from coming to an end.
  @Test func endsWithoutAnOrder() {
    var numbers = (0..<100).map { $0.isMultiple(of: 3) ? Float.nan : Float($0) }
    numbers.moveFirst(40, by: <)
    #expect(numbers.count == 100)
  }
}

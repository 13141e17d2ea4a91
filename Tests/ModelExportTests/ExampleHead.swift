import DenseLinearAlgebra
import DetectionHeads
import LVISDatasets

/// Eight classes in four groups; ids 1, 4, …, 22, names that do not ascend.
func exampleGroups() throws -> CategoryGroups {
  let counts = [3, 500, 40, 9, 10, 2000, 150, 1000]
  let names = ["pear", "apple", "fig", "plum", "date", "kiwi", "lime", "nut"]
  return try CategoryGroups(
    counts: counts.enumerated().map { CategoryCount(id: $0 * 3 + 1, name: names[$0], instances: $1, images: $1) })
}

/// A head of any layout, its weights drawn.
func exampleHead(_ layout: any LogitLayout, inputs: Int = 5, method: String = "test") throws -> LinearHead {
  var generator = SeededGenerator(seed: 4)
  var head = LinearHead(
    inputs: inputs, layout: layout, groups: try exampleGroups(), method: method, deviation: 1, using: &generator)
  for row in head.bias.indices { head.bias[row] = Float(standardNormal(using: &generator)) }
  return head
}

/// A regressor of every class or of all alike.
func exampleRegressor(perClass: Bool, background: Bool = false, inputs: Int = 5) throws -> BoxRegressor {
  func rows(_ count: Int, from start: Int) -> LinearRows {
    LinearRows(
      weight: Matrix(
        rows: count, columns: inputs, values: (0..<count * inputs).map { Float(start * inputs + $0) }),
      bias: (0..<count).map { -Float(start + $0) })
  }
  let own = rows(perClass ? 32 : 4, from: 100)
  return try BoxRegressor(
    weight: own.weight, bias: own.bias, background: background ? rows(4, from: 0) : nil, classCount: 8)
}

import DenseLinearAlgebra
import DetectionHeads
import LVISDatasets

/// A head of any layout, its weights and biases drawn; of `exampleGroups()` unless others are given.
public func exampleHead(
  _ layout: any LogitLayout, inputs: Int = 5, groups: CategoryGroups? = nil, method: String = "test"
) throws -> LinearHead {
  var generator = SeededGenerator(seed: 4)
  var head = LinearHead(
    inputs: inputs, layout: layout, groups: try groups ?? exampleGroups(), method: method, deviation: 1,
    using: &generator)
  for row in head.bias.indices { head.bias[row] = Float(standardNormal(using: &generator)) }
  return head
}

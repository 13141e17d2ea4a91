import DetectionHeads
import Foundation
import ModelExport
import TensorFiles
import TestSupport
import Testing

@Suite struct ClassOrderTests {
  /// The biases of a softmax head that are each class's index by ascending id, as a detector has them; background's is
  /// −1.
  func biases(_ order: ClassOrder) throws -> [Float] {
    var head = try exampleHead(SoftmaxLayout(classCount: 8))
    head.bias = (0..<9).map { Float($0 - 1) }
    let tensors = try DetectorHead.tensors([DetectorHead(classifier: head)], framework: .detectron2, order: order)
    return try withTemporaryFolder { folder in
      try writeSafetensors(tensors, to: "\(folder)/a")
      return try openTensors(at: "\(folder)/a").tensor("roi_heads.box_predictor.cls_score.bias").floats()
    }
  }

  @Test func ordersClasses() throws {
    #expect(try biases(.id) == [0, 1, 2, 3, 4, 5, 6, 7, -1])
    // apple, date, fig, kiwi, lime, nut, pear, plum.
    #expect(try biases(.name) == [1, 4, 2, 5, 6, 7, 0, 3, -1])
    #expect(try biases(.list(["22", "pear", "apple", "7", "10", "13", "16", "19"])) == [7, 0, 1, 2, 3, 4, 5, 6, -1])
  }

  @Test(arguments: [
    (["pear"], "has 1 entries; 8 are expected"),
    (["pear", "pear", "fig", "plum", "date", "kiwi", "lime", "nut"], "entry 2: 'pear' stands there twice"),
    (
      ["pear", "apple", "fig", "plum", "date", "kiwi", "lime", "99"],
      "entry 8: '99' is neither a name nor an id of the 8"
    ),
  ])
  func refusesOtherLists(list: [String], words: String) {
    #expect { try biases(.list(list)) } throws: { "\($0)".contains(words) }
  }
}

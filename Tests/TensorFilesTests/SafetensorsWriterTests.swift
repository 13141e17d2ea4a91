import DurableFiles
import Foundation
import TensorFiles
import TestSupport
import Testing

@Suite struct SafetensorsWriterTests {
  @Test func writesPiecesInTheFilesOrder() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a.safetensors"
      let writer = try SafetensorsWriter(
        at: path,
        tensors: [
          .init(name: "features", elementType: .float16, shape: [3, 2]),
          .init(name: "none", elementType: .float32, shape: [0]),
          .init(name: "image_ids", elementType: .int64, shape: [3]),
        ])
      #expect(writer.order.map(\.name) == ["image_ids", "none", "features"])
      try withUnsafeBytes(of: (Int64(1), Int64(2))) { try writer.write($0, to: "image_ids") }
      #expect(throws: TensorFileError.self) {
        try [Float(1)].withUnsafeBufferPointer { try writer.write($0, to: "features") }
      }
      try withUnsafeBytes(of: Int64(3)) { try writer.write($0, to: "image_ids") }
      try [Float](arrayLiteral: 1, 2, 3, 4, 5).withUnsafeBufferPointer { try writer.write($0, to: "features") }
      #expect(throws: TensorFileError.self) { try writer.commit() }
      #expect(throws: TensorFileError.self) {
        try [Float](arrayLiteral: 6, 7).withUnsafeBufferPointer { try writer.write($0, to: "features") }
      }
      #expect(!FileManager.default.fileExists(atPath: path))
      try [Float(6)].withUnsafeBufferPointer { try writer.write($0, to: "features") }
      #expect(throws: TensorFileError.self) {
        try [Float(7)].withUnsafeBufferPointer { try writer.write($0, to: "features") }
      }
      try writer.commit()
      let file = try SafetensorsFile(at: path)
      #expect(try file.tensor("features").floats() == [1, 2, 3, 4, 5, 6])
      #expect(try file.tensor("image_ids").integers() == [1, 2, 3])
      #expect(try file.tensor("none").floats().isEmpty)
    }
  }

  @Test func refusesWhatDoesNotFit() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a.safetensors"
      let misfits: [[NamedTensor]] = [
        [NamedTensor("a", floats: [1, 2], shape: [3])],
        [NamedTensor("a", floats: [1, 2], shape: [1])],
        [NamedTensor("a", floats: [1], shape: [1]), NamedTensor("a", floats: [2], shape: [1])],
        [NamedTensor("__metadata__", floats: [1], shape: [1])],
        [NamedTensor("a", floats: [Float](), shape: [Int.max, 4])],
        [NamedTensor("a", floats: [Float](), shape: [-1])],
        [NamedTensor("a", floats: [1], shape: [1], as: .int32)],
      ]
      for tensors in misfits {
        #expect(throws: TensorFileError.self) { try writeSafetensors(tensors, to: path) }
        #expect(!FileManager.default.fileExists(atPath: path))
      }
      #expect(throws: FileError.self) { try writeSafetensors([], to: "\(folder)/none/a.safetensors") }
      let leftOver = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(leftOver.isEmpty)
    }
  }

  @Test func writesManyNumbersInPieces() throws {
    try withTemporaryFolder { folder in
      let values = (0..<100_003).map { Float($0 % 2048) }
      for type in [TensorElementType.float16, .bfloat16, .float32] {
        let path = "\(folder)/\(type)"
        try writeSafetensors([NamedTensor("x", floats: values.map { $0 / 8 }, shape: [100_003], as: type)], to: path)
        let read = try SafetensorsFile(at: path).tensor("x").floats()
        #expect(read == values.map { type == .bfloat16 ? roundedToBFloat16($0 / 8) : $0 / 8 })
      }
    }
  }
}

/// The nearest number with a mantissa of 8 bits, ties to even, by arithmetic.
func roundedToBFloat16(_ value: Float) -> Float {
  guard value != 0 else { return 0 }
  let step = value.ulp * 65536
  return (value / step).rounded(.toNearestOrEven) * step
}

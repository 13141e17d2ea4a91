import HeadLosses
import HeadTraining
import TensorFiles
import TestSupport
import Testing

@Suite struct TrainingCheckpointTests {
  @Test func damagedSumsAreRefused() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/checkpoint.safetensors"
      func doubles(_ name: String, count: Int) -> NamedTensor {
        NamedTensor(
          name, bytes: [UInt8](repeating: 0, count: count * 8), elementType: .float64, shape: [count])
      }
      for count in 0...4 {
        try writeSafetensors(
          [
            NamedTensor("fc_cls.weight", floats: [1, 2], shape: [2, 1]),
            NamedTensor("fc_cls.bias", floats: [1, 2], shape: [2]),
            NamedTensor("momentum.fc_cls.weight", floats: [1, 2], shape: [2, 1]),
            NamedTensor("momentum.fc_cls.bias", floats: [1, 2], shape: [2]),
            doubles("sums.line", count: count), doubles("sums.epoch", count: 6),
          ], metadata: ["format": "bags-checkpoint", "version": "1", "step": "1"], to: path)
        #expect(throws: TrainingError.self) { try TrainingCheckpoint.read(from: path) }
      }
    }
  }
}

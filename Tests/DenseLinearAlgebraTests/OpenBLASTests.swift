import DenseLinearAlgebra
import Testing

@Suite struct OpenBLASTests {
  @Test func knowsWhichKernelsAreFallbacks() {
    #expect(OpenBLAS.isFallback("Haswell") && OpenBLAS.isFallback("Zen"))
    #expect(!OpenBLAS.isFallback("SkylakeX") && !OpenBLAS.isFallback("Cooperlake") && !OpenBLAS.isFallback("armv8"))
  }

  @Test func saysWhatRuns() {
    #expect(OpenBLAS.configuration.contains("OpenBLAS") && !OpenBLAS.kernels.isEmpty)
  }
}

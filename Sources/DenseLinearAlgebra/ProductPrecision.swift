import CVectorKernels

/// The precision of the operands of products; their sums, and whatever is kept of them, are in single precision.
public enum ProductPrecision: String, Sendable, Codable, CaseIterable {
  /// Single precision, on every processor.
  case single = "fp32"
  /// bfloat16, operands rounded to 8 significant bits, on processors with AVX-512 BF16.
  case bfloat16 = "bf16"

  /// Whether this processor multiplies so.
  public var isAvailable: Bool {
    switch self {
    case .single: true
    case .bfloat16: bags_multiplies_bf16() != 0
    }
  }
}

import COpenBLAS

/// The OpenBLAS that the program runs on.
public enum OpenBLAS {
  /// Its version and build, such as `OpenBLAS 0.3.21 … Zen MAX_THREADS=64`.
  public static var configuration: String { String(cString: openblas_get_config()) }

  /// The kernels it chose for this processor, such as `Haswell` or `SkylakeX`.
  public static var kernels: String { String(cString: openblas_get_corename()) }

  /// The threads that a product uses, for the whole process.
  public static var threadCount: Int {
    get { Int(openblas_get_num_threads()) }
    set { openblas_set_num_threads(Int32(clamping: max(1, newValue))) }
  }
}

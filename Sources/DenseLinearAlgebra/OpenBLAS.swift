import COpenBLAS

/// The OpenBLAS that the program runs on.
///
/// Every product runs on the thread that asks for it, and the work is shared out above it by ``inParallel(parts:_:)``;
/// so two trainings in one process do not disturb each other.
public enum OpenBLAS {
  /// The version and build of OpenBLAS, such as `OpenBLAS 0.3.21 … Zen MAX_THREADS=64`.
  public static var configuration: String { String(cString: openblas_get_config()) }

  /// The kernels it chose for this processor, such as `Haswell` or `SkylakeX`.
  public static var kernels: String { String(cString: openblas_get_corename()) }

  /// Sets OpenBLAS, whose thread count is the whole process's, to one thread; done once, where the first product begins.
  static let usesOneThread: Void = openblas_set_num_threads(1)
}

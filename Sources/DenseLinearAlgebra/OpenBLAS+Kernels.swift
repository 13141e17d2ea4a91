import CVectorKernels
import Foundation

extension OpenBLAS {
  /// The kernels that would be faster than those it chose; `nil` where it chose well, or the user has chosen.
  ///
  /// OpenBLAS before 0.3.22 does not know newer AMD processors and falls back to kernels without AVX-512, half as fast.
  /// It reads its choice from `OPENBLAS_CORETYPE` when the library is loaded, so a program that wants them has to be
  /// started anew: see `restartWithFasterKernels()`.
  public static var fasterKernels: String? {
    let hasChosen = ProcessInfo.processInfo.environment[coreTypeVariable] != nil
    guard !hasChosen, isFallback(kernels), bags_has_skylakex_instructions() != 0 else { return nil }
    return "SKYLAKEX"
  }

  /// Whether these kernels are what OpenBLAS takes for an x86-64 processor that it does not know.
  package static func isFallback(_ kernels: String) -> Bool {
    ["haswell", "zen", "sandybridge", "nehalem", "prescott"].contains(kernels.lowercased())
  }

  /// Starts the program once more with faster kernels, where there are any; else returns at once.
  ///
  /// To be called first in an executable's `main`: the process is replaced, with the same arguments and environment but
  /// for `OPENBLAS_CORETYPE`. A library cannot do this for its user; one that prints `kernels` and `fasterKernels` at
  /// least tells. Where the restart fails, the program goes on with the kernels that it has.
  public static func restartWithFasterKernels() {
    #if os(Linux)
    guard let faster = fasterKernels else { return }
    setenv(coreTypeVariable, faster, 1)
    var arguments: [UnsafeMutablePointer<CChar>?] = CommandLine.arguments.map { strdup($0) }
    arguments.append(nil)
    execv("/proc/self/exe", arguments)
    unsetenv(coreTypeVariable)
    for argument in arguments { free(argument) }
    #endif
  }

  /// Ends the threads that OpenBLAS starts when it is loaded, where it has a way to; to be called before another thread
  /// multiplies.
  ///
  /// Products run on one thread each (see ``OpenBLAS``), but these would wait for work awake at first: 20 ms of processor
  /// time, which is much of what a short command takes.
  public static func endWaitingThreads() {
    // Setting the number of threads later would start them anew.
    usesOneThread
    // Not among the functions that OpenBLAS promises: it calls this one itself before a fork.
    guard let symbol = dlsym(nil, "blas_thread_shutdown_") else { return }
    _ = unsafeBitCast(symbol, to: (@convention(c) () -> Int32).self)()
  }

  private static let coreTypeVariable = "OPENBLAS_CORETYPE"
}

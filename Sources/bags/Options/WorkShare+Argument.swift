import ArgumentParser
import BalancedGroupSoftmax

extension WorkShare: ExpressibleByArgument {
  /// Reads `2/8`; `nil` where it is none.
  public init?(argument: String) { self.init(argument) }
}

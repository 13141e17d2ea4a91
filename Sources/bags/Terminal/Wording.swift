import BalancedGroupSoftmax

/// An integer with its thousands apart: `16,328`.
func grouped(_ number: Int) -> String { NumberText.grouped(number) }

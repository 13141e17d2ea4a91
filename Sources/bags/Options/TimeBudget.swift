import ArgumentParser

/// A time that work may take: `90s`, `10m`, `1.5h`.
struct TimeBudget: ExpressibleByArgument, Equatable {
  let seconds: Double

  init?(argument: String) {
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600]
    guard let unit = argument.last.flatMap({ units[$0] }), let count = Double(argument.dropLast()), count > 0,
      (count * unit).isFinite
    else { return nil }
    seconds = count * unit
  }
}

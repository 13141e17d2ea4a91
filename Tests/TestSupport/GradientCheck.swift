/// How far a gradient is from central differences, over its largest entry.
///
/// Infinite where there is no gradient: a check of zeros against zeros would prove nothing.
///
/// - Parameters:
///   - gradient: The gradient that is checked.
///   - values: Where it was taken; one for each entry of the gradient.
///   - samples: How many entries are compared, spread evenly over all.
///   - step: The distance to each side.
///   - loss: What the gradient is of.
public func gradientError(
  _ gradient: [Double], at values: [Double], samples: Int = .max, step: Double = 1e-5, of loss: ([Double]) -> Double
) -> Double {
  let largest = gradient.map { abs($0) }.max() ?? 0
  guard gradient.count == values.count, largest > 0 else { return .infinity }
  let count = min(samples, values.count)
  var error = 0.0
  for sample in 0..<count {
    let index = sample * values.count / count
    func moved(_ shift: Double) -> Double {
      var moved = values
      moved[index] += shift
      return loss(moved)
    }
    let difference = abs((moved(step) - moved(-step)) / (2 * step) - gradient[index])
    guard difference.isFinite else { return .infinity }
    error = max(error, difference)
  }
  return error / max(largest, 1e-3)
}

/// The same for a loss that replaces what it is given by its gradient, at up to 40 entries.
///
/// - Parameters:
///   - values: Where.
///   - step: The distance to each side.
///   - loss: Replaces values by the gradient and returns the loss.
public func gradientError(at values: [Double], step: Double = 1e-5, _ loss: (inout [Double]) -> Double) -> Double {
  var gradient = values
  _ = loss(&gradient)
  return gradientError(gradient, at: values, samples: 40, step: step) { moved in
    var moved = moved
    return loss(&moved)
  }
}

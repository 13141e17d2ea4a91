import DenseLinearAlgebra
import DetectionHeads
import Testing

/// Convolutions by tiles beside sums in double precision.
@Suite struct TiledProductsTests {
  /// Maps of random numbers, a weight, and what a convolution gives of them.
  struct Case: CustomTestStringConvertible {
    let channels: Int
    let outputs: Int
    let levels: [[(height: Int, width: Int)]]

    var testDescription: String { "\(channels) to \(outputs) channels, \(levels.joined().map { "\($0)×\($1)" })" }
    var locationCount: Int { levels.joined().reduce(0) { $0 + $1.height * $1.width } }

    func maps(_ features: [Float]) -> PaddedMaps {
      let maps = PaddedMaps(channelCount: channels)
      maps.reserve(levels)
      maps.put(features, at: 0..<locationCount)
      return maps
    }

    func numbers(_ count: Int, _ generator: inout SeededGenerator) -> [Float] {
      (0..<count).map { _ in Float.random(in: -1..<1, using: &generator) }
    }

    /// The patch of every location, in double precision.
    func patches(_ features: [Float]) -> [[Double]] {
      let maps = maps(features)
      return (0..<locationCount).map { location in
        var patch = [Float](repeating: 0, count: 9 * channels)
        maps.gather(location, into: &patch)
        return patch.map { Double($0) }
      }
    }
  }

  static let cases = [
    Case(channels: 1, outputs: 1, levels: [[(1, 1)]]),
    Case(channels: 5, outputs: 3, levels: [[(6, 7), (3, 4)], [(2, 9), (1, 5)]]),
    Case(channels: 33, outputs: 4, levels: [[(4, 4)]]),
    Case(channels: 8, outputs: 37, levels: [[(8, 8), (5, 5)]]),
    Case(channels: 48, outputs: 70, levels: [[(13, 11), (7, 6)], [(9, 30)]]),
    // More tiles than a block has, more blocks than threads.
    Case(channels: 4, outputs: 33, levels: [[(40, 50)], [(21, 18), (4, 190)]]),
  ]

  private static func convolved(
    _ maps: PaddedMaps, _ weight: [Float], _ bias: [Float], threads: Int, partSize: Int = 1 << 20
  ) -> [Float] {
    let (tiled, weights) = (TiledMaps(partSize: partSize), TiledWeights())
    tiled.take(maps)
    weights.take(weight, outputs: bias.count, channels: maps.channelCount, threads: threads)
    var result = [Float](repeating: .nan, count: maps.locationCount * bias.count)
    TiledProducts(threads: threads).multiply(tiled, by: weights, bias: bias, into: &result)
    return result
  }

  @Test(arguments: cases) func convolves(_ own: Case) {
    var generator = SeededGenerator(seed: 1)
    let features = own.numbers(own.locationCount * own.channels, &generator)
    let weight = own.numbers(own.outputs * 9 * own.channels, &generator)
    let bias = own.numbers(own.outputs, &generator)
    let result = Self.convolved(own.maps(features), weight, bias, threads: 1)
    var largest = 0.0
    for (location, patch) in own.patches(features).enumerated() {
      for output in 0..<own.outputs {
        let row = weight[output * patch.count..<(output + 1) * patch.count]
        let sum = zip(patch, row).reduce(Double(bias[output])) { $0 + $1.0 * Double($1.1) }
        largest = max(largest, abs(sum - Double(result[location * own.outputs + output])))
      }
    }
    #expect(largest < 3e-6 * Double(9 * own.channels).squareRoot())
  }

  @Test(arguments: cases) func differentiatesTheWeight(_ own: Case) {
    var generator = SeededGenerator(seed: 2)
    let features = own.numbers(own.locationCount * own.channels, &generator)
    let gradient = own.numbers(own.locationCount * own.outputs, &generator)
    let tiled = TiledMaps()
    tiled.take(own.maps(features))
    var weight = [Float](repeating: .nan, count: own.outputs * 9 * own.channels)
    var bias = [Float](repeating: .nan, count: own.outputs)
    TiledProducts(threads: 2).weightGradient(
      tiled, gradient: gradient, outputs: own.outputs, into: &weight, bias: &bias)
    let patches = own.patches(features)
    let bound = 2e-6 * Double(own.locationCount).squareRoot() + 1e-5
    for output in Set([0, own.outputs / 2, own.outputs - 1]) {
      let column = (0..<own.locationCount).map { Double(gradient[$0 * own.outputs + output]) }
      #expect(abs(Double(bias[output]) - column.reduce(0, +)) < bound)
      for place in 0..<9 * own.channels {
        let sum = zip(column, patches).reduce(0) { $0 + $1.0 * $1.1[place] }
        #expect(abs(Double(weight[output * 9 * own.channels + place]) - sum) < bound)
      }
    }
  }

  /// Neither the threads nor what is in memory at once change a bit.
  @Test(arguments: cases) func dependsOnNothingElse(_ own: Case) {
    var generator = SeededGenerator(seed: 3)
    let maps = own.maps(own.numbers(own.locationCount * own.channels, &generator))
    let weight = own.numbers(own.outputs * 9 * own.channels, &generator)
    let bias = own.numbers(own.outputs, &generator)
    let gradient = own.numbers(own.locationCount * own.outputs, &generator)
    let result = Self.convolved(maps, weight, bias, threads: 1)
    #expect(Self.convolved(maps, weight, bias, threads: 3) == result)
    #expect(Self.convolved(maps, weight, bias, threads: 2, partSize: 0) == result)
    var byBlock = [Float](repeating: .nan, count: result.count)
    let (tiled, weights) = (TiledMaps(partSize: 0), TiledWeights())
    tiled.take(maps)
    weights.take(weight, outputs: own.outputs, channels: own.channels, threads: 1)
    var next = 0
    TiledProducts(threads: 1).forEachBlock(tiled, by: weights, bias: bias) { locations, values in
      #expect(locations.lowerBound == next)
      next = locations.upperBound
      for index in 0..<locations.count * own.outputs {
        byBlock[locations.lowerBound * own.outputs + index] = values[index]
      }
    }
    #expect(next == own.locationCount && byBlock == result)
    let gradients = [(1, 1 << 20), (3, 1 << 20), (2, 0)].map { threads, partSize in
      let tiled = TiledMaps(partSize: partSize)
      tiled.take(maps)
      var (dw, db) = (
        [Float](repeating: .nan, count: weight.count), [Float](repeating: .nan, count: own.outputs)
      )
      TiledProducts(threads: threads).weightGradient(
        tiled, gradient: gradient, outputs: own.outputs, into: &dw, bias: &db)
      return dw + db
    }
    #expect(gradients[0] == gradients[1] && gradients[0] == gradients[2])
  }

  /// Maps that were put in the place of others are transformed anew.
  @Test func takesOtherMaps() {
    let own = Self.cases[1]
    var generator = SeededGenerator(seed: 4)
    let weight = own.numbers(own.outputs * 9 * own.channels, &generator)
    let bias = own.numbers(own.outputs, &generator)
    let (tiled, weights, products) = (TiledMaps(), TiledWeights(), TiledProducts(threads: 1))
    weights.take(weight, outputs: own.outputs, channels: own.channels, threads: 1)
    for _ in 0..<2 {
      let maps = own.maps(own.numbers(own.locationCount * own.channels, &generator))
      tiled.take(maps)
      var result = [Float](repeating: .nan, count: own.locationCount * own.outputs)
      products.multiply(tiled, by: weights, bias: bias, into: &result)
      #expect(result == Self.convolved(maps, weight, bias, threads: 1))
    }
  }
}

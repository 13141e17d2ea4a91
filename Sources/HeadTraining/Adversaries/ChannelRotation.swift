import Foundation

/// Turns a channel of a pooled map about its centre, by bilinear sampling with zeros outside the map: Jaderberg et al.,
/// NeurIPS 2015, eq. 1 and 5, for a rotation; `grid_sample` of torch with `align_corners=True` does the same on a square.
///
/// Cell (y, x) of the result is the map at the place R(θ) (x, y) seen from the centre, R(θ) = (cos θ, −sin θ; sin θ, cos θ).
package struct ChannelRotation {
  private let width: Int
  private let height: Int
  /// For each cell of the result, the place in the map and its derivative by θ.
  private var places: [(x: Float, y: Float, slopeX: Float, slopeY: Float)] = []

  package init(angle: Float, height: Int, width: Int) {
    self.width = width
    self.height = height
    let (cosine, sine) = (Foundation.cos(angle), Foundation.sin(angle))
    let (middleX, middleY) = (Float(width - 1) / 2, Float(height - 1) / 2)
    places.reserveCapacity(height * width)
    for row in 0..<height {
      for column in 0..<width {
        let (x, y) = (Float(column) - middleX, Float(row) - middleY)
        let (turnedX, turnedY) = (cosine * x - sine * y, sine * x + cosine * y)
        places.append((turnedX + middleX, turnedY + middleY, -turnedY, turnedX))
      }
    }
  }

  private func value(_ map: UnsafePointer<Float>, _ x: Int, _ y: Int) -> Float {
    x >= 0 && x < width && y >= 0 && y < height ? map[y * width + x] : 0
  }

  /// Turns a channel.
  ///
  /// - Parameters:
  ///   - map: [H · W].
  ///   - result: [H · W], overwritten; not the map.
  package func apply(to map: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>) {
    for (cell, place) in places.enumerated() {
      guard place.x.isFinite, place.y.isFinite else {
        // The head's loss is then no number either, which ends the training.
        result[cell] = .nan
        continue
      }
      let (left, top) = (place.x.rounded(.down), place.y.rounded(.down))
      let (a, b) = (place.x - left, place.y - top)
      let (x, y) = (Int(left), Int(top))
      result[cell] =
        (1 - b) * ((1 - a) * value(map, x, y) + a * value(map, x + 1, y))
        + b * ((1 - a) * value(map, x, y + 1) + a * value(map, x + 1, y + 1))
    }
  }

  /// dLoss/dθ of one channel.
  ///
  /// - Parameters:
  ///   - map: [H · W], the channel before it was turned.
  ///   - gradient: dLoss/dresult [H · W].
  package func angleGradient(of map: UnsafePointer<Float>, gradient: UnsafePointer<Float>) -> Float {
    var sum: Float = 0
    for (cell, place) in places.enumerated() {
      guard place.x.isFinite, place.y.isFinite else { return .nan }
      let (left, top) = (place.x.rounded(.down), place.y.rounded(.down))
      let (a, b) = (place.x - left, place.y - top)
      let (x, y) = (Int(left), Int(top))
      let (v00, v01) = (value(map, x, y), value(map, x + 1, y))
      let (v10, v11) = (value(map, x, y + 1), value(map, x + 1, y + 1))
      let slopeX = (1 - b) * (v01 - v00) + b * (v11 - v10)
      let slopeY = (1 - a) * (v10 - v00) + a * (v11 - v01)
      sum += gradient[cell] * (slopeX * place.slopeX + slopeY * place.slopeY)
    }
    return sum
  }
}

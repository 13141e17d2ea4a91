import LVISDatasets
import RealModule

/// The centre of an object, in fractions of its image's width and height.
public struct ObjectCentre: Sendable, Equatable {
  /// The class's index.
  public let classIndex: Int
  /// From the left edge, 0 to 1.
  public let x: Double
  /// From the upper edge, 0 to 1.
  public let y: Double

  /// Makes a centre.
  public init(classIndex: Int, x: Double, y: Double) {
    self.classIndex = classIndex
    self.x = x
    self.y = y
  }
}

/// The box-counting dimension of the places where the objects of each class stand in their images (Alexandridis et al.,
/// CVPR 2025; kostas1515/FRACAL `calculate_fractality.py`, `box_dim`): near 2 for a class that is found everywhere, 1 for one that
/// keeps to a line.
///
/// A class's image plane, all images laid on one another, is divided into g × g cells for g = 1, 2, …; the dimension is
/// the slope of the line that fits log(cells that hold a centre) over log g best in squares. Grids of more cells than the
/// class has objects are left out. A class with fewer than four objects has dimension 1, and none has less. A centre
/// outside its image is in no cell.
///
/// - Parameters:
///   - centres: The centres of all training objects.
///   - classCount: C.
///   - largestGrid: The last g.
/// - Returns: D [C].
/// - Complexity: O(objects · `largestGrid` + Σ_g g² · C) at most.
public func fractalDimensions(of centres: [ObjectCentre], classCount: Int, largestGrid: Int = 64) -> [Double] {
  var ofClass = [[ObjectCentre]](repeating: [], count: classCount)
  for centre in centres { ofClass[centre.classIndex].append(centre) }
  return ofClass.map { centres in
    guard centres.count >= 4 else { return 1 }
    let grids = (1...max(1, largestGrid)).filter { $0 * $0 <= centres.count }
    let counts = grids.map { occupiedCells($0, centres) }
    guard counts.allSatisfy({ $0 > 0 }) else { return 1 }
    return max(1, slope(of: counts.map { Double.log(Double($0)) }, over: grids.map { Double.log(Double($0)) }))
  }
}

/// The cells of a g × g grid that hold a centre.
private func occupiedCells(_ size: Int, _ centres: [ObjectCentre]) -> Int {
  var isOccupied = [Bool](repeating: false, count: size * size)
  var count = 0
  for centre in centres {
    guard let column = cell(of: centre.x, size), let row = cell(of: centre.y, size) else { continue }
    if !isOccupied[row * size + column] { count += 1 }
    isOccupied[row * size + column] = true
  }
  return count
}

/// The cell i with i / g ≤ x < (i + 1) / g, the edges rounded as the authors' code rounds them; `nil` outside 0..<1.
private func cell(of x: Double, _ size: Int) -> Int? {
  guard x >= 0, x < 1 else { return nil }
  let step = 1 / Double(size)
  var cell = min(size - 1, Int(x * Double(size)))
  while cell > 0 && x < Double(cell) * step { cell -= 1 }
  while cell < size && x >= Double(cell + 1) * step { cell += 1 }
  return cell < size ? cell : nil
}

/// The slope of the line of least squares; 0 for a single point.
private func slope(of y: [Double], over x: [Double]) -> Double {
  let (meanX, meanY) = (x.reduce(0, +) / Double(x.count), y.reduce(0, +) / Double(y.count))
  let spread = x.reduce(0) { $0 + ($1 - meanX) * ($1 - meanX) }
  guard spread > 0 else { return 0 }
  return zip(x, y).reduce(0) { $0 + ($1.0 - meanX) * ($1.1 - meanY) } / spread
}

extension LVISDataset {
  /// The centres of all annotated objects of some classes, in fractions of their images.
  ///
  /// - Parameter groups: The classes; objects of other categories, and of images that are not listed or have no area, are
  ///   left out.
  package func objectCentres(of groups: CategoryGroups) -> [ObjectCentre] {
    let index = imageIndex()
    return annotations.compactMap { annotation in
      guard let classIndex = groups.classIndex(ofCategory: annotation.categoryID),
        let image = index.position(of: annotation.imageID).map({ images[$0] }), image.width > 0, image.height > 0
      else { return nil }
      let (width, height) = (Double(image.width), Double(image.height))
      let box = annotation.box
      return ObjectCentre(
        classIndex: classIndex, x: box.x / width + box.width / width / 2, y: box.y / height + box.height / height / 2)
    }
  }
}

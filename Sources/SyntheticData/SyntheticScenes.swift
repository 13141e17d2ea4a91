import LVISDatasets

/// One image with all that is in it, labelled or not.
struct SyntheticScene {
  /// What an object is.
  enum Kind {
    /// A class of the set, by index; the annotators may have missed it.
    case known(Int, isLabelled: Bool)
    /// Something that resembles a family but belongs to no class.
    case foreign(Int)
  }

  /// Something in an image.
  struct Object {
    let kind: Kind
    let box: BoundingBox

    /// The class that an annotation names; `nil` without one.
    var labelledClass: Int? {
      if case .known(let index, isLabelled: true) = kind { index } else { nil }
    }
  }

  let image: LVISImage
  let objects: [Object]
}

/// Distributes objects over images and labels them as LVIS does.
struct SyntheticScenes {
  let configuration: SyntheticDetectionSet.Configuration
  let classes: SyntheticClasses

  private static let imageSizes = [(640, 480), (640, 427), (480, 640), (500, 375), (640, 640)]
  private static let largestCluster = 6

  /// Makes images with exactly `counts[c]` labelled instances of class c.
  func scenes(
    count imageCount: Int, firstID: Int, instanceCounts counts: [Int], using generator: inout some RandomNumberGenerator
  ) -> [SyntheticScene] {
    // Which labelled classes each image holds, and how many of each; then the objects that nobody labelled.
    var contents = [[(classIndex: Int, count: Int)]](repeating: [], count: imageCount)
    for (classIndex, count) in counts.enumerated() {
      place(classIndex, count, into: &contents, using: &generator)
    }
    let labelled = counts.reduce(0, +)
    let unlabelled = unlabelledObjects(
      count: Int(Double(labelled) * configuration.unlabelledShare), counts: counts, images: imageCount,
      using: &generator)
    return (0..<imageCount).map { index in
      scene(id: firstID + index, contents[index], unlabelled: unlabelled[index], using: &generator)
    }
  }

  /// Puts the instances of a class into different images, a few together here and there.
  private func place(
    _ classIndex: Int, _ count: Int, into contents: inout [[(classIndex: Int, count: Int)]],
    using generator: inout some RandomNumberGenerator
  ) {
    var clusters: [Int] = []
    var left = count
    while left > 0 {
      var size = 1
      while size < min(left, Self.largestCluster), generator.unitUniform() < configuration.repeatChance { size += 1 }
      clusters.append(size)
      left -= size
    }
    let order = generator.permutation(of: contents.count)
    // More clusters than images: the rest goes round again, into images that hold the class already.
    for (position, size) in clusters.enumerated() {
      let image = order[position % order.count]
      if position < order.count {
        contents[image].append((classIndex, size))
      } else if let held = contents[image].lastIndex(where: { $0.classIndex == classIndex }) {
        contents[image][held].count += size
      }
    }
  }

  /// Classes of unlabelled objects by image, drawn in proportion to the counts.
  private func unlabelledObjects(
    count: Int, counts: [Int], images: Int, using generator: inout some RandomNumberGenerator
  ) -> [[Int]] {
    var objects = [[Int]](repeating: [], count: images)
    let total = counts.reduce(0, +)
    guard total > 0 else { return objects }
    for _ in 0..<count {
      var drawn = generator.integer(below: total)
      let classIndex = counts.firstIndex { count in
        drawn -= count
        return drawn < 0
      }
      if let classIndex { objects[generator.integer(below: images)].append(classIndex) }
    }
    return objects
  }

  private func scene(
    id: Int, _ contents: [(classIndex: Int, count: Int)], unlabelled: [Int],
    using generator: inout some RandomNumberGenerator
  ) -> SyntheticScene {
    let size = Self.imageSizes[generator.integer(below: Self.imageSizes.count)]
    var kinds: [SyntheticScene.Kind] = []
    for content in contents {
      kinds += repeatElement(.known(content.classIndex, isLabelled: true), count: content.count)
    }
    kinds += unlabelled.map { .known($0, isLabelled: false) }
    let distractors = generator.count(around: configuration.distractorsPerImage)
    kinds += (0..<distractors).map { _ in .foreign(generator.integer(below: classes.foreignDirections.count)) }

    var objects: [SyntheticScene.Object] = []
    for kind in kinds {
      objects.append(.init(kind: kind, box: freeBox(in: size, beside: objects, using: &generator)))
    }

    // Federated labels: some absent classes are verified; where instances of a labelled class were missed, it is not
    // labelled exhaustively; where a class was missed altogether, nothing is said about it.
    let present = Set(contents.map(\.classIndex))
    let missed = Set(unlabelled)
    let absent = classes.names.indices.filter { !present.contains($0) && !missed.contains($0) }
    let order = generator.permutation(of: absent.count)
    let negative = order.prefix(configuration.negativeCategoriesPerImage).map { absent[$0] + 1 }
    let image = LVISImage(
      id: id, width: size.0, height: size.1, negativeCategoryIDs: negative.sorted(),
      notExhaustiveCategoryIDs: missed.intersection(present).map { $0 + 1 }.sorted())
    return SyntheticScene(image: image, objects: objects)
  }

  /// A box, in whole pixels, that hardly overlaps the others; after twenty attempts, one that does.
  private func freeBox(
    in size: (Int, Int), beside objects: [SyntheticScene.Object], using generator: inout some RandomNumberGenerator
  ) -> BoundingBox {
    var box = randomBox(in: size, using: &generator)
    for _ in 0..<20 where objects.contains(where: { $0.box.intersectionOverUnion(box) > 0.15 }) {
      box = randomBox(in: size, using: &generator)
    }
    return box
  }

  private func randomBox(in size: (Int, Int), using generator: inout some RandomNumberGenerator) -> BoundingBox {
    // Squaring makes small objects the most common, as in LVIS.
    let draw = generator.unitUniform()
    let side = 18 + 190 * draw * draw
    let width = min((side * generator.uniform(0.7, 1.4)).rounded(), Double(size.0))
    let height = min((side * generator.uniform(0.7, 1.4)).rounded(), Double(size.1))
    let x = generator.integer(below: size.0 - Int(width) + 1)
    let y = generator.integer(below: size.1 - Int(height) + 1)
    return BoundingBox(x: Double(x), y: Double(y), width: width, height: height)
  }
}

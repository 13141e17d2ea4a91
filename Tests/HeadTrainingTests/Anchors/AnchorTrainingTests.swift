import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

@Suite struct AnchorTrainingTests {
  private static func withSource<Result>(
    _ set: SmallMapSet = SmallMapSet(), _ body: (LabelledMapSet, CategoryGroups) throws -> Result
  ) throws -> Result {
    try withTemporaryFolder { folder in
      try set.write(to: folder)
      let groups = try exampleGroups()
      return try body(LabelledMapSet(FeatureMapSet(at: folder), assignedFrom: set.dataset, groups: groups), groups)
    }
  }

  private static var settings: TrainingSettings {
    TrainingSettings(epochs: 3, imagesPerBatch: 2, learningRate: 0.1, milestones: [], warmupSteps: 0)
  }

  /// The anchors that are trained on, as RoIs with their patches.
  private static func rois(_ source: LabelledMapSet) throws -> RoIArrays {
    var (features, labels, counts): ([Float], [Int32], [Int]) = ([], [], [])
    for image in 0..<source.imageCount {
      var count = 0
      for row in source.rows(ofImage: image) where source.classIndex(ofRow: row) != AnchorLabel.ignored {
        var patch = [Float](repeating: 0, count: source.featureCount)
        try source.copyFeatures(rows: row..<row + 1, into: &patch)
        features += patch
        labels.append(source.classIndex(ofRow: row))
        count += 1
      }
      counts.append(count)
    }
    return RoIArrays(features: features, featureCount: source.featureCount, labels: labels, roisPerImage: counts)
  }

  @Test func labelsAreSparse() throws {
    try Self.withSource { source, groups in
      #expect(source.roiCount == 6 * 39 * 2 && source.featureCount == 36)
      let labels = (0..<source.roiCount).map { source.classIndex(ofRow: $0) }
      #expect(labels.contains { $0 >= 0 } && labels.contains(-1) && labels.contains(AnchorLabel.ignored))
      #expect(source.foregroundCount == labels.count { $0 >= 0 })
      #expect(source.ignoredCount == labels.count { $0 == AnchorLabel.ignored })
      let classes = ImageClasses(of: source, classCount: groups.classCount)
      #expect(classes.imageCounts.reduce(0, +) > 0)
    }
  }

  /// With one anchor a location, maps are RoIs whose features are patches: the same head comes of both.
  @Test(arguments: ["focal", "bags", "softmax", "seesaw", "ghm", "efl", "eqlv2", "bce", "balanced-bce"], [1, 2])
  func equalsTrainingOnPatchesAsRoIs(method: String, threads: Int) throws {
    try Self.withSource(SmallMapSet(anchorSizes: "20;40", anchorCount: 1)) { source, groups in
      var settings = Self.settings
      settings.threads = threads
      // Biases of a dense head start from a prior, of its own; so both start from the same head.
      var generator = SeededGenerator(seed: 3)
      let recipe = TrainingRecipe(
        MethodChoice(name: method, parameters: method == "bags" ? ["others-ratio": "1"] : [:]), settings: settings)
      let fresh = try recipe.trainer(on: source, groups: groups, imageCount: 6).head
      let base = try #require(fresh.layout as? AnchoredLayout).base
      let rois = try Self.rois(source)
      let start = LinearHead(
        inputs: source.featureCount, layout: base, groups: groups, method: method, using: &generator)
      let dense = try LinearHead(
        weight: start.weight, bias: start.bias, layout: AnchoredLayout(base, anchorCount: 1), groups: groups,
        method: method)
      let objective = try #require(TrainingMethod.named(method)).objective(
        MethodData(groups: groups, imageCount: 6),
        MethodParameters(recipe.method.parameters, of: #require(TrainingMethod.named(method))))
      let onMaps = try HeadTrainer(head: dense, objective: objective, source: source, settings: settings)
      let onRoIs = try HeadTrainer(head: start, objective: objective, source: rois, settings: settings)
      for _ in 0..<onMaps.stepCount {
        let (a, b) = (try onMaps.step(), try onRoIs.step())
        #expect(a.roiCount == b.roiCount && a.foregroundCount == b.foregroundCount)
        #expect(abs(a.loss - b.loss) < 1e-4 * max(1, b.loss))
      }
      #expect(largestDifference(onMaps.head.weight.storage, onRoIs.head.weight.storage) < 1e-4)
      #expect(largestDifference(onMaps.head.bias, onRoIs.head.bias) < 1e-4)
    }
  }

  /// Mining ranks anchors by their own loss, and few anchors are multiplied apart from the rest.
  @Test(arguments: ["ohem-1to3", "random", "ohem"]) func minesAsAmongRoIs(way: String) throws {
    try Self.withSource(SmallMapSet(anchorSizes: "20;40", anchorCount: 1)) { source, groups in
      let parameters =
        way == "ohem-1to3"
        ? [:] : way == "random" ? ["rois-per-image": "4"] : ["rois-per-image": "6", "mining-nms": "1"]
      let mining = MethodChoice(name: way, parameters: parameters)
      let selector = try RoIMiningMethod.selector(mining, for: RoIMiningData(source: source, seed: 0))
      var rois = try Self.rois(source)
      rois.columns[.boxes] = (0..<rois.labels.count).flatMap { [Float($0), 0, Float($0) + 1, 1] }
      let base = SigmoidLayout(classCount: groups.classCount)
      var generator = SeededGenerator(seed: 3)
      let start = LinearHead(
        inputs: source.featureCount, layout: base, groups: groups, method: "bce", using: &generator)
      let dense = try LinearHead(
        weight: start.weight, bias: start.bias, layout: AnchoredLayout(base, anchorCount: 1), groups: groups,
        method: "bce")
      let objective = SigmoidObjective(classCount: groups.classCount, divisor: .foreground)
      let onMaps = try HeadTrainer(
        head: dense, objective: objective, source: source, settings: Self.settings, selector: selector)
      let onRoIs = try HeadTrainer(
        head: start, objective: objective, source: rois, settings: Self.settings, selector: selector)
      for _ in 0..<onMaps.stepCount {
        let (a, b) = (try onMaps.step(), try onRoIs.step())
        #expect(a.roiCount == b.roiCount && 2 * a.roiCount < 2 * 39)
        #expect(abs(a.loss - b.loss) < 1e-4 * max(1, b.loss))
      }
      #expect(largestDifference(onMaps.head.weight.storage, onRoIs.head.weight.storage) < 1e-4)
    }
  }

  /// Each of two anchors a location has rows of its own: the step that products in double precision give.
  @Test(arguments: ["focal", "bags"]) func stepsWithTheGradientOfEveryAnchor(method: String) throws {
    try Self.withSource { source, groups in
      var settings = Self.settings
      (settings.momentum, settings.weightDecay, settings.gradientClip) = (0, 0, nil)
      settings.imagesPerBatch = 6
      let recipe = TrainingRecipe(
        MethodChoice(name: method, parameters: method == "bags" ? ["others-ratio": "1e9"] : [:]), settings: settings)
      let trainer = try recipe.trainer(on: source, groups: groups, imageCount: 6)
      let start = trainer.head
      _ = try trainer.step()
      let kind = try #require(TrainingMethod.named(method))
      var objective = try kind.objective(
        MethodData(groups: groups, imageCount: 6), MethodParameters(recipe.method.parameters, of: kind))
      let rows = (0..<source.roiCount).filter { source.classIndex(ofRow: $0) != AnchorLabel.ignored }
      let labels = rows.map { source.classIndex(ofRow: $0) }
      var patches = [Float](repeating: 0, count: source.roiCount * 36)
      try source.copyFeatures(rows: 0..<source.roiCount, into: &patches)
      let width = objective.layout.logitCount
      var (weight, bias) = (start.weight.storage.map { Double($0) }, start.bias.map { Double($0) })
      var generator = SeededGenerator(seed: 0)
      let blocks = objective.blocks(labels: labels, using: &generator)
      let places = blocks.map { $0.rows?.map { Int($0) } ?? Array(rows.indices) }
      var logits = zip(blocks, places).map { block, places in
        places.flatMap { place in
          block.logits.map { logit in
            let row = rows[place] % 2 * width + logit
            return (0..<36).reduce(start.bias[row]) { $0 + patches[rows[place] * 36 + $1] * start.weight[row, $1] }
          }
        }
      }
      let memory = logits.map { values in
        let pointer = UnsafeMutablePointer<Float>.allocate(capacity: values.count)
        pointer.initialize(from: values, count: values.count)
        return pointer
      }
      defer { for pointer in memory { pointer.deallocate() } }
      _ = objective.backward(
        zip(blocks, zip(memory, places)).map { block, rest in
          BlockLogits(
            values: rest.0, rowCount: rest.1.count, columns: block.logits.count, labels: rest.1.map { labels[$0] },
            rows: block.rows)
        }, batchCount: labels.count, threads: 1)
      for (index, block) in blocks.enumerated() {
        logits[index] = Array(UnsafeBufferPointer(start: memory[index], count: logits[index].count))
        for (position, place) in places[index].enumerated() {
          for (column, logit) in block.logits.enumerated() {
            let row = rows[place] % 2 * width + logit
            let change = 0.1 * Double(logits[index][position * block.logits.count + column])
            bias[row] -= change
            for input in 0..<36 { weight[row * 36 + input] -= change * Double(patches[rows[place] * 36 + input]) }
          }
        }
      }
      #expect(largestDifference(trainer.head.weight.storage, weight) < 1e-5)
      #expect(largestDifference(trainer.head.bias, bias) < 1e-5)
      #expect(largestDifference(trainer.head.weight.storage, start.weight.storage) > 1e-4)
    }
  }

  /// A run that stops and goes on ends with the same bytes.
  @Test(arguments: ["focal", "bags", "ghm"]) func goesOnFromACheckpoint(method: String) throws {
    try Self.withSource { source, groups in
      let recipe = TrainingRecipe(
        MethodChoice(name: method), mining: method == "focal" ? MethodChoice(name: "ohem-1to3") : nil,
        settings: Self.settings, normalizer: method == "focal" ? .running : nil)
      func trainer() throws -> HeadTrainer { try recipe.trainer(on: source, groups: groups, imageCount: 6) }
      let whole = try trainer()
      try whole.run()
      let first = try trainer()
      try first.run(upTo: 4)
      let second = try trainer()
      try withTemporaryFolder { folder in
        try first.checkpoint().write(to: "\(folder)/c.safetensors")
        try second.restore(TrainingCheckpoint.read(from: "\(folder)/c.safetensors").checkpoint)
      }
      try second.run()
      #expect(second.head.weight == whole.head.weight && second.head.bias == whole.head.bias)
    }
  }

  /// The frameworks divide the same sum by different numbers.
  @Test func normalizersDivideTheSameSum() throws {
    try Self.withSource { source, groups in
      var settings = Self.settings
      settings.imagesPerBatch = 6
      func loss(_ normalizer: AnchorNormalizer?) throws -> Double {
        let recipe = TrainingRecipe(MethodChoice(name: "focal"), settings: settings, normalizer: normalizer)
        return try recipe.trainer(on: source, groups: groups, imageCount: 6).step().loss
      }
      let positives = Double(source.foregroundCount)
      let sum = try loss(.positives) * positives
      #expect(try loss(nil) == loss(.positives))
      let anchors = Double(source.roiCount - source.ignoredCount)
      #expect(relativeDifference(try loss(.anchors) * anchors, sum) < 1e-5)
      // No image is without positives here, so each counts its own.
      #expect(relativeDifference(try loss(.imagePositives) * positives, sum) < 1e-5)
      #expect(relativeDifference(try loss(.running) * (90 + 0.1 * positives), sum) < 1e-5)
      let perImage = try loss(.perImage)
      #expect(abs(perImage - sum / positives) < 0.5 * perImage && perImage != sum / positives)
    }
  }

  @Test(arguments: [
    TrainingRecipe(
      MethodChoice(name: "focal"), boxes: BoxChoice(loss: MethodChoice(name: "smooth-l1"), classes: .perClass)),
    TrainingRecipe(MethodChoice(name: "focal"), architecture: HeadArchitecture(hidden: [4])),
    TrainingRecipe(MethodChoice(name: "softmax"), architecture: HeadArchitecture(temperature: 20)),
    TrainingRecipe(MethodChoice(name: "bacl")), TrainingRecipe(MethodChoice(name: "bags"), normalizer: .perImage),
    TrainingRecipe(MethodChoice(name: "bce"), mining: MethodChoice(name: "s-ohem")),
    TrainingRecipe(MethodChoice(name: "bce"), mining: MethodChoice(name: "offline")),
  ]) func whatMakesNoSenseOnAnchorsIsRefused(recipe: TrainingRecipe) throws {
    try Self.withSource { source, groups in
      let error = #expect(throws: TrainingRecipeError.self) {
        try recipe.trainer(on: source, groups: groups, imageCount: 6)
      }
      #expect(error?.code == .conflict)
    }
  }

  /// A head of a dense detector goes through its own file, and starts a training of any layout.
  @Test func aHeadStartsFromAnother() throws {
    try Self.withSource { source, groups in
      let focal = TrainingRecipe(MethodChoice(name: "focal"), settings: Self.settings)
      let trainer = try focal.trainer(on: source, groups: groups, imageCount: 6)
      try trainer.run()
      let head = try withTemporaryFolder { folder in
        try trainer.head.write(to: "\(folder)/head.safetensors")
        return try LinearHead(contentsOf: "\(folder)/head.safetensors")
      }
      #expect(head.weight == trainer.head.weight && head.bias == trainer.head.bias)
      #expect(head.layout.anchorsPerLocation == 2)
      let next = try TrainingRecipe(MethodChoice(name: "bags"), settings: Self.settings).trainer(
        on: source, groups: groups, imageCount: 6, startingFrom: PrerequisiteHeads(initial: head)
      ).head
      for anchor in 0..<2 {
        for index in 0..<groups.classCount {
          let (from, to) = (anchor * 8 + index, anchor * next.layout.logitCount / 2 + next.layout.logit(ofClass: index))
          #expect(next.weight.row(to).elementsEqual(head.weight.row(from)) && next.bias[to] == head.bias[from])
        }
      }
    }
  }
}

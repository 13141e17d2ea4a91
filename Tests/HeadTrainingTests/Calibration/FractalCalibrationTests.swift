import DenseLinearAlgebra
import DetectionHeads
import HeadLosses
import HeadTraining
import LVISDatasets
import RealModule
import TestSupport
import Testing

/// Against FRACAL's own files (`case_fracal_1.json`), whose background is last.
@Suite struct FractalCalibrationTests {
  private static let bases = ["base10": 10.0, "base2": 2, "raw": 2.718281828459045]

  @Test func dimensionsMatchTheReference() throws {
    for golden in try GoldenCase.losses("case_fracal_1.json") {
      let found = fractalDimensions(of: try centres(golden), classCount: try golden.outputs.numbers("dimensions").count)
      // scipy's curve_fit stops at about 1e-8.
      #expect(try largestDifference(found, golden.outputs.numbers("dimensions")) < 1e-6, "\(golden)")
    }
  }

  /// Shifts in double precision, the score of each branch written down plainly.
  @Test func shiftsMatchTheReference() throws {
    for golden in try GoldenCase.losses("case_fracal_1.json") {
      let isSoftmax = golden.hyperparameters.flag("use_sigmoid") == false
      let dimensions = try golden.outputs.numbers("dimensions")
      let shifts = fractalShifts(
        imageCounts: try golden.inputs.integers("image_counts"), imageCount: try imageCount(golden),
        dimensions: dimensions, exponent: try golden.hyperparameters.number("fractal_l"), base: try base(golden),
        isSoftmax: isSoftmax)
      let prior = fractalShifts(
        imageCounts: try golden.inputs.integers("image_counts"), imageCount: try imageCount(golden),
        dimensions: dimensions, exponent: 0, base: try base(golden), isSoftmax: true)
      // Without the 0 that the code appends for background.
      let expected = try golden.outputs.numbers("prior_shift").prefix(dimensions.count)
      #expect(largestDifference(prior, Array(expected)) < 1e-6, "\(golden)")

      let columns = dimensions.count + (isSoftmax ? 1 : 0)
      let logits = try golden.inputs.matrix("logits", columns: columns, as: Double.self)
      let scores = (0..<logits.rows).flatMap { row -> [Double] in
        var shifted = zip(logits.row(row), shifts + [0]).map { $0 + $1 }
        if isSoftmax {
          _ = Double.softmax(&shifted, count: columns)
          return shifted
        }
        var plain = Array(logits.row(row))
        Double.sigmoid(&plain, count: columns)
        Double.sigmoid(&shifted, count: columns)
        return zip(plain, shifted).map { $0 * $1 }
      }
      // The code keeps the prior shift in single precision.
      #expect(try largestDifference(scores, golden.outputs.numbers("scores")) < 1e-6, "\(golden)")
    }
  }

  /// A head that has the logits as its features, calibrated by annotations and read from its file.
  @Test func headsScoreAsTheReference() throws {
    for golden in try GoldenCase.losses("case_fracal_1.json") {
      let isSoftmax = golden.hyperparameters.flag("use_sigmoid") == false
      let images = try golden.inputs.integers("image_counts")
      let layout: any LogitLayout =
        isSoftmax ? SoftmaxLayout(classCount: images.count) : SigmoidLayout(classCount: images.count)
      let head = try identityHead(layout, counts: images, images: images)
      let calibrated = try head.fractalCalibrated(
        by: annotations(golden), exponent: try golden.hyperparameters.number("fractal_l"), base: try base(golden))
      #expect(calibrated.layout.name == (isSoftmax ? "softmax" : "shifted-sigmoid"))
      let logits = try golden.inputs.matrix("logits", columns: layout.logitCount, as: Float.self)
      // Background last becomes background first.
      let features = (0..<logits.rows).flatMap { row -> [Float] in
        let z = Array(logits.row(row))
        return isSoftmax ? [z[images.count]] + z.prefix(images.count) : z
      }
      let expected = try golden.outputs.matrix("scores", columns: layout.logitCount, as: Double.self)
      let foreground = (0..<expected.rows).flatMap { Array(expected.row($0).prefix(images.count)) }
      try withTemporaryFolder { folder in
        try calibrated.write(to: "\(folder)/head.safetensors")
        let read = try LinearHead(contentsOf: "\(folder)/head.safetensors")
        let found = read.scores(for: Matrix(rows: logits.rows, columns: layout.logitCount, values: features))
        #expect(largestDifference(found.storage, foreground) < 1e-5, "\(golden)")
      }
    }
  }

  @Test func sigmoidHeadsWithBackgroundKeepTheirOtherFactor() throws {
    let annotations = LVISDataset(
      images: [LVISImage(id: 1, width: 10, height: 10)], categories: [], annotations: [])
    for background in SigmoidLayout.Background.allCases {
      let head = try exampleHead(SigmoidLayout(classCount: 8, background: background))
      let calibrated = try head.fractalCalibrated(by: annotations, exponent: 2, base: 10)
      let shifts = try #require(calibrated.layout.tensors["shifts"])
      var generator = SeededGenerator(seed: 1)
      let features: Matrix<Float> = randomMatrix(rows: 4, columns: 5, using: &generator)
      let (plain, scores) = (head.scores(for: features), calibrated.scores(for: features))
      var logits = [Float](repeating: 0, count: 4 * head.layout.logitCount)
      head.logits(features: features.storage, count: 4, into: &logits)
      for row in 0..<4 {
        for index in 0..<8 {
          let z = logits[row * head.layout.logitCount + head.layout.logit(ofClass: index)] + shifts[index]
          #expect(abs(scores[row, index] - plain[row, index] / (1 + .exp(-z))) < 1e-6)
        }
      }
    }
  }

  /// Four objects in four quarters fill both grids; in one quarter, and on a line, the dimension is 1 at least.
  @Test func dimensionsOfPlainPatterns() {
    func dimension(_ places: [(Double, Double)]) -> Double {
      fractalDimensions(of: places.map { ObjectCentre(classIndex: 0, x: $0.0, y: $0.1) }, classCount: 1)[0]
    }
    #expect(abs(dimension([(0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9)]) - 2) < 1e-12)
    #expect(dimension([(0.1, 0.1), (0.2, 0.1), (0.1, 0.2), (0.2, 0.2)]) == 1)
    #expect(dimension([(0.1, 0.1), (0.9, 0.9), (0.4, 0.4)]) == 1)
    #expect(dimension(Array(repeating: (1, 1), count: 9)) == 1)
    #expect(dimension(Array(repeating: (.nan, 0.5), count: 9)) == 1)
    #expect(fractalDimensions(of: [], classCount: 2) == [1, 1])
  }

  @Test func saysThatItNeedsAnnotations() throws {
    let head = try exampleHead(SoftmaxLayout(classCount: 8))
    let source = exampleRoIs(classCount: 8, featureCount: 5)
    let error = #expect(throws: TrainingRecipeError.self) {
      try CalibrationRecipe(MethodChoice(name: "fracal")).calibrate(head, on: source)
    }
    #expect(error?.description.contains("annotations") == true)
  }

  private func base(_ golden: GoldenCase) throws -> Double {
    // The variants of the file: the base of the logarithm.
    let names = ["main": "base10", "sigmoid": "base10", "raw_lambda_1": "raw", "base2_lambda_0": "base2"]
    return try #require(Self.bases[names[golden.label] ?? (golden.label.contains("base2") ? "base2" : "base10")])
  }

  private func imageCount(_ golden: GoldenCase) throws -> Int {
    try golden.inputs.integer("image_count", in: 1...1_000_000)
  }

  private func centres(_ golden: GoldenCase) throws -> [ObjectCentre] {
    let x = try golden.inputs.numbers("x")
    let y = try golden.inputs.numbers("y", count: x.count)
    let classes = try golden.inputs.integers("classes", count: x.count)
    return x.indices.map { ObjectCentre(classIndex: classes[$0], x: x[$0], y: y[$0]) }
  }

  /// Images of one pixel, whose places are fractions already, and boxes without area; most of the images are empty.
  private func annotations(_ golden: GoldenCase) throws -> LVISDataset {
    let count = try imageCount(golden)
    return LVISDataset(
      images: (1...count).map { LVISImage(id: $0, width: 1, height: 1) }, categories: [],
      annotations: try centres(golden).enumerated().map { index, centre in
        LVISAnnotation(
          id: index, imageID: 1, categoryID: centre.classIndex + 1,
          box: BoundingBox(x: centre.x, y: centre.y, width: 0, height: 0))
      })
  }
}

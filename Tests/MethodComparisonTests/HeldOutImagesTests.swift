import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets
import MethodComparison
import Testing

@Suite struct HeldOutImagesTests {
  @Test func noImageIsOnBothSidesAndEveryGroupIsOnEach() throws {
    try SmallComparisonSet.with { set, _ in
      let heldOut = try HeldOutImages(of: set.source, dataset: set.training, groups: set.groups)
      let aside = heldOut.features.imageIDs
      let kept = heldOut.rest.imageFeatures.imageIDs
      #expect(Set(aside).isDisjoint(with: kept))
      #expect((aside + kept).sorted() == set.source.features.images.map(\.id))
      let rest = try #require(heldOut.rest as? LabelledFeatureSet)
      #expect(rest.imageCount == kept.count && rest.labels == set.source.labels)
      let classesByGroup = set.groups.classesByGroup
      for group in classesByGroup.indices {
        // A class in a single image cannot be on both sides.
        let isDivisible = classesByGroup[group].contains { set.groups.members[$0].imageCount > 1 }
        #expect((heldOut.objectCounts[group] > 0) == isDivisible)
      }
      let ids = Set(aside)
      #expect(heldOut.objectCounts.reduce(0, +) == set.training.annotations.count { ids.contains($0.imageID) })
    }
  }

  @Test func trainingOnTheRestReadsOnlyItsRows() throws {
    try SmallComparisonSet.with { set, _ in
      let heldOut = try HeldOutImages(of: set.source, dataset: set.training, groups: set.groups)
      let rows = Set(try #require(heldOut.features as? FeatureSet).images.flatMap(\.rows))
      for image in 0..<heldOut.rest.imageCount {
        #expect(rows.isDisjoint(with: heldOut.rest.rows(ofImage: image)))
      }
    }
  }

  @Test func scoresAHeadOnTheImagesPutAsideAlone() throws {
    try SmallComparisonSet.with { set, _ in
      let heldOut = try HeldOutImages(of: set.source, dataset: set.training, groups: set.groups)
      let objective = TrainingMethod.softmax.objective(
        MethodData(groups: set.groups, imageCount: set.source.imageCount),
        try MethodParameters(of: TrainingMethod.softmax))
      var generator = SeededGenerator(seed: 1)
      var settings = TrainingSettings()
      settings.learningRate = 0.1
      let trainer = try HeadTrainer(
        head: LinearHead(
          inputs: 16, layout: objective.layout, groups: set.groups, method: "softmax", using: &generator),
        objective: objective, source: heldOut.rest, settings: settings)
      let fresh = try heldOut.evaluate(trainer.head)
      try trainer.run()
      let trained = try heldOut.evaluate(trainer.head)
      #expect(try #require(trained["AP"]) > 0.2 + (try #require(fresh["AP"])))
      #expect(trained.counts.objects == heldOut.objectCounts.reduce(0, +))
      #expect(trained["AP2"] != nil && trained["APc"] != nil)
    }
  }

  @Test func refusesASetThatCannotBeDivided() throws {
    try SmallComparisonSet.with { set, _ in
      let alone = try LabelledFeatureSet(set.source.features.selectingImages(at: [0]), labels: set.source.labels)
      #expect(throws: ComparisonError.self) { try HeldOutImages(of: alone, dataset: set.training, groups: set.groups) }
    }
  }
}

import HeadLosses
import HeadTraining
import MethodComparison
import Testing

/// Rows of a normed linear layer.
@Suite struct NormedRowTests {
  @Test func isReadAsItIsWritten() throws {
    let row = try ComparedMethod("seesaw:mitigation=0.5+rfs+normed:temperature=12.5+post-hoc-adjustment:tau=0.5")
    #expect(row.temperature == 12.5)
    #expect(
      row.description == "seesaw:mitigation=0.5+rfs+normed:temperature=12.5+post-hoc-adjustment:tau=0.5")
    #expect(try ComparedMethod(row.description) == row)
    #expect(try row.recipe(TrainingSettings()).architecture.temperature == 12.5)
    #expect(try ComparedMethod("softmax+normed").temperature == 20)
    #expect(try ComparedMethod("softmax").recipe(TrainingSettings()).architecture == HeadArchitecture())
  }

  /// A row and its calibration are of one layer; FRACAL takes a head of either.
  @Test func calibrationsAreTriedOnItsLayer() throws {
    #expect(try ComparedMethod("bce+normed+fracal").base == ComparedMethod("bce+normed"))
    #expect(try ComparedMethod("softmax+normed+logn").temperature == 20)
    let error = #expect(throws: ComparisonError.self) { try ComparedMethod("softmax+normed+tau-norm") }
    #expect(error?.description.contains("normed-softmax head") == true)
  }

  @Test(arguments: [
    ("softmax+normed+normed", "one layer at most"), ("softmax+normed:temperature=0", "above 0"),
    ("softmax+normed:scale=3", "normed has one parameter"), ("ldam+normed", "needs a loss that trains"),
  ])
  func refusesNonsense(text: String, message: String) {
    let error = #expect(throws: ComparisonError.self) { try ComparedMethod(text) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }
}

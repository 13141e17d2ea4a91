import Foundation
import LVISDatasets
import TestSupport
import Testing

@Suite struct DetectionResultsTests {
  @Test func writesJSONThatReadsBackTheSameNumbers() throws {
    try withTemporaryFolder { folder in
      let scores: [Float] = [0.1, 1e-4, .leastNonzeroMagnitude, 0.99999994, 1, 1.2345678e-5]
      let writer = try DetectionResultsWriter(at: "\(folder)/results.json")
      try writer.append(DetectionResultsText())
      for (image, scores) in [(-7, scores.prefix(1)), (8, scores.dropFirst())] {
        var text = DetectionResultsText()
        for score in scores {
          text.add(imageID: image, categoryID: 3, box: [score, 123.456, 1e20, 33_554_432], score: score)
        }
        try writer.append(text)
      }
      #expect(writer.count == 6)
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/results.json"))
      try writer.commit()
      let data = try fileBytes("\(folder)/results.json")
      let objects = try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
      #expect(objects.map { $0["image_id"] as? Int } == [-7, 8, 8, 8, 8, 8])
      for (object, score) in zip(objects, scores) {
        #expect(object["category_id"] as? Int == 3)
        #expect((object["score"] as? Double).map(Float.init) == score)
        let box = try #require(object["bbox"] as? [Double]).map(Float.init)
        #expect(box == [score, 123.456, 1e20, 33_554_432])
      }
    }
  }

  @Test func noDetectionsAreAnEmptyList() throws {
    try withTemporaryFolder { folder in
      try DetectionResultsWriter(at: "\(folder)/results.json").commit()
      let data = try fileBytes("\(folder)/results.json")
      #expect((try JSONSerialization.jsonObject(with: data) as? [Any])?.isEmpty == true)
    }
  }
}

import DurableFiles
import Foundation
import Testing

@Suite struct JSONDocumentTests {
  private struct Value: Codable, Equatable {
    struct Part: Codable, Equatable { var imageCount: Int }
    var iouThreshold = 0.5
    var AP50 = 1.0
    var byName = ["someName": Part(imageCount: 2)]
  }

  @Test func keysAreInSnakeCaseAndNamesStay() throws {
    let text = try JSONDocument.text(Value(), isPretty: false)
    #expect(text == #"{"AP50":1,"by_name":{"someName":{"image_count":2}},"iou_threshold":0.5}"#)
    #expect(try JSONDocument.value(Value.self, from: Data(text.utf8)) == Value())
  }

  @Test func keysInCamelCaseAreReadToo() throws {
    let text = #"{"AP50":1,"byName":{"someName":{"imageCount":2}},"iouThreshold":0.5}"#
    #expect(try JSONDocument.value(Value.self, from: Data(text.utf8)) == Value())
  }

  @Test func faultsNameTheFieldAsTheFileSpellsIt() throws {
    let text = #"{"AP50":1,"by_name":{"a":{"image_count":"two"}},"iou_threshold":0.5}"#
    let error = #expect(throws: DecodingError.self) { try JSONDocument.value(Value.self, from: Data(text.utf8)) }
    #expect(error?.place.hasPrefix("by_name.a.image_count is not of type") == true)
  }
}

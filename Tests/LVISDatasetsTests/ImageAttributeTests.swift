import LVISDatasets
import TestSupport
import Testing

@Suite struct ImageAttributeTests {
  private func read(_ text: String) throws -> [ImageAttribute] {
    try withTemporaryFolder { folder in
      try text.write(toFile: "\(folder)/t.csv", atomically: true, encoding: .utf8)
      return try ImageAttribute.read(table: "\(folder)/t.csv")
    }
  }

  @Test func columnsAreAttributes() throws {
    let attributes = try read("weather,image_id,\"a, \"\"b\"\"\"\r\nrain,1,x\r\n\r\n,2,\"y\nz\"\r\nsun,-3,\r\n")
    #expect(attributes.map(\.name) == ["weather", "a, \"b\""])
    #expect(attributes[0].values == [1: "rain", -3: "sun"])
    #expect(attributes[1].values == [1: "x", 2: "y\nz"])
  }

  @Test(arguments: [
    ("weather\nrain\n", "line 1"), ("image_id\n1\n", "line 1"), ("", "line 1"),
    ("image_id,a\n1,x\n2\n", "line 3: holds 1 fields"), ("image_id,a\none,x\n", "line 2: one is not the id"),
    ("image_id,a\n1,x\n1,y\n", "line 3: image 1 stands twice"),
  ])
  func faultsNameTheLine(text: String, problem: String) throws {
    #expect { try read(text) } throws: { "\($0)".contains(problem) }
  }

  @Test func keysOfImageRecordsAreAttributes() throws {
    let text = #"""
      {"categories": [], "images": [{"id": 1, "place": "caf\u00e9", "sizes": [1, {"a": 2}]}, {"place": null, "id": 2},
       {"id": 3, "place": 2.5 }, {"id": 4, "place": true}, {"id": 5}], "annotations": []}
      """#
    try withTemporaryFolder { folder in
      let path = "\(folder)/gt.json"
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      #expect(try ImageAttribute(key: "place", ofImagesIn: path).values == [1: "café", 3: "2.5", 4: "true"])
      #expect { try ImageAttribute(key: "weather", ofImagesIn: path) } throws: {
        "\($0)".contains("no image has a value for weather; its images have place, sizes")
      }
      #expect { try ImageAttribute(key: "sizes", ofImagesIn: path) } throws: {
        "\($0)".contains("images[0].sizes: is a list or an object")
      }
    }
  }
}

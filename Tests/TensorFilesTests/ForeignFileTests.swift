import Foundation
import TensorFiles
import TestSupport
import Testing

/// Files of other formats are told by what they hold, whatever their name, with what to do about each.
@Suite struct ForeignFileTests {
  /// A zip archive of empty members, as torch.save's and TorchScript's begin: local headers, directory, its end.
  static func archive(_ names: [String]) -> Data {
    func number(_ value: Int, _ count: Int) -> Data { Data((0..<count).map { UInt8(value >> (8 * $0) & 255) }) }
    var body = Data()
    var directory = Data()
    for name in names {
      let text = Data(name.utf8)
      directory += number(0x0201_4B50, 4) + Data(count: 24) + number(text.count, 2) + Data(count: 12)
      directory += number(body.count, 4) + text
      body += number(0x0403_4B50, 4) + Data(count: 22) + number(text.count, 2) + Data(count: 2) + text
    }
    let end = number(0x0605_4B50, 4) + Data(count: 6) + number(names.count, 2) + number(directory.count, 4)
    return body + directory + end + number(body.count, 4) + Data(count: 2)
  }

  static let files: [(name: String, bytes: Data, said: [String])] = [
    (
      "pointer.safetensors", Data("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n".utf8),
      ["Git LFS pointer", "git lfs pull"]
    ),
    ("page.npz", Data("\n <!DOCTYPE HTML>\n<html>404".utf8), ["web page", "direct link"]),
    ("page.safetensors", Data("<html lang=\"en\"><head></head></html>".utf8), ["web page"]),
    ("model.pth", archive(["archive/data.pkl", "archive/data/0"]), ["torch.save", "torch.load('FOLDER/model.pth'"]),
    ("script.pt", archive(["m/code/__torch__.py", "m/data.pkl"]), ["TorchScript", "torch.jit.load"]),
    (
      "old.pth", Data([0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E, 0x80]),
      ["torch.save", "weights_only=False", "'FOLDER/old.safetensors')\""]
    ),
    ("zoo.pkl", Data([0x80, 4, 0x95, 1, 0, 0, 0, 0, 0, 0, 0, 0x7D]), ["pickle", "pickle.load(open('FOLDER/zoo.pkl'"]),
    ("it's.pkl", Data([0x80, 4, 0x95, 1, 0, 0, 0, 0, 0, 0, 0, 0x7D]), ["open('model.pth'"]),
    ("weights.gz", Data([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0]), ["gzip", "gunzip"]),
  ]

  @Test(arguments: files.indices) func isNamedWithARemedy(index: Int) throws {
    let file = Self.files[index]
    try withTemporaryFolder { folder in
      let path = "\(folder)/\(file.name)"
      try file.bytes.write(to: URL(fileURLWithPath: path))
      let error = try #require(throws: TensorFileError.self) { try openTensors(at: path) }
      #expect(error.code == .notThisFormat && error.description.hasPrefix("\(path): is "))
      for words in file.said {
        #expect(error.detail.contains(words.replacing("FOLDER", with: folder)), "\(error)")
      }
    }
  }

  /// A header of 640 bytes begins as a pickle does.
  @Test func safetensorsThatBeginAsAPickle() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a.safetensors"
      let tensor = NamedTensor("a", floats: [1], shape: [1])
      try writeSafetensors([tensor], metadata: ["text": ""], to: path)
      let length = Int(try fileBytes(path)[0])
      try writeSafetensors([tensor], metadata: ["text": String(repeating: "x", count: 640 - length)], to: path)
      #expect(Array(try fileBytes(path).prefix(2)) == [0x80, 2])
      #expect(try openTensors(at: path).tensor("a").floats() == [1])
    }
  }

  @Test func prefixesOfCheckpoints() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a.safetensors"
      func file(_ names: String...) throws -> any TensorContainer {
        try writeSafetensors(
          names.enumerated().map { NamedTensor($1, floats: [Float($0)], shape: [1]) }, metadata: ["a": "b"], to: path)
        return try openTensors(at: path)
      }
      let one = try file("module.model.cls.weight", "module.model.cls.bias", "module.backbone").withoutPrefix(
        before: ["cls.weight"])
      #expect(one.names == ["cls.bias", "cls.weight"] && one.metadata == ["a": "b"] && one.path == path)
      #expect(try one.tensor("cls.bias").floats() == [1])
      #expect(throws: TensorFileError.self) { try one.tensor("module.backbone") }

      // As it stands comes first; a longer word is another.
      #expect(try file("cls.weight", "ema.cls.weight").withoutPrefix(before: ["cls.weight"]).names.count == 2)
      #expect(try file("mycls.weight").withoutPrefix(before: ["cls.weight"]).names == ["mycls.weight"])

      let two = try file("student.cls.weight", "teacher.cls.weight")
      let error = try #require(throws: TensorFileError.self) { try two.withoutPrefix(before: ["cls.weight"]) }
      #expect(error.detail.contains("student.cls.weight, teacher.cls.weight"), "\(error)")
      for given in ["teacher.", "teacher"] {
        #expect(try two.withoutPrefix(before: ["cls.weight"], given: given).tensor("cls.weight").floats() == [1])
      }
      #expect(throws: TensorFileError.self) { try two.withoutPrefix(before: ["cls.weight"], given: "ema.") }
      let foreign = try two.withoutPrefix(before: ["cls.weight"]) { $0 == "teacher." }
      #expect(try foreign.tensor("cls.weight").floats() == [0])
    }
  }

  @Test func listsOfManyTensorsAreShort() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a.safetensors"
      try writeSafetensors((0..<5000).map { NamedTensor("t\($0)", floats: [], shape: [0]) }, to: path)
      let error = try #require(throws: TensorFileError.self) { try openTensors(at: path).tensor("fc_cls.weight") }
      #expect(error.description.contains("and 4988 more") && error.description.count < 500, "\(error)")
    }
  }
}

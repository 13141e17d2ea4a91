/// Files of other formats that are given where safetensors or npz are wanted, told by their first bytes, and what to do
/// about each.
enum ForeignFile {
  /// What a file is and what to do, to stand behind its path; `nil` for a file that is none of those known here.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - path: Its path, for the line of Python that makes safetensors of it.
  static func description(of bytes: UnsafeRawBufferPointer, path: String) -> String? {
    let start = Array(bytes.prefix(512))
    let text = String(decoding: start, as: UTF8.self).lowercased().drop { $0.isWhitespace || $0 == "\u{FEFF}" }
    if text.hasPrefix("version https://git-lfs.github.com/spec/") {
      return "is a Git LFS pointer, which stands for the file; fetch the file itself with `git lfs pull`"
    }
    if ["<!doctype html", "<html", "<head"].contains(where: text.hasPrefix) {
      return "is a web page (HTML), not what it links to; download the file by its direct link"
    }
    if start.starts(with: [0x1F, 0x8B]) { return "is compressed by gzip; unpack it with gunzip" }
    if start.starts(with: pickledMagicOfTorch) { return torchSave(path) }
    // A pickle of protocol 2 to 5: a detectron2 model zoo's, say.
    if start.count > 1, start[0] == 0x80, (2...5).contains(start[1]) {
      return "is a Python pickle, not safetensors; for arrays, as in detectron2's model zoo, this makes "
        + "one (it runs code that the file may hold): "
        + python(
          "import pickle, numpy; from safetensors.numpy import save_file; w = pickle.load(open('IN', 'rb'), "
            + "encoding='latin1'); w = w.get('model', w); save_file({k: numpy.ascontiguousarray(v) for k, v in w.items() "
            + "if isinstance(v, numpy.ndarray)}, 'OUT')", path)
    }
    return nil
  }

  /// What a zip archive without arrays is, by the names of its members; `nil` for one that is not known here.
  static func description(ofArchiveWith members: [String], path: String) -> String? {
    guard members.contains(where: { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }) else { return nil }
    guard members.contains(where: { $0.contains("/code/") }) else { return torchSave(path) }
    return "is a TorchScript module, not safetensors; this makes one: "
      + python(
        "import torch; from safetensors.torch import save_file; w = torch.jit.load('IN', 'cpu').state_dict(); "
          + "save_file({k: v.contiguous().clone() for k, v in w.items()}, 'OUT')", path)
  }

  private static func torchSave(_ path: String) -> String {
    "is a file of torch.save, not safetensors; this makes one (it runs code that the file may hold): "
      + python(
        "import torch; from safetensors.torch import save_file; w = torch.load('IN', map_location='cpu', "
          + "weights_only=False); w = w.get('state_dict', w.get('model', w)); save_file({k: v.contiguous().clone() for "
          + "k, v in w.items() if torch.is_tensor(v)}, 'OUT')", path)
  }

  /// A line for the shell, with the file's name where it needs no quoting, and otherwise one to put it in place of.
  private static func python(_ code: String, _ path: String) -> String {
    let isPlain = !path.contains { "'\"\\$`!\n".contains($0) }
    let input = isPlain ? path : "model.pth"
    let dot = input.lastIndex(of: ".").flatMap { input[$0...].contains("/") ? nil : $0 } ?? input.endIndex
    let stem = input[..<dot]
    return "python -c \"\(code.replacing("IN", with: input).replacing("OUT", with: "\(stem).safetensors"))\""
  }

  /// How torch.save's files began before version 1.6: the pickle of 0x1950a86a20f9469cfc6c.
  private static let pickledMagicOfTorch: [UInt8] = [
    0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19,
  ]
}

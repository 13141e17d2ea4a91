import DetectionHeads
import LVISDatasets
import TensorFiles

/// The class head of the last decoder layer in the weights of one of transformers' query detectors.
///
/// DETR and Conditional DETR have `class_labels_classifier`; DAB-DETR, RF-DETR and LW-DETR one `class_embed`; Deformable
/// DETR `class_embed.i`, RT-DETR `model.decoder.class_embed.i`, RT-DETR v2 and D-FINE both, one for each decoder layer.
/// Where the layers share one, a file may hold its first entry alone, or all of them.
struct QueryClassifier {
  /// The key of the classifier that makes the model's logits, without `.weight`.
  let key: String
  /// Keys of others in the file that hold the same numbers, since they are tied to it.
  let tied: [String]
  /// Whether the model adds a number of each query's to all its logits (D-FINE's `lqe_layers`): the last feature.
  let addsQuality: Bool
  /// Whether the encoder chooses the queries by the same rows (Deformable DETR of two stages).
  let isEncoders: Bool

  /// One entry of a list of classifiers, or the only one.
  private struct Entry {
    let key: String
    let index: Int?
    let isDecoders: Bool
  }

  private static let decoder = "model.decoder."

  /// Finds it.
  ///
  /// - Parameters:
  ///   - file: The weights, whole or of the last layers alone.
  ///   - given: What stands before the keys; `nil` to find it.
  /// - Throws: `ModelExportError` if there is none; `TensorFileError` where several prefixes would do.
  init(in file: any TensorContainer, prefix given: String?) throws {
    var byPrefix: [String: [Entry]] = [:]
    for name in file.names where name.hasSuffix(".weight") {
      let key = String(name.dropLast(7))
      var words = key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      let index = words.last.flatMap { Int($0) }
      if index != nil { words.removeLast() }
      guard let last = words.popLast(), last == "class_embed" || (last == "class_labels_classifier" && index == nil)
      else { continue }
      let before = words.isEmpty ? "" : words.joined(separator: ".") + "."
      let isDecoders =
        before.hasSuffix(Self.decoder) && (before == Self.decoder || before.hasSuffix("." + Self.decoder))
      byPrefix[isDecoders ? String(before.dropLast(Self.decoder.count)) : before, default: []].append(
        Entry(key: key, index: index, isDecoders: isDecoders))
    }
    let found = byPrefix.keys.sorted()
    let prefix = given.map { $0.isEmpty || $0.hasSuffix(".") ? $0 : "\($0)." } ?? (found.count == 1 ? found[0] : "")
    guard let entries = byPrefix[prefix] else {
      guard given == nil, found.count > 1 else {
        throw ModelExportError(
          .missingTensor,
          "has no class_labels_classifier and no class_embed, which transformers' query detectors have; the tensors "
            + "there: \(listed(file.names))")
      }
      throw TensorFileError(
        path: file.path, tensor: "class_embed.weight", code: .severalPrefixes,
        detail: "several end so: \(listed(found.map { "\($0)class_embed.weight" })); name the prefix of one of them")
    }
    func has(_ part: String) -> Bool { file.names.contains { $0.hasPrefix(prefix + part) } }
    addsQuality = has("model.decoder.lqe_layers.")
    let layers = Set(
      file.names.lazy.filter { $0.hasPrefix("\(prefix)model.decoder.layers.") }
        .compactMap { $0.dropFirst(prefix.count).split(separator: ".").dropFirst(3).first }
    ).count
    let hasOwnEncoderHead = has("model.enc_score_head.") || has("model.enc_out_class_embed.")
    let count = (entries.compactMap(\.index).max() ?? 0) + 1
    // D-FINE has more layers than classifiers where it stops before the last.
    let wanted = layers == 0 ? count - 1 : addsQuality ? 2 * count - layers - 1 : layers - 1
    let index = entries.contains { $0.index == wanted } ? wanted : 0
    let candidates = entries.filter { $0.index == nil || $0.index == index }
    // RT-DETR's decoder has the ones that count, Deformable DETR's the ones for the encoder.
    guard let used = candidates.first(where: { $0.isDecoders == hasOwnEncoderHead }) ?? candidates.first else {
      throw ModelExportError(.missingTensor, "has no class_embed.\(index), the classifier of the last decoder layer")
    }
    func numbers(_ key: String) throws -> [UInt8] {
      try ["weight", "bias"].flatMap { part in try file.tensor("\(key).\(part)").withUnsafeBytes { Array($0) } }
    }
    let own = try numbers(used.key)
    let same = try entries.filter { try $0.key != used.key && numbers($0.key) == own }
    key = used.key
    tied = same.map(\.key).sorted()
    isEncoders =
      !hasOwnEncoderHead && has("model.enc_output.")
      && (same.contains { ($0.index ?? 0) >= max(1, layers) } || (count == 1 && used.index != nil))
  }

  /// What the rows of a classifier are.
  ///
  /// DETR scores by softmax, "no object" being the last row; the others by a sigmoid for each class. Labels count the
  /// categories, or are the category ids themselves: COCO checkpoints have 91 rows for 80 categories.
  ///
  /// - Parameters:
  ///   - key: The classifier's.
  ///   - rowCount: Its rows.
  ///   - order: How the detector numbers its classes.
  ///   - groups: The classes.
  ///   - layout: The layout's name; `nil` for what key and rows say.
  /// - Returns: The layout, and for every row that of ours; `nil` for one that is no category.
  /// - Throws: `ModelExportError` if rows and classes do not fit.
  static func rows(
    _ key: String, rowCount: Int?, order: ClassOrder, groups: CategoryGroups, layout: String?
  ) throws -> (layout: any LogitLayout, order: [Int?]) {
    let ids = groups.members.map(\.id)
    var numberings = [try order.indices(of: groups)]
    if order == .id, let first = ids.first, let last = ids.last, first >= 0, last < 1 << 20 {
      let places = Dictionary(zip(ids, ids.indices)) { first, _ in first }
      numberings.append((0...last).map { places[$0] })
    }
    let classCount = groups.classCount
    let known: [any LogitLayout] = [SoftmaxLayout(classCount: classCount), SigmoidLayout(classCount: classCount)]
    let possible = known.filter { layout == nil ? $0.name == "sigmoid" || isDETRs(key) : $0.name == layout }
    guard !possible.isEmpty else {
      throw ModelExportError(
        .unsupported,
        "a head of the layout \(layout ?? "") is no layer that transformers' query detectors have; softmax and sigmoid heads "
          + "are, and any other is put into the model by the functions of Integrations")
    }
    for layout in possible {
      let background: [Int?] = layout.backgroundLogits.map { $0 }
      for numbering in numberings where rowCount == nil || numbering.count + background.count == rowCount {
        return (layout, numbering.map { $0.map { layout.logit(ofClass: $0) } } + background)
      }
    }
    throw ModelExportError(
      .wrongShape,
      "\(key).weight has \(rowCount ?? 0) rows; \(classCount) are expected of a sigmoid head for \(classCount) categories, "
        + "\(classCount + 1) of a softmax head, or as many as the largest id and one or two more; a class of the detector "
        + "that is no category stands as \(ClassOrder.noCategory) in the list of classes")
  }

  private static func isDETRs(_ key: String) -> Bool { key.hasSuffix("class_labels_classifier") }
}

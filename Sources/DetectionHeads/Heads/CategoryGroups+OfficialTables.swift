import DurableFiles
import Foundation
import LVISDatasets
import TensorFiles

extension CategoryGroups {
  /// The tables by which the official code finds labels and logits of groups (FishYuLi/BalancedGroupSoftmax,
  /// `tools/lvis_analyse.py`, `gs_bbox_head_with0.py`).
  ///
  /// Shapes: G groups with G0, C classes. There a class's label is 1 + its index by ascending id, 0 is background.
  public struct OfficialTables: Sendable, Equatable {
    /// [G, C + 1]: the place of every label in every group, 0 being `others` (in G0: 1 for every class).
    public let labelToBinLabel: [[Int64]]
    /// [G, 2]: where every group's logits begin, and how many they are.
    public let predictionSlices: [[Int64]]

    /// The names of the files that `write(to:)` makes.
    public static let fileNames = ["label2binlabel.npy", "pred_slice.npy"]

    /// Writes `label2binlabel.npy` and `pred_slice.npy` into a folder, which is made if it is not there.
    ///
    /// - Throws: `FileError`.
    public func write(to folder: String) throws {
      try makeFolder(at: folder)
      for (name, table) in zip(Self.fileNames, [labelToBinLabel, predictionSlices]) {
        try NumPyFile.write(table, to: (folder as NSString).appendingPathComponent(name))
      }
    }
  }

  /// The official code's tables for these groups.
  public var officialTables: OfficialTables {
    let layout = GroupedLayout(groups: self, background: .official)
    let slices = [layout.backgroundSlice] + layout.slices
    var labels = [[Int64]](repeating: [Int64](repeating: 0, count: classCount + 1), count: slices.count)
    for (index, member) in members.enumerated() {
      labels[0][index + 1] = 1
      labels[member.group + 1][index + 1] = Int64(layout.positions[index])
    }
    return OfficialTables(
      labelToBinLabel: labels, predictionSlices: slices.map { [Int64($0.lowerBound), Int64($0.count)] })
  }
}

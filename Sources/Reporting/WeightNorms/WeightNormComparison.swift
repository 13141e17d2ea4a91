import Charts
import LVISDatasets

/// Weight norms of several heads over the same classes, the most frequent class first: Figure 1 of Li et al. (CVPR
/// 2020) for the user's own heads.
public struct WeightNormComparison: Sendable {
  /// The classes, their counts and groups.
  public let groups: CategoryGroups
  /// The heads, in the order in which they are drawn and listed.
  public let heads: [HeadNorms]
  /// Class indices by descending count, ties by ascending category id. The count is the one that the groups go by.
  public let order: [Int]
  /// The number of classes that a running median is taken over.
  public let medianWindow: Int

  /// Compares heads.
  ///
  /// - Parameters:
  ///   - groups: The classes, their counts and groups.
  ///   - heads: At least one head, each with a norm for every class.
  /// - Throws: `ReportError` where a head's classes are not those of the groups, or a norm is no finite number.
  public init(groups: CategoryGroups, heads: [HeadNorms]) throws {
    for head in heads {
      guard head.classes.count == groups.classCount else {
        throw ReportError(
          .classes, head.name, "has \(head.classes.count) classes, the annotations \(groups.classCount)")
      }
      if let index = head.classes.firstIndex(where: { !$0.isFinite }) {
        let member = groups.members[index]
        throw ReportError(.notFinite, head.name, "the weights of category \(member.id) (\(member.name)) are not finite")
      }
    }
    self.groups = groups
    self.heads = heads
    order = groups.classesByFrequency
    medianWindow = max(5, groups.classCount / 20) | 1
  }

  /// The mean norms and the rank correlation of a head.
  public struct Summary: Sendable {
    /// The name of the head.
    public let name: String
    /// The method that trained it.
    public let method: String
    /// Spearman's rank correlation of norm and instance count; `nil` where it is not defined.
    public let rankCorrelation: Double?
    /// The mean norm of each foreground group's classes; `nil` for a group without classes.
    public let meanNorms: [Double?]
    /// The mean norm of the rarest group that has classes, over that of the most frequent: 1 where the head is balanced.
    public let tailToHead: Double?
    /// The norm of the background row.
    public let background: Double?
    /// The `others` row of each foreground group; empty where there are none.
    public let others: [Double]
  }

  /// Each head's numbers, in the order of `heads`.
  public var summaries: [Summary] {
    let counts = groups.members.map { Double($0.instanceCount) }
    return heads.map { head in
      let means = groups.classesByGroup.map { members in mean(members.map { head.classes[$0] }) }
      let present = means.compactMap { $0 }
      var ratio: Double?
      if present.count > 1, let tail = present.first, let top = present.last, top > 0 { ratio = tail / top }
      return Summary(
        name: head.name, method: head.method, rankCorrelation: rankCorrelation(head.classes, counts),
        meanNorms: means, tailToHead: ratio, background: head.background, others: head.others)
    }
  }

  /// A row a head: the mean norm of each group that has classes, and what they come to.
  public var table: TextTable {
    let present = groups.classesByGroup.indices.filter { !groups.classesByGroup[$0].isEmpty }
    var table = TextTable(
      [("mean norm", .left)] + present.map { ("G\($0 + 1)", .right) }
        + [("tail/head", .right), ("background", .right), ("rank correlation", .right)])
    for summary in summaries {
      let values =
        present.map { summary.meanNorms[$0] } + [summary.tailToHead, summary.background, summary.rankCorrelation]
      table.add([summary.name] + values.map { $0.map { NumberText.fixed($0, digits: 3) } ?? "–" })
    }
    return table
  }

  /// One line a class, in the order of the figure: `class_id,name,instance_count,image_count,group` and each head's norm.
  public var csv: String {
    let header = ["class_id", "name", "instance_count", "image_count", "group"] + heads.map(\.name)
    let rows = order.map { index in
      let member = groups.members[index]
      return ["\(member.id)", member.name, "\(member.instanceCount)", "\(member.imageCount)", "G\(member.group + 1)"]
        + heads.map { "\($0.classes[index])" }
    }
    return csvText([header] + rows)
  }
}

import LVISDatasets

extension DataFinding.Code {
  /// A head that takes another number of features than there are.
  public static let headInputs = Self(rawValue: "head-inputs")
  /// A head of other categories.
  public static let headCategories = Self(rawValue: "head-categories")
  /// A head whose categories have other names.
  public static let headNames = Self(rawValue: "head-names")
  /// Classes of a head whose weights are all 0.
  public static let untrainedClasses = Self(rawValue: "untrained-classes")
}

extension LinearHead {
  /// What does not fit between this head, the annotations and the features.
  ///
  /// - Parameters:
  ///   - categories: Those of the annotations; `nil` where there are none.
  ///   - featureCount: D of the features; `nil` where there are none.
  /// - Returns: The findings; none where all fits.
  public func findings(categories: [LVISCategory]?, featureCount: Int? = nil) -> [DataFinding] {
    var findings: [DataFinding] = []
    if let featureCount, featureCount != inputs {
      findings.append(
        DataFinding(
          .headInputs, .error, count: 1,
          "the head takes \(inputs) features of a RoI, but there are \(featureCount)",
          remedy: "are the features the input of another layer, or of another detector?"))
    }
    if let categories { findings += categoryFindings(categories) }
    if layout.product == .linear {
      let norms = classWeightNorms
      let zero = groups.members.indices.filter { norms[$0] == 0 }
      if let first = zero.first {
        findings.append(
          DataFinding(
            .untrainedClasses, count: zero.count,
            "the weights of \(counted(zero.count, "class", "classes")) of \(groups.classCount) are all 0",
            example: "category \(groups.members[first].id) (\(groups.members[first].name))",
            remedy: "they were never trained: all RoIs score alike there"))
      }
    }
    return findings
  }

  private func categoryFindings(_ categories: [LVISCategory]) -> [DataFinding] {
    let own = IDIndex(ascending: groups.members.map(\.id))
    let theirs = IDIndex(categories.map(\.id))
    let unknown = own.ids.filter { theirs.position(of: $0) == nil }
    let missing = theirs.ids.filter { own.position(of: $0) == nil }
    var findings: [DataFinding] = []
    if !unknown.isEmpty || !missing.isEmpty {
      let isDisjoint = unknown.count == own.count
      findings.append(
        DataFinding(
          .headCategories, isDisjoint ? .error : .warning, count: unknown.count + missing.count,
          "\(share(unknown.count, of: own.count, "category", "categories")) of the head "
            + "\(unknown.count == 1 ? "is" : "are") not in the annotations, and \(share(missing.count, of: theirs.count, "category", "categories")) of these "
            + "\(missing.count == 1 ? "is" : "are") not in the head",
          example: "category \((unknown + missing)[0])",
          remedy: isDisjoint
            ? "is the head of another data set?"
            : "what the head lacks is never found, what the annotations lack is not scored"
        ))
    }
    let names = Dictionary(categories.map { ($0.id, $0.name) }) { first, _ in first }
    let renamed = groups.members.filter { member in names[member.id].map { $0 != member.name } ?? false }
    if let first = renamed.first {
      findings.append(
        DataFinding(
          .headNames, count: renamed.count,
          "\(counted(renamed.count, "category has", "categories have")) another name in the head than in the annotations",
          example: "category \(first.id): “\(first.name)” and “\(names[first.id] ?? "")”",
          remedy: "do both number their categories alike?"))
    }
    return findings
  }
}

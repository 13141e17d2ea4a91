import LVISDatasets

/// The categories that each image was searched for: its federated labels (Gupta et al., CVPR 2019; lvis-api
/// `LVISEval._prepare`).
///
/// An image without `neg_category_ids` counts as searched for everything, which is what COCO-style data means.
struct FederatedLabels: Sendable {
  /// Per image, the categories verified to be absent, ascending, and those not labelled exhaustively.
  private let negatives: Lists
  private let notExhaustive: Lists
  private let searchedForAll: [Bool]
  /// Whether no image has the field: COCO-style data.
  let isWithoutNegatives: Bool
  let notes: [DataFinding]

  init(_ images: [LVISImage], categories: IDIndex, rules: EvaluationOptions.Rules) {
    guard rules == .lvis else {
      negatives = Lists(images.map { _ in [] }, categories)
      notExhaustive = negatives
      searchedForAll = images.map { _ in true }
      isWithoutNegatives = true
      notes = []
      return
    }
    negatives = Lists(images.map { $0.negativeCategoryIDs ?? [] }, categories)
    notExhaustive = Lists(images.map { $0.notExhaustiveCategoryIDs ?? [] }, categories)
    searchedForAll = images.map { $0.negativeCategoryIDs == nil }
    let withoutNegatives = searchedForAll.count { $0 }
    let withoutExhaustiveness = images.count { $0.notExhaustiveCategoryIDs == nil }
    isWithoutNegatives = withoutNegatives == images.count
    var notes: [DataFinding] = []
    if withoutNegatives > 0 { notes.append(.withoutNegatives(images: withoutNegatives, of: images.count)) }
    if withoutExhaustiveness > 0 {
      notes.append(.withoutExhaustiveness(images: withoutExhaustiveness, of: images.count))
    }
    self.notes = notes
  }

  @inline(__always)
  func isSearchedForAll(_ image: Int) -> Bool { searchedForAll[image] }
  /// Category places; unknown ids are left out.
  @inline(__always)
  func negatives(of image: Int) -> ArraySlice<Int32> { negatives[image] }
  /// Category places; unknown ids are left out.
  @inline(__always)
  func notExhaustive(of image: Int) -> ArraySlice<Int32> { notExhaustive[image] }

  /// Many short lists in two arrays.
  private struct Lists: Sendable {
    private var starts: [Int32] = [0]
    private var places: [Int32] = []

    init(_ lists: [[Int]], _ categories: IDIndex) {
      starts.reserveCapacity(lists.count + 1)
      for list in lists {
        for id in list {
          let place = categories.place(of: id)
          if place >= 0 { places.append(place) }
        }
        starts.append(Int32(places.count))
      }
    }

    @inline(__always)
    subscript(_ image: Int) -> ArraySlice<Int32> { places[Int(starts[image])..<Int(starts[image + 1])] }
  }
}

/// The status of every category in one image at a time, looked up in one step: searched for, present, labelled
/// exhaustively.
struct ImageStatuses: Sendable {
  private let truth: GroundTruthIndex
  private(set) var image = -1
  /// 0 not looked for, −1 absent, else the place of the image's pair + 1.
  private var statuses: [Int32]
  private var isNotExhaustive: [Bool]
  private var absent: Int32 = 0

  init(_ truth: GroundTruthIndex) {
    self.truth = truth
    statuses = [Int32](repeating: 0, count: truth.categories.count)
    isNotExhaustive = [Bool](repeating: false, count: truth.categories.count)
  }

  /// Turns to another image.
  mutating func turn(to image: Int) {
    guard image != self.image else { return }
    if self.image >= 0 { mark(self.image, as: 0, isNotExhaustive: false) { _ in 0 } }
    self.image = image
    mark(image, as: -1, isNotExhaustive: true) { Int32(truncatingIfNeeded: $0) + 1 }
    absent = truth.labels.isSearchedForAll(image) ? -1 : 0
  }

  private mutating func mark(
    _ image: Int, as negative: Int32, isNotExhaustive value: Bool, _ pairStatus: (Int) -> Int32
  ) {
    for category in truth.labels.negatives(of: image) { statuses[Int(category)] = negative }
    for pair in truth.pairs(of: image) { statuses[Int(truth.pairs[pair].category)] = pairStatus(pair) }
    for category in truth.labels.notExhaustive(of: image) { isNotExhaustive[Int(category)] = value }
  }

  /// Whether the image was searched for a category: it is among the verified absent ones, or has objects there.
  @inline(__always)
  func isSearched(_ category: Int32) -> Bool { statuses[Int(category)] != 0 || absent != 0 }

  /// The place of the image's pair with a category; −1 where it holds none of its objects.
  @inline(__always)
  func pair(_ category: Int32) -> Int { Int(max(statuses[Int(category)], 0)) - 1 }

  @inline(__always)
  func isNotExhaustive(_ category: Int32) -> Bool { isNotExhaustive[Int(category)] }

  /// Whether an image holds objects of a category, which may be −1.
  mutating func hasObjects(image: Int32, category: Int32) -> Bool {
    guard category >= 0 else { return false }
    turn(to: Int(image))
    return pair(category) >= 0
  }
}

import Foundation
import TensorFiles

/// Shards are mapped, so the system reads pages when they are touched and counts them to the process until it drops them.
/// These say in time what will be needed, and what is done with.
extension FeatureSet {
  /// Asks the system to read the features of RoIs in the background.
  ///
  /// - Precondition: `rows` lies within `0..<roiCount`.
  public func prefetch(rows: Range<Int>) {
    for shard in shards {
      let first = max(rows.lowerBound, shard.firstRow) - shard.firstRow
      let end = min(rows.upperBound, shard.firstRow + shard.rowCount) - shard.firstRow
      guard first < end else { continue }
      guard let features = shard.tensor(.features) else { continue }
      let rowBytes = featureCount * features.elementType.byteCount
      features.withUnsafeBytes { bytes in
        advisePages(UnsafeRawBufferPointer(rebasing: bytes[first * rowBytes..<end * rowBytes]), MADV_WILLNEED)
      }
    }
  }

  /// The size of all features as stored.
  public var featureByteCount: Int { roiCount * featureCount * elementType.byteCount }

  /// Lets go of every page: they no longer count as the process's memory, and stay in the system's cache while there is
  /// room.
  public func releasePages() {
    for shard in shards {
      shard.labels?.withUnsafeBytes { advisePages($0, MADV_DONTNEED) }
      shard.imageIDs.withUnsafeBytes { advisePages($0, MADV_DONTNEED) }
      for column in FeatureColumn.allCases {
        shard.tensor(column)?.withUnsafeBytes { advisePages($0, MADV_DONTNEED) }
      }
    }
  }
}

/// Advises on the pages that lie wholly inside `bytes`: neighbours may still be needed.
func advisePages(_ bytes: UnsafeRawBufferPointer, _ advice: Int32) {
  guard let base = bytes.baseAddress else { return }
  let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
  let start = (UInt(bitPattern: base) + page - 1) / page * page
  let end = (UInt(bitPattern: base) + UInt(bytes.count)) / page * page
  guard start < end, let pages = UnsafeMutableRawPointer(bitPattern: start) else { return }
  madvise(pages, Int(end - start), advice)
}

/// A mask as a file states it; turning it into pixels is the evaluation's work.
public enum Segmentation: Sendable, Equatable {
  /// Polygons, each as corners x, y, x, y, … in pixels.
  case polygons([[Double]])
  /// Uncompressed run lengths, column by column, the first run being outside the mask.
  case runLengths(height: Int, width: Int, counts: [UInt32])
  /// COCO's compressed run lengths: the bytes of its string.
  case compressed(height: Int, width: Int, counts: [UInt8])
}

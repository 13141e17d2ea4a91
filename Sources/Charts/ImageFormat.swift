import DurableFiles
import Foundation

/// The kinds of file that a figure can be written as.
public enum ImageFormat: String, Sendable, CaseIterable {
  /// Scalable, with rules for light and dark pages.
  case svg
  /// Pixels, two for each of the figure's; light.
  case png
  /// For print and LaTeX; light.
  case pdf

  /// Finds out whether this kind can be made here.
  ///
  /// - Throws: `ReportError` where `rsvg-convert` is needed and not installed.
  public func checkAvailability() throws {
    if self != .svg { _ = try converter() }
  }

  /// Writes a figure.
  ///
  /// - Parameters:
  ///   - chart: The figure.
  ///   - path: Where to; its folder must exist.
  /// - Throws: `ReportError` where `rsvg-convert`, which makes PNG and PDF, is missing or fails; `FileError` if the file
  ///   cannot be written.
  public func write(_ chart: RenderedChart, to path: String) throws {
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + chart.svg
    guard self != .svg else { return try DurableFile.write(text, to: path) }
    try TemporaryFiles.withFolder { folder in
      let source = "\(folder)/figure.svg"
      let result = "\(folder)/figure.\(rawValue)"
      try DurableFile.write(text, to: source)
      try convert(source, to: result, for: path)
      guard let data = FileManager.default.contents(atPath: result), !data.isEmpty else {
        throw ReportError(.converterFailed, path, "rsvg-convert wrote nothing")
      }
      try DurableFile.write(data, to: path)
    }
  }

  private func convert(_ source: String, to result: String, for path: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try converter())
    process.arguments = ["--format", rawValue, "--output", result] + (self == .png ? ["--zoom", "2"] : []) + [source]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    do {
      try process.run()
    } catch {
      throw ReportError(.converterFailed, path, "cannot run rsvg-convert: \(error.localizedDescription)")
    }
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw ReportError(
        .converterFailed, path,
        "rsvg-convert failed with status \(process.terminationStatus); SVG files need no converter")
    }
  }

  /// The path of `rsvg-convert`.
  private func converter() throws -> String {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    guard
      let path = folders.map({ "\($0)/rsvg-convert" }).first(where: FileManager.default.isExecutableFile(atPath:))
    else {
      throw ReportError(
        .converterMissing, nil,
        "\(rawValue.uppercased()) needs rsvg-convert, which is not installed: `apt install librsvg2-bin` or "
          + "`brew install librsvg` brings it; SVG files need nothing")
    }
    return path
  }
}

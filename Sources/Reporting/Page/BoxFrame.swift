import Charts

/// An image as an empty frame with the boxes that are in question.
struct BoxFrame {
  /// The width and height of the image in pixels; where one is 0 the frame is drawn around the boxes.
  let size: [Int]
  /// The annotation's box, x, y, width and height in pixels; `nil` for none.
  let solid: [Double]?
  /// The box that speaks against it.
  let dashed: [Double]
  /// What is wrong.
  let caption: String
  /// Where it is.
  let detail: String

  /// The frame as SVG, 160 pixels along its longer side.
  private var svg: String {
    let boxes = [solid, dashed].compactMap(\.self)
    var (width, height) = (Double(size[0]), Double(size[1]))
    if width <= 0 || height <= 0 {
      width = boxes.map { $0[0] + $0[2] }.max() ?? 1
      height = boxes.map { $0[1] + $0[3] }.max() ?? 1
    }
    guard width > 0, height > 0, boxes.joined().allSatisfy(\.isFinite) else { return "" }
    let scale = 160 / max(width, height)
    func rectangle(_ box: [Double], _ name: String) -> String {
      let numbers = box.map { NumberText.fixed($0 * scale, digits: 1) }
      return
        "<rect class=\"\(name)\" x=\"\(numbers[0])\" y=\"\(numbers[1])\" width=\"\(numbers[2])\" height=\"\(numbers[3])\"/>"
    }
    let (w, h) = (NumberText.fixed(width * scale, digits: 1), NumberText.fixed(height * scale, digits: 1))
    return "<svg role=\"img\" viewBox=\"0 0 \(w) \(h)\" width=\"\(w)\" height=\"\(h)\">"
      + "<title>\(escaped(caption))</title>" + rectangle([0, 0, width, height], "image")
      + (solid.map { rectangle($0, "annotated") } ?? "") + rectangle(dashed, "against") + "</svg>"
  }

  func write(into writer: inout MarkupWriter) {
    writer.group("div", ["class": "frame"]) { writer in
      writer.raw(svg)
      writer.element("div", [:], content: caption)
      writer.element("div", ["class": "note"], content: detail)
    }
  }
}

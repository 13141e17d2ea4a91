import Charts

/// The look of a report: light and dark, phone and desktop, screen and paper.
enum PageStyleSheet {
  static let text =
    layout + colors(isDark: false) + ChartStyleSheet.rules(isDark: false)
    + "@media screen and (prefers-color-scheme: dark) {\n"
    + colors(isDark: true) + ChartStyleSheet.rules(isDark: true) + "}\n" + paper

  private static func colors(isDark: Bool) -> String {
    let page = ChartStyleSheet.paper(isDark: isDark)
    let (ink, soft, line, mark, wrong) =
      isDark
      ? ("#e8ebef", "#a3adb8", "#343b44", "#2b2f1d", "#ff8a3d")
      : ("#1b1f24", "#57606a", "#dde2e8", "#fff6d6", "#d55e00")
    return """
      html { background: \(page); color: \(ink); }
      .note, nav a, .data, th { color: \(soft); }
      th, td { border-bottom: 1px solid \(line); }
      section { border-top: 1px solid \(line); }
      pre { border: 1px solid \(line); }
      .differs td { background: \(mark); }
      .frame .image { fill: none; stroke: \(soft); }
      .frame .annotated { fill: none; stroke: \(ink); stroke-width: 1.5; }
      .frame .against { fill: none; stroke: \(wrong); stroke-width: 1.5; stroke-dasharray: 4 2; }
      #tip { background: \(ink); color: \(page); }

      """
  }

  private static let layout = """
    html { font: 16px/1.5 "Helvetica Neue", Helvetica, Arial, "Liberation Sans", "DejaVu Sans", sans-serif; }
    body { max-width: 792px; margin: 0 auto; padding: 24px 16px 64px; }
    h1 { font-size: 28px; line-height: 1.2; margin: 0 0 8px; overflow-wrap: anywhere; }
    h2 { font-size: 20px; margin: 24px 0 8px; }
    h3 { font-size: 16px; margin: 24px 0 4px; }
    nav { display: flex; flex-wrap: wrap; gap: 4px 16px; margin-bottom: 16px; font-size: 14px; }
    section { margin-top: 32px; }
    figure { margin: 16px -16px; }
    figure svg { display: block; width: 100%; height: auto; }
    .narrow { display: none; }
    .data { font-size: 13px; margin-left: 16px; }
    .note { font-size: 14px; }
    .frames { display: flex; flex-wrap: wrap; gap: 16px; margin: 12px 0; }
    .frame { width: 168px; font-size: 14px; line-height: 1.35; overflow-wrap: anywhere; break-inside: avoid; }
    .frame .note { font-size: 12px; }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; font-size: 14px; margin: 12px 0; }
    th, td { padding: 5px 14px 5px 0; text-align: left; vertical-align: top; white-space: nowrap; }
    th { font-weight: 600; }
    .best { font-weight: 700; }
    .detail { display: block; font-size: 12px; font-weight: 400; }
    .number { text-align: right; font-variant-numeric: tabular-nums; }
    .settings td + td { white-space: normal; overflow-wrap: anywhere; min-width: 110px; }
    pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px; padding: 10px 12px; border-radius: 6px; }
    .chart .near { stroke-width: 3; fill-opacity: 1; }
    #tip { position: fixed; z-index: 1; pointer-events: none; max-width: 280px; font-size: 13px; line-height: 1.35;
      padding: 5px 9px; border-radius: 5px; overflow-wrap: anywhere; }
    @media screen and (min-width: 824px) {
      .full { width: max-content; min-width: 100%; max-width: calc(100vw - 48px); margin-left: 50%;
        transform: translateX(-50%); }
      .full td:not(.number) { white-space: normal; min-width: 96px; max-width: 240px;
        overflow-wrap: anywhere; }
      .full th:first-child { white-space: normal; overflow-wrap: anywhere; }
      .full th, .full td { padding-right: 12px; }
      .full th:last-child, .full td:last-child { padding-right: 2px; }
    }
    @media (max-width: 640px) {
      .wide { display: none; }
      .narrow { display: block; }
      h1 { font-size: 22px; }
    }

    """

  private static let paper = """
    @media print {
      body { max-width: none; padding: 0; }
      nav, .data, #tip { display: none; }
      .wide { display: block; }
      .narrow { display: none; }
      figure { margin: 12px 0; }
      figure, tr, pre { break-inside: avoid; }
      h2, h3 { break-after: avoid; }
      .scroll { overflow: visible; }
      th, td { white-space: normal; }
      td.number { white-space: nowrap; }
      tr:first-child { break-after: avoid; }
    }

    """
}

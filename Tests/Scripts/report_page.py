"""Opens a report page in a headless browser as a reader would. Run by hand:

    pip install playwright                     # and a Chromium, such as Debian's
    python Tests/Scripts/report_page.py report.html [--browser /usr/bin/chromium] [--screenshots folder]

Light and dark, at phone and desktop width: nothing is requested from outside, the console stays empty, nothing is wider
than the window, and pointing at a mark of every figure that is shown names it. Exits with 1 where one does not hold.
The screenshots, and the page as printed, are for looking at."""
import argparse
import pathlib
import sys

from playwright.sync_api import sync_playwright

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("page", type=pathlib.Path)
parser.add_argument("--browser", default="/usr/bin/chromium")
parser.add_argument("--screenshots", type=pathlib.Path)
options = parser.parse_args()
MARKS = "g.points circle, g.points path, rect[class^=fill]"
faults = []


def look(browser, scheme, width, height):
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
    page = context.new_page()
    name = f"{scheme}, {width} px"
    page.on("console", lambda message: faults.append(f"{name}: console: {message.text}"))
    page.on("pageerror", lambda error: faults.append(f"{name}: {error}"))
    page.on("request", lambda request: request.url.startswith(("file:", "data:")) or faults.append(
        f"{name}: asks for {request.url}"))
    page.goto(options.page.resolve().as_uri())
    reach = page.evaluate("document.documentElement.scrollWidth")
    if reach > width:
        faults.append(f"{name}: the page is {reach} px wide")
    figures = [svg for svg in page.query_selector_all("svg.chart") if svg.is_visible()]
    named = 0
    for svg in figures:
        svg.scroll_into_view_if_needed()
        marks = [mark for mark in svg.query_selector_all(MARKS) if mark.query_selector("title")]
        if not marks:
            continue
        box = marks[len(marks) // 2].bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        if page.evaluate("document.getElementById('tip').hidden || !document.getElementById('tip').textContent"):
            faults.append(f"{name}: {svg.get_attribute('aria-label')}: pointing at a mark names nothing")
        named += 1
    page.mouse.move(0, 0)
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=options.screenshots / f"{scheme}-{width}.png", full_page=True)
        if scheme == "light" and width > 1000:
            page.pdf(path=options.screenshots / "printed.pdf", format="A4")
    print(f"{name}: {len(figures)} figures, {named} with marks to point at")
    context.close()


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=options.browser, args=["--no-sandbox"])
    for scheme in ("light", "dark"):
        for width, height in ((390, 844), (1280, 900)):
            look(browser, scheme, width, height)
    browser.close()
print(*faults, sep="\n")
sys.exit(1 if faults else 0)

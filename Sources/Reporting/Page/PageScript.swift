/// The script of a report: names the point nearest to the pointer. Without it, browsers show the same texts after a while.
enum PageScript {
  static let text = """
    "use strict";
    {
      const tip = document.getElementById("tip");
      const reach = 14;
      let shown = null;

      function marksOf(svg) {
        if (svg.marks) return svg.marks;
        svg.marks = [];
        for (const title of svg.querySelectorAll("title")) {
          const mark = title.parentElement;
          const box = mark.getBBox();
          svg.marks.push({ mark, text: title.textContent, box });
          title.remove();
        }
        return svg.marks;
      }

      // How far a point is from a mark's middle; from its edges where the mark is a bar.
      function distance(entry, x, y) {
        const box = entry.box;
        if (entry.mark.tagName !== "rect") {
          return Math.hypot(box.x + box.width / 2 - x, box.y + box.height / 2 - y);
        }
        const beyondX = Math.max(box.x - x, 0, x - box.x - box.width);
        const beyondY = Math.max(box.y - y, 0, y - box.y - box.height);
        return Math.hypot(beyondX, beyondY);
      }

      function hide() {
        if (shown) shown.classList.remove("near");
        shown = null;
        tip.hidden = true;
      }

      function show(event) {
        const svg = event.currentTarget;
        const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
        let best = null;
        let least = reach;
        for (const entry of marksOf(svg)) {
          const d = distance(entry, at.x, at.y);
          if (d < least) { least = d; best = entry; }
        }
        hide();
        if (!best) return;
        shown = best.mark;
        shown.classList.add("near");
        tip.textContent = best.text;
        tip.hidden = false;
        const size = tip.getBoundingClientRect();
        const left = Math.min(Math.max(8, event.clientX - size.width / 2), innerWidth - size.width - 8);
        const above = event.clientY - size.height - 14;
        tip.style.left = left + "px";
        tip.style.top = (above > 4 ? above : event.clientY + 18) + "px";
      }

      for (const svg of document.querySelectorAll("svg.chart")) {
        svg.addEventListener("pointermove", show);
        svg.addEventListener("pointerdown", show);
        svg.addEventListener("pointerleave", hide);
      }
      addEventListener("scroll", hide, { passive: true });
    }

    """
}

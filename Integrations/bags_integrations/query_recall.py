"""How many objects have a query at all: more than that no class head can find."""

from __future__ import annotations

from torch import Tensor

from .annotations import Annotations, ImageObjects, pairwise_ious

#: Groups of BAGS by training instances: below 10, 100, 1,000 and above.
BOUNDARIES = (10, 100, 1000)
THRESHOLDS = (0.5, 0.75)


class QueryRecall:
    """The share of annotated objects that a query overlaps, by group."""

    def __init__(self, annotations: Annotations) -> None:
        counts = annotations.instance_counts()
        self._groups = {
            category: sum(count >= boundary for boundary in BOUNDARIES) for category, count in counts.items()
        }
        #: Objects, and those found from each threshold on, of all and of each group.
        self.counts = [[0] * (1 + len(THRESHOLDS)) for _ in range(2 + len(BOUNDARIES))]

    def add(self, boxes: Tensor, objects: ImageObjects) -> None:
        """Looks at an image: its queries' boxes [Q, 4] and its objects, in pixels."""
        if not len(objects.boxes):
            return
        best = pairwise_ious(boxes.detach().cpu().double(), objects.boxes).amax(0)
        for iou, category in zip(best.tolist(), objects.labels.tolist(), strict=True):
            for row in (self.counts[0], self.counts[1 + self._groups[category]]):
                row[0] += 1
                for place, threshold in enumerate(THRESHOLDS):
                    row[1 + place] += iou >= threshold

    def report(self) -> str:
        """A line for all objects, and one for each group that has any."""
        names = ["all", *(f"G{number}" for number in range(1, 2 + len(BOUNDARIES)))]
        lines = [
            f"  {name}: of {row[0]:,} objects {100 * row[1] / row[0]:.1f} % at IoU .5, {100 * row[2] / row[0]:.1f} % at .75"
            for name, row in zip(names, self.counts, strict=True)
            if row[0]
        ]
        return "\n".join(["objects with a query, by group of these annotations' instances:", *lines]) if lines else ""

"""Whether a detector's own classifier agrees with the labels of its RoIs: with a wrong list of ids it cannot."""

from __future__ import annotations

from collections import Counter

from torch import Tensor

from .annotations import Annotations
from .classes import ClassIDs, checked_ids

#: So many objects are looked at, then the judgement is given, early enough to start again.
OBJECTS = 2000
#: With fewer labelled RoIs the classifier is not judged.
LEAST_ROIS = 20
#: A classifier that is right on a smaller share of the RoIs that show an object is told: trained ones are far above it.
LEAST_ACCURACY = 0.25
#: And one that other ids for its classes would make right on so much larger a share.
MOST_GAIN = 0.1
#: A class stands for another category than its own on at least so many RoIs.
LEAST_CONFUSIONS = 5


class LabelCheck:
    """Looks at the first RoIs of an export, and says once what is wrong with them, if anything is."""

    def __init__(self, category_ids: ClassIDs, annotations: Annotations) -> None:
        self._ids = checked_ids(category_ids)
        self._names = annotations.categories
        self._is_done = False
        self._objects = 0
        self._showing = 0
        #: How often each class (by its place) was the best one of RoIs of each category.
        self._found: Counter[tuple[int, int]] = Counter()

    def add(self, object_count: int, labels: Tensor, own_ious: Tensor, best: Tensor | None) -> str | None:
        """Looks at an image.

        Args:
            object_count: The annotated objects of the image.
            labels: Category ids of its RoIs, [N]; -1 is background.
            own_ious: The overlaps of those that the detector made itself, with the object that they overlap most.
            best: The place of the class that the detector scores highest, [N].

        Returns:
            The finding, where this image makes so many that it can be judged.
        """
        if self._is_done:
            return None
        self._objects += object_count
        self._showing += int((own_ious >= 0.5).sum())
        if best is not None:
            shown = labels >= 0
            self._found.update(zip(best.cpu()[shown].tolist(), labels[shown].tolist(), strict=True))
        return self.finish() if self._objects >= OBJECTS else None

    def finish(self) -> str | None:
        """The finding, where there is one and it was not told before."""
        if self._is_done:
            return None
        self._is_done = True
        if self._objects >= LEAST_ROIS and self._showing < 0.1 * self._objects:
            return (
                f"{self._showing:,} of the detector's RoIs show one of the {self._objects:,} annotated objects (an IoU "
                "of .5): are the images those of the annotations, in the size that these have?"
            )
        return self._misnamed()

    def _misnamed(self) -> str | None:
        count = self._found.total()
        right = sum(self._own(place) for place in range(len(self._ids)))
        renamed = self._renamed()
        gain = sum(self._found[place, category] - self._own(place) for place, category in renamed)
        if count < LEAST_ROIS or (right >= LEAST_ACCURACY * count and gain <= MOST_GAIN * count):
            return None
        examples = "; ".join(
            f"class {place}, by the list {self._name(self._ids[place])}, is its answer to RoIs of "
            f"{self._name(category)}"
            for place, category in renamed[:3]
            if self._ids[place] != category
        )
        return (
            f"the detector's own classifier is right on {100 * right / count:.0f} % of {count:,} RoIs that show an "
            "object: is the list of category ids in the order of the detector's classes, and are the images as it was "
            "trained on?"
            + (f" {examples[:1].upper()}{examples[1:]}" if examples else "")
        )

    def _renamed(self) -> list[tuple[int, int]]:
        """The category that each class stands for by its answers, one to one, those with the most RoIs first."""
        places: set[int] = set()
        categories: set[int] = set()
        pairs = []
        for (place, category), number in sorted(self._found.items(), key=lambda item: (-item[1], item[0])):
            if number >= LEAST_CONFUSIONS and place not in places and category not in categories:
                places.add(place)
                categories.add(category)
                pairs.append((place, category))
        return pairs

    def _own(self, place: int) -> int:
        """On how many RoIs a class is right."""
        category = self._ids[place]
        return 0 if category is None else self._found[place, category]

    def _name(self, category: int | None) -> str:
        if category is None:
            return "none"
        name = self._names.get(category)
        return f"{category} ({name})" if name else f"{category}"

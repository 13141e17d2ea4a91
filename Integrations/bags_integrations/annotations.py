"""COCO and LVIS annotations: which object a RoI shows."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


@dataclass
class ImageObjects:
    """The objects of an image: crowds and boxes without area are not among them."""

    #: [M, 4]: x1, y1, x2, y2, in double precision.
    boxes: Tensor
    #: Category ids, [M].
    labels: Tensor


@dataclass
class Annotations:
    """What a JSON file of annotations says."""

    image_ids: list[int]
    #: Paths of the images, as the file gives them, by image id.
    file_names: dict[int, str]
    #: Names by category id, the ids ascending.
    categories: dict[int, str]
    _objects: dict[int, ImageObjects] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Annotations:
        """Reads a file of COCO's or LVIS's format, in any of JSON's encodings.

        Raises:
            ValueError: If it is no such file, or its ids are no integers.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"a {type(path).__name__} is no path; give that of the annotations' JSON file")
        try:
            data = json.loads(Path(path).read_bytes())
        except ValueError as error:
            raise ValueError(f"{path}: is no JSON: {error}") from error
        if not isinstance(data, dict) or not {"images", "categories"} <= data.keys():
            raise ValueError(f"{path}: has no images and categories, as COCO's and LVIS's annotations have")
        for kind in ("images", "categories"):
            for entry in data[kind]:
                _check_integers(path, f"an entry of {kind}", entry, "id")
        images = sorted(data["images"], key=lambda image: image["id"])
        boxes: dict[int, list[list[float]]] = {}
        labels: dict[int, list[int]] = {}
        for annotation in data.get("annotations", []):
            if missing := {"image_id", "category_id", "bbox"} - annotation.keys():
                raise ValueError(f"{path}: annotation {annotation.get('id')} has no {', '.join(sorted(missing))}")
            _check_integers(path, f"annotation {annotation.get('id')}", annotation, "image_id", "category_id")
            if not isinstance(annotation["bbox"], list) or len(annotation["bbox"]) != 4:
                raise ValueError(
                    f"{path}: annotation {annotation.get('id')} has the bbox {annotation['bbox']}; [x, y, width, "
                    "height] is expected"
                )
            x, y, width, height = annotation["bbox"]
            if annotation.get("iscrowd", 0) or not (width > 0 and height > 0):
                continue
            boxes.setdefault(annotation["image_id"], []).append([x, y, x + width, y + height])
            labels.setdefault(annotation["image_id"], []).append(annotation["category_id"])
        categories = {category["id"]: category.get("name", "") for category in data["categories"]}
        return cls(
            image_ids=[image["id"] for image in images],
            file_names={image["id"]: image.get("file_name") or image.get("coco_url", "") for image in images},
            categories=dict(sorted(categories.items())),
            _objects={
                image: ImageObjects(torch.tensor(found, dtype=torch.float64), torch.tensor(labels[image]))
                for image, found in boxes.items()
            },
        )

    def category_ids(self, classes: Sequence[str | int]) -> list[int | None]:
        """The category id of each class of a detector whose classes are known by name, or by ids that may be no
        category here: what the functions of the detectors' modules take.

        For torchvision's COCO detectors: `annotations.category_ids(weights.meta["categories"][1:])`.

        Args:
            classes: Names or ids, in the detector's order, without background.

        Returns:
            Ids; `None` where a class, such as `N/A`, is no category of these annotations.

        Raises:
            ValueError: If none of them is a category, or a name is that of several.
        """
        by_name: dict[str, list[int]] = {}
        for category, name in self.categories.items():
            by_name.setdefault(name, []).append(category)
        by_text = {str(category): category for category in self.categories}
        ids: list[int | None] = []
        for entry in classes:
            named = by_name.get(entry, []) if isinstance(entry, str) else []
            if len(named) > 1:
                raise ValueError(f"{len(named)} categories are called {entry!r}: {named}; give ids")
            ids.append(named[0] if named else by_text.get(str(entry)))
        if not any(category is not None for category in ids):
            raise ValueError(
                f"none of the {len(ids)} classes, such as {next(iter(classes), None)!r}, is a name or an id of the "
                f"{len(self.categories)} categories"
            )
        return ids

    def instance_counts(self) -> dict[int, int]:
        """The objects of each category, crowds left out."""
        counts = dict.fromkeys(self.categories, 0)
        for found in self._objects.values():
            for category in found.labels.tolist():
                counts[category] = counts.get(category, 0) + 1
        return counts

    def objects(self, image_id: int) -> ImageObjects:
        """The objects of an image, none where it has none."""
        none = ImageObjects(torch.zeros((0, 4), dtype=torch.float64), torch.zeros(0, dtype=torch.int64))
        return self._objects.get(image_id, none)


def _check_integers(path: str | os.PathLike[str], what: str, entry: Any, *keys: str) -> None:
    """Ids that are texts, or none, would be compared with nothing that a feature set has."""
    for key in keys:
        if not isinstance(entry, dict) or key not in entry:
            raise ValueError(f"{path}: {what} has no {key}")
        if not isinstance(entry[key], int):
            raise ValueError(
                f"{path}: {what} has the {key} {entry[key]!r}, which is no integer; write ids as integers, those that "
                "are texts of digits with int()"
            )


@dataclass
class Match:
    """What each of N RoIs shows."""

    #: Category ids, [N]; -1 is background.
    labels: Tensor
    #: The overlap with the object that is overlapped most, [N].
    ious: Tensor
    #: That object's box, or the RoI itself where the image has no object, [N, 4].
    gt_boxes: Tensor


def pairwise_ious(boxes: Tensor, others: Tensor) -> Tensor:
    """The overlap of each of N boxes with each of M: [N, M] of [N, 4] and [M, 4]."""
    low = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    intersection = (high - low).clamp(min=0).prod(dim=2)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    other_areas = (others[:, 2:] - others[:, :2]).prod(dim=1)
    return intersection / (areas[:, None] + other_areas[None, :] - intersection)


def match(boxes: Tensor, objects: ImageObjects, threshold: float = 0.5) -> Match:
    """Each RoI takes the category of the object that it overlaps most, from an IoU of `threshold` on.

    Of several objects with the same IoU the one that stands first in the file counts, as in detectron2's `Matcher` and
    in `bags train`.

    Args:
        boxes: [N, 4].
    """
    rois = boxes.detach().to("cpu", torch.float64)
    count = len(rois)
    if len(objects.boxes) == 0:
        background = torch.full((count,), -1, dtype=torch.int64)
        return Match(background, torch.zeros(count), rois.to(torch.float32))
    ious = pairwise_ious(rois, objects.boxes)
    best = ious.max(dim=1).values
    # argmax does not say which of equal ones it takes.
    first = (ious == best[:, None]).to(torch.int8).argmax(dim=1)
    labels = torch.where(best >= threshold, objects.labels[first], torch.tensor(-1))
    return Match(labels, best.to(torch.float32), objects.boxes[first].to(torch.float32))

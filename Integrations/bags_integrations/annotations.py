"""COCO and LVIS annotations: which object a RoI shows."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field

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
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        if not isinstance(data, dict) or not {"images", "categories"} <= data.keys():
            raise ValueError(f"{path}: has no images and categories, as COCO's and LVIS's annotations have")
        images = sorted(data["images"], key=lambda image: image["id"])
        boxes: dict[int, list[list[float]]] = {}
        labels: dict[int, list[int]] = {}
        for annotation in data.get("annotations", []):
            if missing := {"image_id", "category_id", "bbox"} - annotation.keys():
                raise ValueError(f"{path}: annotation {annotation.get('id')} has no {', '.join(sorted(missing))}")
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

    def objects(self, image_id: int) -> ImageObjects:
        """The objects of an image, none where it has none."""
        none = ImageObjects(torch.zeros((0, 4), dtype=torch.float64), torch.zeros(0, dtype=torch.int64))
        return self._objects.get(image_id, none)


@dataclass
class Match:
    """What each of N RoIs shows."""

    #: Category ids, [N]; -1 is background.
    labels: Tensor
    #: The overlap with the object that is overlapped most, [N].
    ious: Tensor
    #: That object's box, or the RoI itself where the image has no object, [N, 4].
    gt_boxes: Tensor


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
    low = torch.maximum(rois[:, None, :2], objects.boxes[None, :, :2])
    high = torch.minimum(rois[:, None, 2:], objects.boxes[None, :, 2:])
    intersection = (high - low).clamp(min=0).prod(dim=2)
    areas = (rois[:, 2:] - rois[:, :2]).prod(dim=1)
    object_areas = (objects.boxes[:, 2:] - objects.boxes[:, :2]).prod(dim=1)
    ious = intersection / (areas[:, None] + object_areas[None, :] - intersection)
    best = ious.max(dim=1).values
    # argmax does not say which of equal ones it takes.
    first = (ious == best[:, None]).to(torch.int8).argmax(dim=1)
    labels = torch.where(best >= threshold, objects.labels[first], torch.tensor(-1))
    return Match(labels, best.to(torch.float32), objects.boxes[first].to(torch.float32))

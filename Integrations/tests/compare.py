"""A detector's detections against those of `bags predict`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor


@dataclass
class Found:
    """The detections of an image, by descending score."""

    #: [n, 4]: x1, y1, x2, y2.
    boxes: Tensor
    scores: Tensor
    #: Category ids.
    categories: Tensor


def read_results(path: Path) -> dict[int, Found]:
    """What `bags predict` wrote, by image."""
    rows: dict[int, list[dict]] = {}
    for row in json.loads(path.read_text()):
        rows.setdefault(row["image_id"], []).append(row)
    found = {}
    for image_id, detections in rows.items():
        boxes = torch.tensor([row["bbox"] for row in detections], dtype=torch.float64)
        boxes[:, 2:] += boxes[:, :2]
        found[image_id] = Found(
            boxes,
            torch.tensor([row["score"] for row in detections]),
            torch.tensor([row["category_id"] for row in detections]),
        )
    return found


def assert_same(detector: Mapping[int, Found], program: Mapping[int, Found], tolerance: float = 1e-4) -> int:
    """Boxes to 1e-2 pixels, scores to 1e-4 or as asked, in the same order but for ties.

    Returns:
        The number of detections that were compared.
    """
    count = 0
    for image_id, left in detector.items():
        right = program.get(image_id, Found(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0)))
        assert len(left.scores) == len(right.scores), f"image {image_id}"
        taken: set[int] = set()
        for place in range(len(left.scores)):
            score = float(left.scores[place])
            assert abs(score - float(right.scores[place])) < tolerance, f"image {image_id}, place {place}"
            same = [
                other
                for other in range(len(right.scores))
                if other not in taken
                and abs(float(right.scores[other]) - score) < tolerance
                and int(right.categories[other]) == int(left.categories[place])
                and float((right.boxes[other] - left.boxes[place]).abs().max()) < 1e-2
            ]
            assert same, f"image {image_id}, place {place}: {left.boxes[place]} scores {score} only in the detector"
            # Another place than its own only where that one has the same score.
            taken.add(place if place in same else same[0])
            count += 1
    return count

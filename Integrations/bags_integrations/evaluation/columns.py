"""Ground truth and detections as arrays, made from the records of JSON or from arrays that are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Record = Mapping[str, Any]


@dataclass
class Masks:
    """Masks of N records: compressed run lengths, or polygons."""

    bytes: NDArray[np.uint8]
    starts: Ints
    #: Rows and columns, [N, 2].
    sizes: Ints
    coordinates: Floats
    polygon_ends: Ints
    polygon_starts: Ints

    @staticmethod
    def of(segmentations: Iterable[Any]) -> Masks:
        """From what stands under `segmentation` in JSON; `None` for a record without."""
        data = bytearray()
        starts, sizes, polygon_starts, polygon_ends = [0], [], [0], []
        coordinates: list[float] = []
        for segmentation in segmentations:
            size = (0, 0)
            if isinstance(segmentation, Mapping):
                counts = segmentation["counts"]
                size = (int(segmentation["size"][0]), int(segmentation["size"][1]))
                data += counts if isinstance(counts, bytes) else (
                    counts.encode() if isinstance(counts, str) else _compressed(counts))
            elif segmentation is not None:
                for polygon in segmentation:
                    coordinates.extend(polygon)
                    polygon_ends.append(len(coordinates))
            starts.append(len(data))
            sizes.append(size)
            polygon_starts.append(len(polygon_ends))
        return Masks(
            np.frombuffer(bytes(data) or b"\0", np.uint8), np.array(starts, np.int64),
            np.array(sizes, np.int64).reshape(-1, 2), np.array(coordinates or [0.0], np.float64),
            np.array(polygon_ends or [0], np.int64), np.array(polygon_starts, np.int64))


def _compressed(counts: Sequence[int]) -> bytes:
    """Run lengths in COCO's compressed form (`rleToString` in pycocotools's maskApi.c)."""
    data = bytearray()
    for index, count in enumerate(counts):
        value = int(count) - (int(counts[index - 2]) if index > 2 else 0)
        while True:
            part = value & 0x1F
            value >>= 5
            more = value != -1 if part & 0x10 else value != 0
            data.append((part | 0x20 if more else part) + 48)
            if not more:
                break
    return bytes(data)


def _ints(values: Iterable[int]) -> Ints:
    return np.fromiter((int(value) for value in values), np.int64)


def _lists(records: Sequence[Record], key: str) -> tuple[Ints, Ints] | tuple[None, None]:
    """Starts and values of a list that records have; none where no record has it."""
    if not any(key in record for record in records):
        return None, None
    lists = [record.get(key) or [] for record in records]
    starts = np.concatenate([[0], np.cumsum([len(values) for values in lists], dtype=np.int64)]).astype(np.int64)
    return starts, np.array([value for values in lists for value in values] or [0], np.int64)


@dataclass
class GroundTruth:
    """Images, categories and objects."""

    image_ids: Ints
    image_heights: Ints
    image_widths: Ints
    negative_starts: Ints | None
    negative_ids: Ints | None
    not_exhaustive_starts: Ints | None
    not_exhaustive_ids: Ints | None
    category_ids: Ints
    category_frequencies: bytes | None
    object_ids: Ints
    object_image_ids: Ints
    object_category_ids: Ints
    object_boxes: Floats
    object_areas: Floats
    object_flags: NDArray[np.uint8]
    object_masks: Masks | None

    @staticmethod
    def of(dataset: Mapping[str, Any], with_masks: bool) -> GroundTruth:
        """From the object that an annotation file holds."""
        images, categories, objects = (list(dataset.get(key, [])) for key in ("images", "categories", "annotations"))
        frequencies = None
        if any("frequency" in category for category in categories):
            frequencies = "".join(category.get("frequency") or "\0" for category in categories).encode()
        boxes = np.array([record.get("bbox") or [0, 0, 0, 0] for record in objects], np.float64).reshape(-1, 4)
        areas = [record.get("area", box[2] * box[3]) for record, box in zip(objects, boxes)]
        flags = [
            (1 if record.get("iscrowd") else 0) | (2 if record.get("ignore") else 0) for record in objects]
        negative_starts, negative_ids = _lists(images, "neg_category_ids")
        not_exhaustive_starts, not_exhaustive_ids = _lists(images, "not_exhaustive_category_ids")
        return GroundTruth(
            _ints(image["id"] for image in images), _ints(image.get("height", 0) for image in images),
            _ints(image.get("width", 0) for image in images), negative_starts, negative_ids, not_exhaustive_starts,
            not_exhaustive_ids, _ints(category["id"] for category in categories),
            frequencies, _ints(record.get("id", place + 1) for place, record in enumerate(objects)),
            _ints(record["image_id"] for record in objects), _ints(record["category_id"] for record in objects), boxes,
            np.array(areas, np.float64), np.array(flags, np.uint8),
            Masks.of(record.get("segmentation") for record in objects) if with_masks else None)


@dataclass
class DetectionColumns:
    """N detections: ids [N], boxes [N, 4] as x, y, width, height in pixels, scores [N]."""

    image_ids: Ints
    category_ids: Ints
    boxes: Floats | None
    scores: Floats
    masks: Masks | None = None

    def __post_init__(self) -> None:
        """The library reads what stands behind these arrays, so their types and lengths must be right."""
        self.image_ids = np.ascontiguousarray(self.image_ids, np.int64)
        self.category_ids = np.ascontiguousarray(self.category_ids, np.int64)
        self.scores = np.ascontiguousarray(self.scores, np.float64)
        counts = {len(self.image_ids), len(self.category_ids), len(self.scores)}
        if self.boxes is not None:
            self.boxes = np.ascontiguousarray(self.boxes, np.float64).reshape(-1, 4)
            counts.add(len(self.boxes))
        if len(counts) != 1:
            raise ValueError(f"columns of one length, please, not {sorted(counts)}")

    @staticmethod
    def of(records: Sequence[Record]) -> DetectionColumns:
        """From the list that a results file holds."""
        has_boxes = not records or "bbox" in records[0]
        missing = next((n for n, record in enumerate(records) if "bbox" not in record), None) if has_boxes else None
        if missing is not None:
            raise ValueError(f"detections[{missing}].bbox is missing, but the first detection has one: all must, or none")
        boxes = np.array([record["bbox"] for record in records], np.float64).reshape(-1, 4) if has_boxes else None
        has_masks = any("segmentation" in record for record in records)
        return DetectionColumns(
            _ints(record["image_id"] for record in records), _ints(record["category_id"] for record in records), boxes,
            np.array([record["score"] for record in records], np.float64),
            Masks.of(record.get("segmentation") for record in records) if has_masks else None)

    @staticmethod
    def of_arrays(
        image_ids: ArrayLike, category_ids: ArrayLike, boxes: ArrayLike, scores: ArrayLike
    ) -> DetectionColumns:
        """From arrays, which are taken as they are where their types and layout fit."""
        return DetectionColumns(
            np.ascontiguousarray(image_ids, np.int64), np.ascontiguousarray(category_ids, np.int64),
            np.ascontiguousarray(boxes, np.float64), np.ascontiguousarray(scores, np.float64))

    @staticmethod
    def joined(parts: Sequence[DetectionColumns]) -> DetectionColumns:
        """Parts with boxes and without masks, one behind the other."""
        if not parts:
            return DetectionColumns.of_arrays([], [], np.empty((0, 4)), [])
        return DetectionColumns(
            np.concatenate([part.image_ids for part in parts]), np.concatenate([part.category_ids for part in parts]),
            np.concatenate([part.boxes for part in parts if part.boxes is not None]),
            np.concatenate([part.scores for part in parts]))

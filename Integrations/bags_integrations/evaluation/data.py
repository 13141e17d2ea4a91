"""Annotation files and results, as lvis-api's and pycocotools' classes hold them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from .columns import DetectionColumns, GroundTruth, Record

Path = str | os.PathLike[str]


class Annotations:
    """Ground truth: a file, which the library reads itself, or the object that such a file holds."""

    def __init__(self, source: Path | dict[str, Any]) -> None:
        self.path = source if not isinstance(source, dict) else None
        self._dataset = source if isinstance(source, dict) else None

    @cached_property
    def dataset(self) -> dict[str, Any]:
        """The object that the file holds; read only where it is asked for."""
        if self._dataset is not None:
            return self._dataset
        assert self.path is not None
        with open(self.path, encoding="utf-8") as file:
            held: dict[str, Any] = json.load(file)
        return held

    @cached_property
    def imgs(self) -> dict[int, Any]:
        """Images by id."""
        return {image["id"]: image for image in self.dataset.get("images", [])}

    @cached_property
    def cats(self) -> dict[int, Any]:
        """Categories by id."""
        return {category["id"]: category for category in self.dataset.get("categories", [])}

    @cached_property
    def anns(self) -> dict[int, Any]:
        """Annotations by id."""
        return {annotation["id"]: annotation for annotation in self.dataset.get("annotations", [])}

    def source(self, with_masks: bool) -> GroundTruth | Path:
        """What the library is given."""
        return self.path if self.path is not None else GroundTruth.of(self.dataset, with_masks)


class Results:
    """Detections: a results file, which the library reads itself, records, or an array."""

    def __init__(self, source: Path | Sequence[Any] | NDArray[Any] | DetectionColumns) -> None:
        self.path: Path | None = None
        self.columns: DetectionColumns | None = None
        if isinstance(source, (str, os.PathLike)):
            self.path = source
        elif isinstance(source, DetectionColumns):
            self.columns = source
        elif isinstance(source, np.ndarray):
            # pycocotools' `loadNumpyAnnotations`: image, x, y, width, height, score, category.
            if source.ndim != 2 or source.shape[1] != 7:
                raise ValueError(f"an array of detections is [N, 7], not {list(source.shape)}")
            self.columns = DetectionColumns.of_arrays(source[:, 0], source[:, 6], source[:, 1:5], source[:, 5])
        else:
            self.columns = DetectionColumns.of(cast(Sequence[Record], source))

    @property
    def source(self) -> DetectionColumns | Path:
        """What the library is given."""
        return self.path if self.path is not None else self.columns or DetectionColumns.joined([])


def annotations_of(source: Any) -> Annotations:
    """Ground truth from a class of this module or of the reference, a path, or an object of JSON."""
    if isinstance(source, Annotations):
        return source
    if isinstance(getattr(source, "dataset", None), dict):
        return Annotations(source.dataset)
    return Annotations(source)


def results_of(source: Any) -> Results:
    """Results from a class of this module or of the reference, a path, records, or an array."""
    if isinstance(source, Results):
        return source
    if isinstance(getattr(source, "dataset", None), dict):
        return Results(source.dataset["annotations"])
    return Results(source)

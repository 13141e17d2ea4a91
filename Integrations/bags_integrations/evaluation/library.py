"""The library's functions: `Sources/CBagsEvaluation/include/bags_evaluation.h`."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import sys
from ctypes import POINTER, Structure, c_char, c_char_p, c_double, c_int32, c_int64, c_uint8, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .columns import DetectionColumns, GroundTruth, Masks

Floats = NDArray[np.float64]


class EvaluationError(ValueError):
    """What the library says is wrong with the data or the parameters."""


class _Masks(Structure):
    _fields_ = [
        ("bytes", POINTER(c_uint8)), ("starts", POINTER(c_int64)), ("sizes", POINTER(c_int64)),
        ("coordinates", POINTER(c_double)), ("polygon_ends", POINTER(c_int64)), ("polygon_starts", POINTER(c_int64))]


class _GroundTruth(Structure):
    _fields_ = [
        ("image_count", c_int64), ("image_ids", POINTER(c_int64)), ("image_heights", POINTER(c_int64)),
        ("image_widths", POINTER(c_int64)), ("negative_starts", POINTER(c_int64)), ("negative_ids", POINTER(c_int64)),
        ("not_exhaustive_starts", POINTER(c_int64)), ("not_exhaustive_ids", POINTER(c_int64)),
        ("category_count", c_int64), ("category_ids", POINTER(c_int64)), ("category_frequencies", c_char_p),
        ("object_count", c_int64), ("object_ids", POINTER(c_int64)), ("object_image_ids", POINTER(c_int64)),
        ("object_category_ids", POINTER(c_int64)), ("object_boxes", POINTER(c_double)),
        ("object_areas", POINTER(c_double)), ("object_flags", POINTER(c_uint8)), ("object_masks", _Masks)]


class _Detections(Structure):
    _fields_ = [
        ("count", c_int64), ("image_ids", POINTER(c_int64)), ("category_ids", POINTER(c_int64)),
        ("boxes", POINTER(c_double)), ("scores", POINTER(c_double)), ("masks", _Masks)]


class _Options(Structure):
    _fields_ = [
        ("iou_type", c_int32), ("rules", c_int32), ("max_detections", c_int64), ("threshold_count", c_int64),
        ("thresholds", POINTER(c_double)), ("area_count", c_int64), ("areas", POINTER(c_double)),
        ("image_count", c_int64), ("image_ids", POINTER(c_int64)), ("category_count", c_int64),
        ("category_ids", POINTER(c_int64))]


class _Sizes(Structure):
    _fields_ = [
        ("thresholds", c_int64), ("recalls", c_int64), ("categories", c_int64), ("areas", c_int64), ("limits", c_int64),
        ("metrics", c_int64)]


def _pointer(values: NDArray[Any] | None, kind: Any) -> Any:
    """A pointer into an array, which must outlive it."""
    return None if values is None else values.ctypes.data_as(POINTER(kind))


def _masks(masks: Masks | None) -> _Masks:
    if masks is None:
        return _Masks()
    return _Masks(
        _pointer(masks.bytes, c_uint8), _pointer(masks.starts, c_int64), _pointer(masks.sizes, c_int64),
        _pointer(masks.coordinates, c_double), _pointer(masks.polygon_ends, c_int64),
        _pointer(masks.polygon_starts, c_int64))


def _candidates() -> list[Path]:
    name = "libBagsEvaluation" + (".dylib" if sys.platform == "darwin" else ".so")
    folders = [Path(__file__).resolve().parents[3] / ".build" / "release"]
    if program := os.environ.get("BAGS") or shutil.which("bags"):
        folders.append(Path(program).resolve().parent)
    return [folder / name for folder in folders]


@functools.cache
def library() -> ctypes.CDLL:
    """The library, loaded once.

    Raises:
        EvaluationError: Where it is not found.
    """
    named = os.environ.get("BAGS_EVALUATION_LIBRARY")
    found = named or next((str(path) for path in _candidates() if path.exists()), None)
    if found is None:
        raise EvaluationError(
            "libBagsEvaluation is not found; `swift build -c release --product BagsEvaluation` makes it, and "
            "BAGS_EVALUATION_LIBRARY names it")
    loaded = ctypes.CDLL(found)
    loaded.bags_evaluation_create.restype = c_void_p
    loaded.bags_evaluation_create.argtypes = [
        POINTER(_GroundTruth), c_char_p, POINTER(_Options), POINTER(c_char), c_int64]
    loaded.bags_evaluation_sizes.restype = _Sizes
    loaded.bags_evaluation_sizes.argtypes = [c_void_p]
    loaded.bags_evaluation_ids.restype = c_int64
    loaded.bags_evaluation_ids.argtypes = [c_void_p, POINTER(c_int64), POINTER(c_char), POINTER(c_int64)]
    loaded.bags_evaluation_metric_names.restype = c_int64
    loaded.bags_evaluation_metric_names.argtypes = [c_void_p, POINTER(c_char), c_int64]
    loaded.bags_evaluation_score.restype = c_int32
    doubles = POINTER(c_double)
    loaded.bags_evaluation_score.argtypes = [
        c_void_p, POINTER(_Detections), c_char_p, doubles, doubles, doubles, doubles, POINTER(c_char), c_int64]
    loaded.bags_evaluation_destroy.restype = None
    loaded.bags_evaluation_destroy.argtypes = [c_void_p]
    return loaded


@dataclass
class Options:
    """How to score: what is not given is the benchmark's standard."""

    iou_type: str
    is_coco: bool
    #: LVIS's cap an image; negative for none.
    max_detections: int = 300
    iou_thresholds: Floats | None = None
    #: Lower and upper bounds, [A − 1, 2], without `all`.
    areas: Floats | None = None
    image_ids: NDArray[np.int64] | None = None
    category_ids: NDArray[np.int64] | None = None

    @property
    def is_standard(self) -> bool:
        """Whether thresholds, areas, images and categories are those of the benchmark and the data."""
        return all(
            values is None for values in (self.iou_thresholds, self.areas, self.image_ids, self.category_ids))


@dataclass
class Scores:
    """The numbers of a scoring; see the header."""

    metrics: dict[str, float]
    #: Precision, scores and recall have no cells where they are not wanted; scores may be left out by themselves.
    precision: Floats
    scores: Floats
    recall: Floats


class Evaluation:
    """Ground truth that the library holds."""

    def __init__(self, truth: GroundTruth | str | os.PathLike[str], options: Options) -> None:
        kinds = {"bbox": 0, "segm": 1, "boundary": 2}
        if options.iou_type not in kinds:
            raise ValueError(f"iou_type: {options.iou_type} is not supported; {', '.join(kinds)} are")
        self._handle: int | None = None
        self._library = library()

        def counted(values: NDArray[Any] | None) -> int:
            return 0 if values is None else len(values)

        thresholds = None if options.iou_thresholds is None else np.ascontiguousarray(options.iou_thresholds, np.float64)
        areas = None if options.areas is None else np.ascontiguousarray(options.areas, np.float64)
        settings = _Options(
            kinds[options.iou_type], int(options.is_coco), options.max_detections, counted(thresholds),
            _pointer(thresholds, c_double), counted(areas), _pointer(areas, c_double), counted(options.image_ids),
            _pointer(options.image_ids, c_int64), counted(options.category_ids),
            _pointer(options.category_ids, c_int64))
        message = ctypes.create_string_buffer(4096)
        if isinstance(truth, GroundTruth):
            columns = truth
            buffers = _GroundTruth(
                len(columns.image_ids), _pointer(columns.image_ids, c_int64), _pointer(columns.image_heights, c_int64),
                _pointer(columns.image_widths, c_int64), _pointer(columns.negative_starts, c_int64),
                _pointer(columns.negative_ids, c_int64), _pointer(columns.not_exhaustive_starts, c_int64),
                _pointer(columns.not_exhaustive_ids, c_int64), len(columns.category_ids),
                _pointer(columns.category_ids, c_int64), columns.category_frequencies, len(columns.object_ids),
                _pointer(columns.object_ids, c_int64), _pointer(columns.object_image_ids, c_int64),
                _pointer(columns.object_category_ids, c_int64), _pointer(columns.object_boxes, c_double),
                _pointer(columns.object_areas, c_double), _pointer(columns.object_flags, c_uint8),
                _masks(columns.object_masks))
            self._handle = self._library.bags_evaluation_create(
                ctypes.byref(buffers), None, ctypes.byref(settings), message, len(message))
        else:
            self._handle = self._library.bags_evaluation_create(
                None, os.fsencode(truth), ctypes.byref(settings), message, len(message))
        if not self._handle:
            raise EvaluationError(message.value.decode(errors="replace"))
        self._sizes = self._library.bags_evaluation_sizes(self._handle)
        room = self._library.bags_evaluation_metric_names(self._handle, None, 0)
        names = ctypes.create_string_buffer(room)
        self._library.bags_evaluation_metric_names(self._handle, names, room)
        self.metric_names = names.value.decode().split("\n")
        count = self._library.bags_evaluation_ids(self._handle, None, None, None)
        self.category_ids = np.empty(self._sizes.categories, np.int64)
        self.image_ids = np.empty(count, np.int64)
        frequencies = ctypes.create_string_buffer(int(self._sizes.categories) + 1)
        self._library.bags_evaluation_ids(
            self._handle, _pointer(self.category_ids, c_int64), frequencies, _pointer(self.image_ids, c_int64))
        self.category_frequencies = frequencies.raw[:-1]

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.bags_evaluation_destroy(self._handle)

    def score(
        self, detections: DetectionColumns | str | os.PathLike[str], arrays: bool = True, with_scores: bool = True
    ) -> Scores:
        """Scores detections, which the library reads itself where a file is named.

        Args:
            detections: Columns, or a results file.
            arrays: Whether precision, scores and recall are wanted beside the metrics.
            with_scores: Whether scores are among them.
        """
        sizes = self._sizes
        cells = (sizes.thresholds, sizes.recalls, sizes.categories, sizes.areas, sizes.limits) if arrays else (0,) * 5
        metrics = np.empty(sizes.metrics)
        precision, scores = np.empty(cells), np.empty(cells if with_scores else (0,) * 5)
        recall = np.empty((cells[0], *cells[2:]))
        wanted = [_pointer(values, c_double) if values.size else None for values in (precision, scores, recall)]
        message = ctypes.create_string_buffer(4096)
        buffers, path = None, None
        if isinstance(detections, DetectionColumns):
            buffers = ctypes.byref(_Detections(
                len(detections.scores), _pointer(detections.image_ids, c_int64),
                _pointer(detections.category_ids, c_int64), _pointer(detections.boxes, c_double),
                _pointer(detections.scores, c_double), _masks(detections.masks)))
        else:
            path = os.fsencode(detections)
        status = self._library.bags_evaluation_score(
            self._handle, buffers, path, _pointer(metrics, c_double), *wanted, message, len(message))
        if status != 0:
            raise EvaluationError(message.value.decode(errors="replace"))
        return Scores(dict(zip(self.metric_names, metrics.tolist())), precision, scores, recall)

"""What `COCOeval` and `LVISEval` share: parameters checked and turned into options, a scoring, and means of its cells."""

from __future__ import annotations

import datetime
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from .data import annotations_of, results_of
from .library import Evaluation, Options, Scores

Floats = NDArray[np.float64]
AREAS: list[list[float]] = [[0, 1e10], [0, 32**2], [32**2, 96**2], [96**2, 1e10]]
AREA_LABELS = ["all", "small", "medium", "large"]


def standard_thresholds() -> Floats:
    """Ten from .5 to .95."""
    return np.linspace(0.5, 0.95, 10)


def mean_of_known(values: Floats) -> float:
    """The mean of the cells that have objects; −1 where none has."""
    known = values[values > -1]
    return float(np.mean(known)) if len(known) else -1.0


def refuse_matches(name: str) -> NoReturn:
    """The references keep every match of every image, category and area as objects of Python, which here nothing makes."""
    raise AttributeError(
        f"{name} is not kept here: it holds every match. Precision, recall and scores of all cells are in eval; "
        "processes are joined by DetectionMetric.merge; where the matches themselves are needed, the reference's own "
        "class takes the same data")


class Accumulated(dict[str, Any]):
    """What `accumulate` leaves in `eval`; a key for matches says what to use instead."""

    def __missing__(self, key: str) -> NoReturn:
        if key == "dt_pointers":
            refuse_matches(key)
        raise KeyError(key)


class Evaluator:
    """A scoring by the rules of one of the references."""

    #: The names of the parameters that choose images, categories and areas.
    _names = ("img_ids", "cat_ids", "area_rng")

    def __init__(self, truth: Any, results: Any, iou_type: str, is_coco: bool, cap: int = 300) -> None:
        self._truth = annotations_of(truth)
        self._results = results_of(results)
        self._is_coco, self._cap, self._iou_type = is_coco, cap, iou_type
        self._whole = Evaluation(self._truth.source(iou_type != "bbox"), Options(iou_type, is_coco, cap))
        self._ids: tuple[list[int], list[int]] = (self._whole.image_ids.tolist(), self._whole.category_ids.tolist())
        self._scores: Scores | None = None
        self._is_standard = False
        self._frequencies = ""
        self._accumulated: tuple[Any, ...] = ()
        self.eval: dict[str, Any] = {}

    def _score(
        self, iou_type: str, image_ids: list[int], category_ids: list[int], thresholds: Floats,
        areas: list[list[float]], labels: list[str]
    ) -> None:
        options = Options(iou_type, self._is_coco, self._cap)
        chosen = [sorted(set(image_ids)), sorted(set(category_ids))]
        images, categories, ranges = self._names
        if any(whole and not own for own, whole in zip(chosen, self._ids)):
            raise ValueError(f"params.{images} or params.{categories} is empty: nothing is chosen")
        if list(map(float, areas[0])) != [0.0, 1e10] or len(areas) < 2:
            raise ValueError(f"params.{ranges} begins with all areas, [0, 1e10], and has another range behind it")
        if chosen[0] != self._ids[0]:
            options.image_ids = np.array(chosen[0], np.int64)
        if chosen[1] != self._ids[1]:
            options.category_ids = np.array(chosen[1], np.int64)
        if not np.array_equal(thresholds, standard_thresholds()):
            options.iou_thresholds = np.asarray(thresholds, np.float64)
        if not np.array_equal(np.asarray(areas[1:], np.float64), np.asarray(AREAS[1:], np.float64)):
            options.areas = np.asarray(areas[1:], np.float64)
        evaluation = (
            self._whole if options.is_standard and iou_type == self._iou_type
            else Evaluation(self._truth.source(iou_type != "bbox"), options))
        scores = evaluation.score(self._results.source, with_scores=self._is_coco)
        self._scores, self._frequencies = scores, evaluation.category_frequencies.decode()
        self._is_standard = options.is_standard and list(labels) == AREA_LABELS

    def _accumulate(self, params: Any, **arrays: Floats) -> None:
        """Fills `eval` with arrays that are not to be written to, so that metrics of the library stay theirs."""
        for values in arrays.values():
            values.flags.writeable = False
        self.eval = Accumulated(
            params=params, counts=list(arrays["precision"].shape),
            date=datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S"), **arrays)
        self._accumulated = (self.eval, arrays["precision"], arrays["recall"])

    def _metric(self, name: str, labels: list[str]) -> float | None:
        """What the library says of a metric, equal to the mean of the cells up to rounding; `None` where parameters are not
        the benchmark's, or `eval` is no longer what `accumulate` left."""
        own = (self.eval, self.eval.get("precision"), self.eval.get("recall"))
        is_own = len(self._accumulated) == 3 and all(a is b for a, b in zip(own, self._accumulated))
        if self._scores is None or not is_own or not self._is_standard or list(labels) != AREA_LABELS:
            return None
        return self._scores.metrics.get(name)

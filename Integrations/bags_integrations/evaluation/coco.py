"""pycocotools' interface."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .data import Annotations, Results, annotations_of, results_of
from .library import Evaluation, Options

Floats = NDArray[np.float64]


class COCO(Annotations):
    """Ground truth, as pycocotools' `COCO`."""

    def loadRes(self, resFile: Any) -> Results:
        """Detections: a results file, records, an array [N, 7] of image, x, y, width, height, score and category."""
        return Results(resFile)

    def getImgIds(self) -> list[int]:
        return list(self.imgs)

    def getCatIds(self) -> list[int]:
        return list(self.cats)

    def loadCats(self, ids: list[int]) -> list[Any]:
        return [self.cats[identifier] for identifier in ids]

    def loadImgs(self, ids: list[int]) -> list[Any]:
        return [self.imgs[identifier] for identifier in ids]


class Params:
    """What pycocotools' `Params` holds."""

    def __init__(self, iouType: str) -> None:
        self.imgIds: list[int] = []
        self.catIds: list[int] = []
        self.iouThrs = np.linspace(0.5, 0.95, 10)
        self.recThrs = np.linspace(0.0, 1.0, 101)
        self.maxDets = [1, 10, 100]
        self.areaRng: list[list[float]] = [[0, 1e10], [0, 32**2], [32**2, 96**2], [96**2, 1e10]]
        self.areaRngLbl = ["all", "small", "medium", "large"]
        self.useCats = 1
        self.iouType = iouType


class COCOeval:
    """pycocotools' `COCOeval`: `evaluate`, `accumulate`, `summarize`; `params`, `eval`, `stats`.

    Not there are `evalImgs` and `ious`, which hold every match. `params.maxDets`, `recThrs` and `useCats` stay as they
    are.
    """

    def __init__(self, cocoGt: Any = None, cocoDt: Any = None, iouType: str = "segm") -> None:
        if iouType not in ("bbox", "segm"):
            raise ValueError(f"iouType {iouType} is not supported")
        self._iou_type = iouType
        self.cocoGt = annotations_of(cocoGt)
        self.cocoDt = results_of(cocoDt)
        self.params = Params(iouType)
        self._whole = Evaluation(self.cocoGt.source(iouType != "bbox"), Options(iouType, True))
        self.params.imgIds = self._whole.image_ids.tolist()
        self.params.catIds = self._whole.category_ids.tolist()
        self._ids = (list(self.params.imgIds), list(self.params.catIds))
        self.eval: dict[str, Any] = {}
        self.stats: Floats = np.empty(0)
        self._scores: Any = None

    def evaluate(self) -> None:
        """Matches and accumulates; `accumulate` shows the result."""
        params = self.params
        if not params.useCats or list(params.maxDets) != [1, 10, 100] or len(params.recThrs) != 101:
            raise ValueError("useCats, maxDets and recThrs are as the benchmark has them")
        options = Options(params.iouType, True)
        chosen = [sorted(set(params.imgIds)), sorted(set(params.catIds))]
        if any(whole and not own for own, whole in zip(chosen, self._ids)):
            raise ValueError("params.imgIds or params.catIds is empty: nothing is chosen")
        if list(map(float, params.areaRng[0])) != [0.0, 1e10] or len(params.areaRng) < 2:
            raise ValueError("params.areaRng begins with all areas, [0, 1e10], and has another range behind it")
        if chosen[0] != self._ids[0]:
            options.image_ids = np.array(chosen[0], np.int64)
        if chosen[1] != self._ids[1]:
            options.category_ids = np.array(chosen[1], np.int64)
        standard = Params(params.iouType)
        if not np.array_equal(params.iouThrs, standard.iouThrs):
            options.iou_thresholds = np.asarray(params.iouThrs, np.float64)
        if params.areaRng[1:] != standard.areaRng[1:]:
            options.areas = np.asarray(params.areaRng[1:], np.float64)
        evaluation = (
            self._whole if options.is_standard and params.iouType == self._iou_type
            else Evaluation(self.cocoGt.source(params.iouType != "bbox"), options))
        self._scores = evaluation.score(self.cocoDt.source)

    def accumulate(self, p: Any = None) -> None:
        if self._scores is None:
            raise RuntimeError("Please run evaluate() first")
        precision = self._scores.precision
        self.eval = {
            "params": self.params, "counts": list(precision.shape),
            "date": datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S"), "precision": precision,
            "recall": self._scores.recall, "scores": self._scores.scores}

    def _summarize(self, ap: bool, iouThr: float | None = None, areaRng: str = "all", maxDets: int = 100) -> float:
        params = self.params
        area = params.areaRngLbl.index(areaRng)
        limit = params.maxDets.index(maxDets)
        values: Floats = self.eval["precision"] if ap else self.eval["recall"]
        if iouThr is not None:
            values = values[np.where(iouThr == params.iouThrs)[0]]
        values = values[..., area, limit]
        known = values[values > -1]
        mean = float(np.mean(known)) if len(known) else -1.0
        title, kind = ("Average Precision", "(AP)") if ap else ("Average Recall", "(AR)")
        iou = f"{params.iouThrs[0]:0.2f}:{params.iouThrs[-1]:0.2f}" if iouThr is None else f"{iouThr:0.2f}"
        print(f" {title:<18} {kind} @[ IoU={iou:<9} | area={areaRng:>6s} | maxDets={maxDets:>3d} ] = {mean:0.3f}")
        return mean

    def summarize(self) -> None:
        """Prints the twelve metrics in pycocotools' words, and puts them into `stats`."""
        if not self.eval:
            raise RuntimeError("Please run accumulate() first")
        areas = ["small", "medium", "large"]
        self.stats = np.array(
            [self._summarize(True), self._summarize(True, iouThr=0.5), self._summarize(True, iouThr=0.75)]
            + [self._summarize(True, areaRng=area) for area in areas]
            + [self._summarize(False, maxDets=limit) for limit in self.params.maxDets]
            + [self._summarize(False, areaRng=area) for area in areas])

"""pycocotools' interface."""

from __future__ import annotations

from typing import Any

import numpy as np

from .data import Annotations, Results
from .evaluator import AREA_LABELS, AREAS, Evaluator, Floats, mean_of_known, refuse_matches, standard_thresholds


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
        self.iouThrs = standard_thresholds()
        self.recThrs = np.linspace(0.0, 1.0, 101)
        self.maxDets = [1, 10, 100]
        self.areaRng: list[list[float]] = [list(bounds) for bounds in AREAS]
        self.areaRngLbl = list(AREA_LABELS)
        self.useCats = 1
        self.iouType = iouType


class COCOeval(Evaluator):
    """pycocotools' `COCOeval`: `evaluate`, `accumulate`, `summarize`; `params`, `eval`, `stats`.

    Not there are `evalImgs` and `ious`, which hold every match. `params.maxDets`, `recThrs` and `useCats` stay as they
    are.
    """

    _names = ("imgIds", "catIds", "areaRng")

    def __init__(self, cocoGt: Any = None, cocoDt: Any = None, iouType: str = "segm") -> None:
        if iouType not in ("bbox", "segm"):
            raise ValueError(f"iouType {iouType} is not supported")
        super().__init__(cocoGt, cocoDt, iouType, True)
        self.cocoGt, self.cocoDt = self._truth, self._results
        self.params = Params(iouType)
        self.params.imgIds, self.params.catIds = (list(ids) for ids in self._ids)
        self.stats: Floats = np.empty(0)

    @property
    def evalImgs(self) -> Any:
        refuse_matches("evalImgs")

    @property
    def ious(self) -> Any:
        refuse_matches("ious")

    def evaluate(self) -> None:
        """Matches and accumulates; `accumulate` shows the result."""
        params = self.params
        if not params.useCats or list(params.maxDets) != [1, 10, 100] or len(params.recThrs) != 101:
            raise ValueError("useCats, maxDets and recThrs are as the benchmark has them")
        self._score(
            params.iouType, params.imgIds, params.catIds, params.iouThrs, params.areaRng, params.areaRngLbl)

    def accumulate(self, p: Any = None) -> None:
        if self._scores is None:
            raise RuntimeError("Please run evaluate() first")
        scores = self._scores
        self._accumulate(self.params, precision=scores.precision, recall=scores.recall, scores=scores.scores)

    def _summarize(self, ap: bool, iouThr: float | None = None, areaRng: str = "all", maxDets: int = 100) -> float:
        params = self.params
        name = "AP" if ap else "AR"
        name += "" if areaRng == "all" else areaRng[0]
        name += f"{100 * iouThr:.0f}" if iouThr is not None else "" if ap else f"@{maxDets}"
        mean = self._metric(name, params.areaRngLbl)
        if mean is None:
            values: Floats = self.eval["precision"] if ap else self.eval["recall"]
            if iouThr is not None:
                values = values[np.where(iouThr == params.iouThrs)[0]]
            mean = mean_of_known(values[..., params.areaRngLbl.index(areaRng), params.maxDets.index(maxDets)])
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

"""lvis-api's interface."""

from __future__ import annotations

import datetime
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .data import Annotations, Results, annotations_of, results_of
from .library import Evaluation, Options

Floats = NDArray[np.float64]


class LVIS(Annotations):
    """Ground truth, as lvis-api's `LVIS`."""

    def get_img_ids(self) -> list[int]:
        return list(self.imgs)

    def get_cat_ids(self) -> list[int]:
        return list(self.cats)

    def load_cats(self, ids: list[int] | None) -> list[Any]:
        return list(self.cats.values()) if ids is None else [self.cats[identifier] for identifier in ids]

    def load_imgs(self, ids: list[int] | None) -> list[Any]:
        return list(self.imgs.values()) if ids is None else [self.imgs[identifier] for identifier in ids]


class LVISResults(Results):
    """Detections, as lvis-api's `LVISResults`.

    Args:
        lvis_gt: The ground truth; only looked at by the reference.
        results: A results file, records, an array [N, 7] of image, x, y, width, height, score and category, or columns.
        max_dets: The detections that an image may have over all classes; −1 for any number.
    """

    def __init__(self, lvis_gt: Any, results: Any, max_dets: int = 300) -> None:
        super().__init__(results)
        self.max_dets = max_dets


class Params:
    """What lvis-api's `Params` holds."""

    def __init__(self, iou_type: str) -> None:
        self.img_ids: list[int] = []
        self.cat_ids: list[int] = []
        self.iou_thrs = np.linspace(0.5, 0.95, 10)
        self.rec_thrs = np.linspace(0.0, 1.0, 101)
        self.max_dets = 300
        self.area_rng: list[list[float]] = [[0, 1e10], [0, 32**2], [32**2, 96**2], [96**2, 1e10]]
        self.area_rng_lbl = ["all", "small", "medium", "large"]
        self.use_cats = 1
        self.img_count_lbl = ["r", "c", "f"]
        self.iou_type = iou_type


class LVISEval:
    """lvis-api's `LVISEval`: `evaluate`, `accumulate`, `summarize`, `run`, `print_results`, `get_results`; `params`,
    `eval`, `results`, `freq_groups`.

    Not there are `eval_imgs` and `eval["dt_pointers"]`, which hold every match. `params.rec_thrs` and `params.use_cats`
    stay as they are.
    """

    def __init__(self, lvis_gt: Any, lvis_dt: Any, iou_type: str = "segm") -> None:
        if iou_type not in ("bbox", "segm", "boundary"):
            raise ValueError(f"iou_type: {iou_type} is not supported.")
        self._iou_type = iou_type
        self.lvis_gt = annotations_of(lvis_gt)
        self.lvis_dt = results_of(lvis_dt)
        self.params = Params(iou_type)
        #: lvis-api caps where results are loaded, whatever `params.max_dets` says in the names of metrics.
        self._cap = int(getattr(lvis_dt, "max_dets", self.params.max_dets))
        if self.lvis_dt is not lvis_dt and hasattr(lvis_dt, "dataset"):
            self._cap = -1
        self._whole = Evaluation(self.lvis_gt.source(iou_type != "bbox"), Options(iou_type, False, self._cap))
        self.params.img_ids = self._whole.image_ids.tolist()
        self.params.cat_ids = self._whole.category_ids.tolist()
        self._ids = (list(self.params.img_ids), list(self.params.cat_ids))
        self.eval: dict[str, Any] = {}
        self.results: OrderedDict[str, float] = OrderedDict()
        self.freq_groups: list[list[int]] = []
        self._scores: Any = None

    def evaluate(self) -> None:
        """Matches and accumulates; `accumulate` shows the result."""
        params = self.params
        if not params.use_cats or len(params.rec_thrs) != 101:
            raise ValueError("use_cats and rec_thrs are as the benchmark has them")
        options = Options(params.iou_type, False, self._cap)
        chosen = [sorted(set(params.img_ids)), sorted(set(params.cat_ids))]
        if any(whole and not own for own, whole in zip(chosen, self._ids)):
            raise ValueError("params.img_ids or params.cat_ids is empty: nothing is chosen")
        if list(map(float, params.area_rng[0])) != [0.0, 1e10] or len(params.area_rng) < 2:
            raise ValueError("params.area_rng begins with all areas, [0, 1e10], and has another range behind it")
        if chosen[0] != self._ids[0]:
            options.image_ids = np.array(chosen[0], np.int64)
        if chosen[1] != self._ids[1]:
            options.category_ids = np.array(chosen[1], np.int64)
        standard = Params(params.iou_type)
        if not np.array_equal(params.iou_thrs, standard.iou_thrs):
            options.iou_thresholds = np.asarray(params.iou_thrs, np.float64)
        if params.area_rng[1:] != standard.area_rng[1:]:
            options.areas = np.asarray(params.area_rng[1:], np.float64)
        evaluation = (
            self._whole if options.is_standard and params.iou_type == self._iou_type
            else Evaluation(self.lvis_gt.source(params.iou_type != "bbox"), options))
        self._scores = evaluation.score(self.lvis_dt.source)
        frequencies = evaluation.category_frequencies.decode()
        self.freq_groups = [
            [place for place, own in enumerate(frequencies) if own == label] for label in params.img_count_lbl]

    def accumulate(self) -> None:
        if self._scores is None:
            raise RuntimeError("Please run evaluate() first.")
        precision = self._scores.precision[..., 0]
        self.eval = {
            "params": self.params, "counts": list(precision.shape),
            "date": datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S"), "precision": precision,
            "recall": self._scores.recall[..., 0]}

    def _summarize(
        self, kind: str, iou_thr: float | None = None, area_rng: str = "all", freq_group_idx: int | None = None
    ) -> float:
        area = [place for place, label in enumerate(self.params.area_rng_lbl) if label == area_rng]
        values: Floats = self.eval["precision"] if kind == "ap" else self.eval["recall"]
        if iou_thr is not None:
            values = values[np.where(iou_thr == self.params.iou_thrs)[0]]
        if kind == "ap" and freq_group_idx is not None:
            values = values[:, :, self.freq_groups[freq_group_idx]][..., area]
        else:
            values = values[..., area]
        known = values[values > -1]
        return float(np.mean(known)) if len(known) else -1.0

    def summarize(self) -> None:
        """The metrics, in `results`."""
        if not self.eval:
            raise RuntimeError("Please run accumulate() first.")
        results = self.results
        results["AP"] = self._summarize("ap")
        results["AP50"] = self._summarize("ap", iou_thr=0.50)
        results["AP75"] = self._summarize("ap", iou_thr=0.75)
        for area in ("small", "medium", "large"):
            results["AP" + area[0]] = self._summarize("ap", area_rng=area)
        for place, label in enumerate(self.params.img_count_lbl):
            results["AP" + label] = self._summarize("ap", freq_group_idx=place)
        results[f"AR@{self.params.max_dets}"] = self._summarize("ar")
        for area in ("small", "medium", "large"):
            results[f"AR{area[0]}@{self.params.max_dets}"] = self._summarize("ar", area_rng=area)

    def run(self) -> None:
        self.evaluate()
        self.accumulate()
        self.summarize()

    def get_results(self) -> OrderedDict[str, float]:
        return self.results

    def print_results(self) -> None:
        """Prints the metrics in lvis-api's words."""
        params = self.params
        for key, value in self.results.items():
            name = key.split("@")[0]
            title, kind = ("Average Precision", "(AP)") if "AP" in name else ("Average Recall", "(AR)")
            iou = f"{float(name[2:]) / 100:.2f}" if name[2:].isdigit() else f"{params.iou_thrs[0]:.2f}:{params.iou_thrs[-1]:.2f}"
            group = name[2] if len(name) > 2 and name[2] in "rcf" else "all"
            area = name[2] if len(name) > 2 and name[2] in "sml" else "all"
            print(
                f" {title:<18} {kind} @[ IoU={iou:<9} | area={area:>6s} | maxDets={params.max_dets:>3d} "
                f"catIds={group:>3s}] = {value:0.3f}")

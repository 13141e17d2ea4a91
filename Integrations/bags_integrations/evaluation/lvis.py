"""lvis-api's interface."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from .data import Annotations, Results
from .evaluator import AREA_LABELS, AREAS, Evaluator, Floats, mean_of_known, refuse_matches, standard_thresholds


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
        self.iou_thrs = standard_thresholds()
        self.rec_thrs = np.linspace(0.0, 1.0, 101)
        self.max_dets = 300
        self.area_rng: list[list[float]] = [list(bounds) for bounds in AREAS]
        self.area_rng_lbl = list(AREA_LABELS)
        self.use_cats = 1
        self.img_count_lbl = ["r", "c", "f"]
        self.iou_type = iou_type


class LVISEval(Evaluator):
    """lvis-api's `LVISEval`: `evaluate`, `accumulate`, `summarize`, `run`, `print_results`, `get_results`; `params`,
    `eval`, `results`, `freq_groups`.

    Not there are `eval_imgs`, `ious` and `eval["dt_pointers"]`, which hold every match. `params.rec_thrs` and
    `params.use_cats` stay as they are.
    """

    def __init__(self, lvis_gt: Any, lvis_dt: Any, iou_type: str = "segm") -> None:
        if iou_type not in ("bbox", "segm", "boundary"):
            raise ValueError(f"iou_type: {iou_type} is not supported.")
        self.params = Params(iou_type)
        # lvis-api caps where results are loaded, whatever `params.max_dets` says in the names of metrics.
        is_reference = not isinstance(lvis_dt, Results) and hasattr(lvis_dt, "dataset")
        cap = -1 if is_reference else int(getattr(lvis_dt, "max_dets", self.params.max_dets))
        super().__init__(lvis_gt, lvis_dt, iou_type, False, cap)
        self.lvis_gt, self.lvis_dt = self._truth, self._results
        self.params.img_ids, self.params.cat_ids = (list(ids) for ids in self._ids)
        self.results: OrderedDict[str, float] = OrderedDict()
        self.freq_groups: list[list[int]] = []
        self._own_freq_groups: list[list[int]] = []

    @property
    def eval_imgs(self) -> Any:
        refuse_matches("eval_imgs")

    @property
    def ious(self) -> Any:
        refuse_matches("ious")

    def evaluate(self) -> None:
        """Matches and accumulates; `accumulate` shows the result."""
        params = self.params
        if not params.use_cats or len(params.rec_thrs) != 101:
            raise ValueError("use_cats and rec_thrs are as the benchmark has them")
        self._score(
            params.iou_type, params.img_ids, params.cat_ids, params.iou_thrs, params.area_rng, params.area_rng_lbl)
        self.freq_groups = [
            [place for place, own in enumerate(self._frequencies) if own == label] for label in params.img_count_lbl]
        self._own_freq_groups = [list(group) for group in self.freq_groups]

    def accumulate(self) -> None:
        if self._scores is None:
            raise RuntimeError("Please run evaluate() first.")
        self._accumulate(
            self.params, precision=self._scores.precision[..., 0], recall=self._scores.recall[..., 0])

    def _summarize(
        self, kind: str, iou_thr: float | None = None, area_rng: str = "all", freq_group_idx: int | None = None
    ) -> float:
        name = "AP" if kind == "ap" else "AR"
        name += "" if area_rng == "all" else area_rng[0]
        name += f"{100 * iou_thr:.0f}" if iou_thr is not None else ""
        name += self.params.img_count_lbl[freq_group_idx] if freq_group_idx is not None else ""
        own = self._metric(name if kind == "ap" else f"{name}@{self._cap}", self.params.area_rng_lbl)
        if own is not None and (
                freq_group_idx is None
                or self.params.img_count_lbl == ["r", "c", "f"] and self.freq_groups == self._own_freq_groups):
            return own
        area = [place for place, label in enumerate(self.params.area_rng_lbl) if label == area_rng]
        values: Floats = self.eval["precision"] if kind == "ap" else self.eval["recall"]
        if iou_thr is not None:
            values = values[np.where(iou_thr == self.params.iou_thrs)[0]]
        if kind == "ap" and freq_group_idx is not None:
            values = values[:, :, self.freq_groups[freq_group_idx]][..., area]
        else:
            values = values[..., area]
        return mean_of_known(values)

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

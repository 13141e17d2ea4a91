"""A metric that takes detections as they come, after the fashion of torchmetrics."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .columns import DetectionColumns
from .data import annotations_of
from .library import Evaluation, Options


def _array(values: Any) -> NDArray[Any]:
    """An array from an array, a list or a tensor, wherever that lies."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.asarray(values)


class DetectionMetric:
    """AP by LVIS's or COCO's rules of boxes that are added batch after batch.

    What was added goes into `state`, arrays that processes exchange: `merge` adds another's, in any order of processes,
    as equal scores alone could tell it.

        metric = DetectionMetric("lvis_v1_val.json")
        for images, boxes, scores, labels in loader:
            metric.update(images, labels, boxes, scores)
        gathered = [None] * world_size
        torch.distributed.all_gather_object(gathered, metric.state)
        whole = DetectionMetric("lvis_v1_val.json").merge(*gathered)
        print(whole.compute()["APr"])
    """

    def __init__(self, annotations: Any, rules: str = "lvis", max_dets: int = 300) -> None:
        """
        Args:
            annotations: A file, an object of JSON, or a class of this module, of lvis-api or pycocotools.
            rules: `lvis` or `coco`.
            max_dets: LVIS's cap an image; −1 for none.
        """
        if rules not in ("lvis", "coco"):
            raise ValueError(f"rules: {rules} are not known; lvis and coco are")
        self._evaluation = Evaluation(
            annotations_of(annotations).source(False), Options("bbox", rules == "coco", max_dets))
        self._parts: list[DetectionColumns] = []

    def update(
        self, image_ids: ArrayLike | Any, category_ids: ArrayLike | Any, boxes: ArrayLike | Any, scores: ArrayLike | Any,
        corners: bool = False,
    ) -> None:
        """Adds N detections.

        Args:
            image_ids: [N], or one id for all.
            category_ids: [N].
            boxes: [N, 4], x, y, width and height in pixels of the image.
            scores: [N].
            corners: Whether boxes are x1, y1, x2, y2 instead.
        """
        rectangles = _array(boxes).astype(np.float64).reshape(-1, 4)
        if corners:
            rectangles = np.concatenate([rectangles[:, :2], rectangles[:, 2:] - rectangles[:, :2]], 1)
        images = np.broadcast_to(_array(image_ids), (len(rectangles),)) if _array(image_ids).ndim == 0 else _array(image_ids)
        self._parts.append(
            DetectionColumns.of_arrays(images, _array(category_ids), rectangles, _array(scores)))

    @property
    def state(self) -> dict[str, NDArray[Any]]:
        """All that was added, as arrays to be sent or kept."""
        columns = DetectionColumns.joined(self._parts)
        assert columns.boxes is not None
        return {
            "image_ids": columns.image_ids, "category_ids": columns.category_ids, "boxes": columns.boxes,
            "scores": columns.scores}

    def merge(self, *others: DetectionMetric | dict[str, NDArray[Any]]) -> DetectionMetric:
        """Adds what others were given; returns this metric."""
        for other in others:
            state = other.state if isinstance(other, DetectionMetric) else other
            self._parts.append(
                DetectionColumns.of_arrays(
                    state["image_ids"], state["category_ids"], state["boxes"], state["scores"]))
        return self

    def compute(self) -> dict[str, float]:
        """The metrics by name, from 0 to 1; −1 where there is no object to measure one by."""
        return self._evaluation.score(DetectionColumns.joined(self._parts), arrays=False).metrics

    def reset(self) -> None:
        """Forgets what was added."""
        self._parts = []

"""mmdetection where mmcv's compiled operators are not at hand: PyPI has none for current versions of torch.

mmcv-lite is mmcv without them. Of all of them a Faster R-CNN calls one on the CPU, `nms`, since RoIAlign can be
torchvision's (`use_torchvision=True`); here it is torchvision's as well. All else is the real mmdetection.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import torchvision
from torch import Tensor


def _nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    if offset != 0:
        raise NotImplementedError("boxes with the +1 of mmdetection 1")
    return torchvision.ops.nms(boxes, scores, iou_threshold)


class _Operators(ModuleType):
    nms = staticmethod(_nms)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*_: Any, **__: Any) -> None:
            raise NotImplementedError(f"mmcv's operator {name} is not at hand")

        return missing


def install() -> None:
    """Puts the operators where mmcv looks for them; before the first import of mmdet."""
    operators = _Operators("mmcv._ext")
    sys.modules["mmcv._ext"] = operators
    import mmcv

    mmcv._ext = operators

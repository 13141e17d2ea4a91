"""Golden values of dense detectors' anchors, assignment, deltas and detections, from the frameworks themselves.

    python Tests/Scripts/anchors.py Tests/TestSupport/Golden/anchors

torchvision answers by its own classes; mmdetection 3 by its own, with mmcv-lite and the operators that
Integrations/tests/mmcv_operators.py puts in place. Random images, one of whose sizes is no multiple of the strides.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "Integrations" / "tests"))
import mmcv_operators  # noqa: E402


def install() -> None:
    for name in ("install", "provide", "register"):
        if hasattr(mmcv_operators, name):
            getattr(mmcv_operators, name)()


LEVELS = {"even": [[12, 16], [6, 8], [3, 4]], "odd": [[13, 17], [7, 9], [4, 5]]}
SIZES = {"even": (96, 128), "odd": (97, 131)}
STRIDES = [8, 16, 32]


def objects(size: tuple[int, int], count: int, generator: torch.Generator) -> torch.Tensor:
    """`count` boxes inside an image, of sides of 4 to 80 pixels."""
    height, width = size
    side = 4 + 76 * torch.rand(count, 2, generator=generator) ** 2
    x = torch.rand(count, generator=generator) * (width - side[:, 0]).clamp(min=0)
    y = torch.rand(count, generator=generator) * (height - side[:, 1]).clamp(min=0)
    boxes = torch.stack([x, y, x + side[:, 0], y + side[:, 1]], dim=1)
    boxes[:, 0::2].clamp_(0, width)
    boxes[:, 1::2].clamp_(0, height)
    return boxes


def torchvision_cases() -> list[dict]:
    from torchvision.models.detection._utils import BoxCoder, Matcher
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.image_list import ImageList
    from torchvision.ops import box_iou

    sizes = ((16, 20.16, 25.4), (32, 40.3, 50.8), (64, 80.6, 101.6))
    ratios = (0.5, 1.0, 2.0)
    generator = torch.Generator().manual_seed(1)
    cases = []
    for name, levels in LEVELS.items():
        # The padded batch: the finest map times its stride.
        padded = (levels[0][0] * STRIDES[0], levels[0][1] * STRIDES[0])
        maps = [torch.zeros(1, 4, *shape) for shape in levels]
        anchors = AnchorGenerator(sizes, (ratios,) * 3)(ImageList(torch.zeros(1, 3, *padded), [SIZES[name]]), maps)[0]
        boxes = objects(SIZES[name], 7, generator)
        # Two objects side by side on one anchor's best, so that low-quality matches meet.
        boxes = torch.cat([boxes, boxes[:1] + torch.tensor([[1.0, 0, 1, 0]])])
        matched = Matcher(0.5, 0.4, allow_low_quality_matches=True)(box_iou(boxes, anchors))
        coder = BoxCoder((1.0, 1.0, 1.0, 1.0))
        targets = coder.encode_single(boxes[matched.clamp(min=0)], anchors)
        deltas = torch.randn(len(anchors), 4, generator=generator) * 2
        deltas[:3, 2] = 9.0  # beyond the clamp
        decoded = coder.decode_single(deltas, anchors)
        cases.append(case("torchvision", name, levels, sizes, ratios, anchors, boxes, matched, targets, deltas, decoded))
    return cases


def mmdetection_cases() -> list[dict]:
    install()
    from mmdet.models.task_modules.assigners.max_iou_assigner import MaxIoUAssigner
    from mmdet.models.task_modules.coders.delta_xywh_bbox_coder import DeltaXYWHBBoxCoder
    from mmdet.models.task_modules.prior_generators.anchor_generator import AnchorGenerator
    from mmengine.structures import InstanceData

    ratios = (0.5, 1.0, 2.0)
    generator = torch.Generator().manual_seed(2)
    sizes = [[4 * stride * 2 ** (i / 3) for i in range(3)] for stride in STRIDES]
    cases = []
    for name, levels in LEVELS.items():
        made = AnchorGenerator(strides=STRIDES, ratios=list(ratios), octave_base_scale=4, scales_per_octave=3)
        anchors = torch.cat(made.grid_priors([tuple(shape) for shape in levels], device="cpu"))
        height, width = SIZES[name]
        # The image is smaller than its batch by a stride of 32 in width, so that some locations are padding.
        size = (height, width - 40)
        pad = tuple((side + 31) // 32 * 32 for side in size)
        valid = torch.cat(made.valid_flags([tuple(shape) for shape in levels], pad, device="cpu"))
        boxes = objects(size, 7, generator)
        boxes = torch.cat([boxes, boxes[:1] + torch.tensor([[1.0, 0, 1, 0]])])
        result = MaxIoUAssigner(0.5, 0.4, min_pos_iou=0, ignore_iof_thr=-1).assign(
            InstanceData(priors=anchors[valid]), InstanceData(bboxes=boxes, labels=torch.arange(len(boxes))))
        # -1 ignored, 0 background, i + 1 an object: as torchvision's marks, -2, -1, i.
        matched = torch.full((len(anchors),), -2)
        matched[valid] = torch.where(result.gt_inds > 0, result.gt_inds - 1, -1 - (result.gt_inds < 0).long())
        coder = DeltaXYWHBBoxCoder()
        targets = coder.encode(anchors, boxes[matched.clamp(min=0)])
        deltas = torch.randn(len(anchors), 4, generator=generator) * 2
        deltas[:3, 2] = 9.0
        deltas[3:6, 3] = -9.0
        decoded = coder.decode(anchors, deltas)
        one = case("mmdetection", name, levels, sizes, ratios, anchors, boxes, matched, targets, deltas, decoded)
        one["image_size"] = list(size)
        cases.append(one)
    return cases


def case(framework, name, levels, sizes, ratios, anchors, boxes, matched, targets, deltas, decoded) -> dict:
    # Every seventh anchor's numbers are kept, to keep the file small; of the assignment all.
    kept = slice(None, None, 7)
    return {
        "framework": framework, "name": name, "levels": levels, "strides": STRIDES,
        "sizes": [list(level) for level in sizes], "ratios": list(ratios), "image_size": list(SIZES[name]),
        "objects": boxes.tolist(), "anchor_count": len(anchors), "step": 7, "anchors": anchors[kept].tolist(),
        "assigned": matched.tolist(), "targets": targets[kept].tolist(), "deltas": deltas[kept].tolist(),
        "decoded": decoded[kept].tolist(),
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(torchvision_cases() + mmdetection_cases(), separators=(",", ":"))
    (folder / "anchors.json").write_text(text + "\n")
    print(f"{folder / 'anchors.json'}: {len(text):,} bytes")

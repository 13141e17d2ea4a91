"""Golden values of RetinaNet's branches from torchvision itself: losses, and the gradient of every weight, in double precision.

    python Tests/Scripts/dense_branches.py Tests/TestSupport/Golden/dense_branches

Small heads of torchvision's own classes, with the GroupNorm and the GIoU of version 2 and with the biases and the L1 of version
1, on random maps of two levels; torchvision's own anchors and matcher assign the objects.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torchvision.models.detection._utils import Matcher
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.ops import box_iou

CHANNELS, CLASSES, STRIDES = 4, 3, (8, 16)
LEVELS, SIZE = ((5, 6), (3, 3)), (40, 48)
SIZES, RATIOS = ((14.0, 20.0), (28.0, 40.0)), (1.0,)


def case(name: str, norm: bool, seed: int) -> dict:
    torch.manual_seed(seed)
    head = RetinaNetHead(CHANNELS, 2, CLASSES, norm_layer=partial(nn.GroupNorm, 2) if norm else None).double()
    for key, parameter in head.named_parameters():
        # Large enough that every layer matters, and no norm as it starts.
        nn.init.normal_(parameter, mean=1.0 if key.endswith("1.weight") else 0.0, std=0.25)
    # As float32 files hold them.
    head.load_state_dict({key: value.float().double() for key, value in head.state_dict().items()})
    head.regression_head._loss_type = "giou" if norm else "l1"
    maps = [torch.randn(2, CHANNELS, *shape).float().double() for shape in LEVELS]
    images = ImageList(torch.zeros(2, 3, *SIZE), [SIZE] * 2)
    anchors = AnchorGenerator(SIZES, (RATIOS,) * 2)(images, [level.float() for level in maps])
    targets, matched = [], []
    for image in range(2):
        side = torch.randint(12, 30, (4,)).double()
        x, y = torch.rand(2, 4).double() * 18
        boxes = torch.stack([x, y, x + side, y + side], dim=1).float().double()
        targets.append({"boxes": boxes, "labels": torch.randint(0, CLASSES, (4,))})
        matcher = Matcher(0.5, 0.4, allow_low_quality_matches=True)
        matched.append(matcher(box_iou(boxes.float(), anchors[image])))
    losses = head.compute_loss(targets, head(maps), [own.double() for own in anchors], matched)
    sum(losses.values()).backward()

    def listed(tensor: torch.Tensor) -> list[float]:
        return tensor.detach().flatten().tolist()

    return {
        "name": name,
        "norm_groups": 2 if norm else 0,
        "box_loss": "giou" if norm else "l1",
        "levels": LEVELS,
        "strides": STRIDES,
        "sizes": SIZES,
        "image_size": SIZE,
        # By location: [M, C] of each image.
        "maps": [[value for level in maps for value in listed(level[image].flatten(1).T)] for image in range(2)],
        "objects": [
            [[*box, label] for box, label in zip(target["boxes"].tolist(), target["labels"].tolist(), strict=True)]
            for target in targets
        ],
        "losses": {key: value.item() for key, value in losses.items()},
        "shapes": {f"head.{key}": list(value.shape) for key, value in head.named_parameters()},
        "values": {f"head.{key}": listed(value) for key, value in head.named_parameters()},
        "gradients": {f"head.{key}": listed(value.grad) for key, value in head.named_parameters()},
    }


def rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list | tuple) else value


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, norm, seed in (("v1", False, 1), ("v2", True, 2)):
        (folder / f"{name}.json").write_text(json.dumps(rounded(case(name, norm, seed))) + "\n")

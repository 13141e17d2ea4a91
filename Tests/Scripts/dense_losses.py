"""Golden values of dense detectors' classification losses: the loss and the gradients of the last convolution, from the
frameworks themselves, with the divisor of each.

    python Tests/Scripts/dense_losses.py Tests/TestSupport/Golden/anchors

torchvision's RetinaNet head and mmdetection's answer with their own assignment, losses and divisors; GHM-C is mmdetection's
class on all anchors of the batch together, twice, so that its running counts matter. Three images, one of them without
objects.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent))
from anchors import install, objects  # noqa: E402

LEVELS, STRIDES, SIZE = [[6, 8], [3, 4]], [8, 16], (48, 64)
SIZES = ((16.0, 24.0), (32.0, 48.0))
CHANNELS, CLASSES, ANCHORS = 3, 4, 2


def inputs(seed: int) -> dict:
    generator = torch.Generator().manual_seed(seed)
    maps = [[torch.randn(CHANNELS, *shape, generator=generator) for shape in LEVELS] for _ in range(3)]
    boxes = [objects(SIZE, count, generator) for count in (4, 2, 0)]
    labels = [torch.randint(CLASSES, (len(own),), generator=generator) for own in boxes]
    weight = 0.3 * torch.randn(ANCHORS * CLASSES, CHANNELS, 3, 3, generator=generator)
    bias = 0.5 * torch.randn(ANCHORS * CLASSES, generator=generator) - 1
    return {"maps": maps, "boxes": boxes, "labels": labels, "weight": weight.requires_grad_(), "bias": bias.requires_grad_()}


def level_logits(data: dict) -> list[torch.Tensor]:
    """Of every level [images, A · K, H, W]."""
    return [
        F.conv2d(torch.stack([image[level] for image in data["maps"]]), data["weight"], data["bias"], padding=1)
        for level in range(len(LEVELS))
    ]


def flattened(levels: list[torch.Tensor]) -> torch.Tensor:
    """[images, anchors, K] in the order of both frameworks."""
    rows = [level.permute(0, 2, 3, 1).reshape(level.shape[0], -1, CLASSES) for level in levels]
    return torch.cat(rows, dim=1)


def answer(data: dict, losses: list[torch.Tensor], **names) -> dict:
    steps = []
    for loss in losses:
        weight, bias = torch.autograd.grad(loss, (data["weight"], data["bias"]), retain_graph=True)
        steps.append({"loss": loss.item(), "weight": weight.flatten().tolist(), "bias": bias.tolist()})
    return {
        **names, "levels": LEVELS, "strides": STRIDES, "sizes": [list(own) for own in SIZES], "image_size": list(SIZE),
        # A row a location, image after image, level after level.
        "features": torch.cat(
            [level.permute(1, 2, 0).reshape(-1, CHANNELS) for image in data["maps"] for level in image]).flatten().tolist(),
        "objects": [own.tolist() for own in data["boxes"]], "labels": [own.tolist() for own in data["labels"]],
        "head_weight": data["weight"].detach().flatten().tolist(), "head_bias": data["bias"].detach().tolist(),
        "steps": steps,
    }


def torchvision_cases() -> list[dict]:
    from torchvision.models.detection._utils import Matcher
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.image_list import ImageList
    from torchvision.models.detection.retinanet import RetinaNetClassificationHead
    from torchvision.ops import box_iou

    data = inputs(11)
    images = ImageList(torch.zeros(3, 3, *SIZE), [SIZE] * 3)
    anchors = AnchorGenerator(SIZES, ((1.0,),) * 2)(images, [torch.zeros(3, 1, *shape) for shape in LEVELS])
    matcher = Matcher(0.5, 0.4, allow_low_quality_matches=True)
    matched = [
        matcher(box_iou(boxes, own)) if len(boxes) else torch.full((len(own),), -1)
        for boxes, own in zip(data["boxes"], anchors)
    ]
    head = RetinaNetClassificationHead(CHANNELS, ANCHORS, CLASSES)
    loss = head.compute_loss(
        [{"labels": labels} for labels in data["labels"]], {"cls_logits": flattened(level_logits(data))}, matched)
    return [answer(data, [loss], framework="torchvision", method="focal", parameters={}, normalizer="per-image")]


def mmdetection_cases() -> list[dict]:
    install()
    from mmdet.models.dense_heads import RetinaHead
    from mmdet.models.losses import GHMC
    from mmengine.config import ConfigDict
    from mmengine.structures import InstanceData

    losses = {
        "focal": ({}, {"type": "FocalLoss", "use_sigmoid": True, "gamma": 2.0, "alpha": 0.25}),
        "balanced-bce": (
            {"alpha": "0.25"}, {"type": "FocalLoss", "use_sigmoid": True, "gamma": 0.0, "alpha": 0.25}),
        "bce": ({}, {"type": "CrossEntropyLoss", "use_sigmoid": True}),
    }

    def head(loss: dict) -> RetinaHead:
        return RetinaHead(
            num_classes=CLASSES, in_channels=CHANNELS, stacked_convs=1, feat_channels=CHANNELS,
            anchor_generator={
                "type": "AnchorGenerator", "strides": STRIDES, "ratios": [1.0], "scales": [2.0, 3.0]},
            loss_cls={**loss, "loss_weight": 1.0},
            train_cfg=ConfigDict(
                assigner={
                    "type": "MaxIoUAssigner", "pos_iou_thr": 0.5, "neg_iou_thr": 0.4, "min_pos_iou": 0, "ignore_iof_thr": -1},
                sampler={"type": "PseudoSampler"}, allowed_border=-1, pos_weight=-1, debug=False))

    metas = [{"img_shape": SIZE, "pad_shape": SIZE}] * 3
    cases = []
    for seed, (name, (parameters, loss)) in enumerate(losses.items()):
        data = inputs(21 + seed)
        made = head(loss)
        instances = [InstanceData(bboxes=boxes, labels=labels) for boxes, labels in zip(data["boxes"], data["labels"])]
        logits = level_logits(data)
        zeros = [torch.zeros(3, 4 * ANCHORS, *shape) for shape in LEVELS]
        result = made.loss_by_feat(logits, zeros, instances, metas)["loss_cls"]
        cases.append(
            answer(
                data, [sum(result)], framework="mmdetection", method=name, parameters=parameters,
                normalizer="image-positives"))
    data = inputs(31)
    made = head(losses["focal"][1])
    instances = [InstanceData(bboxes=boxes, labels=labels) for boxes, labels in zip(data["boxes"], data["labels"])]
    priors, flags = made.get_anchors([tuple(shape) for shape in LEVELS], metas, device="cpu")
    labels, weights = made.get_targets(priors, flags, instances, metas)[:2]
    logits = flattened(level_logits(data)).reshape(-1, CLASSES)
    target = torch.cat(labels, dim=1).reshape(-1)
    weight = torch.cat(weights, dim=1).reshape(-1)
    ghm = GHMC(bins=30, momentum=0.75)
    cases.append(
        answer(
            data, [ghm(logits, target, weight) for _ in range(2)], framework="mmdetection", method="ghm",
            parameters={}, normalizer="positives"))
    return cases


if __name__ == "__main__":
    path = Path(sys.argv[1]) / "losses.json"
    text = json.dumps(torchvision_cases() + mmdetection_cases(), separators=(",", ":"))
    path.write_text(text + "\n")
    print(f"{path}: {len(text):,} bytes")

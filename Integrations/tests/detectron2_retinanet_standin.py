"""A stand-in for detectron2's RetinaNet, which PyPI does not have: its modules' names, arguments and order of work, as
`meta_arch/retinanet.py`, `dense_detector.py`, `anchor_generator.py` and `postprocessing.py` of 0.6 have them. It is no copy of
detectron2 and proves nothing about detectron2 itself beyond that interface.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.ops import batched_nms


class AnchorGenerator(nn.Module):
    """`DefaultAnchorGenerator`: sizes outside ratios, exact."""

    def __init__(self, sizes: list[list[float]], ratios: list[float], strides: list[int]) -> None:
        super().__init__()
        self.strides, self.offset = strides, 0.0
        cells = []
        for level in sizes:
            boxes = []
            for size in level:
                for ratio in ratios:
                    width = math.sqrt(size * size / ratio)
                    height = ratio * width
                    boxes.append([-width / 2, -height / 2, width / 2, height / 2])
            cells.append(torch.tensor(boxes))
        self.cell_anchors = cells

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        found = []
        for cells, stride, level in zip(self.cell_anchors, self.strides, maps, strict=True):
            height, width = level.shape[-2:]
            y, x = torch.meshgrid(torch.arange(height) * stride, torch.arange(width) * stride, indexing="ij")
            shifts = torch.stack([x, y, x, y], -1).reshape(-1, 1, 4)
            found.append((shifts + cells).reshape(-1, 4))
        return found


class Head(nn.Module):
    """`RetinaNetHead`."""

    def __init__(self, channels: int, classes: int, anchors: int, convolutions: int) -> None:
        super().__init__()
        branches: list[list[nn.Module]] = [[], []]
        for branch in branches:
            for _ in range(convolutions):
                branch += [nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU()]
        self.cls_subnet, self.bbox_subnet = nn.Sequential(*branches[0]), nn.Sequential(*branches[1])
        self.cls_score = nn.Conv2d(channels, anchors * classes, 3, padding=1)
        self.bbox_pred = nn.Conv2d(channels, anchors * 4, 3, padding=1)

    def forward(self, maps: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        logits = [self.cls_score(self.cls_subnet(level)) for level in maps]
        return logits, [self.bbox_pred(self.bbox_subnet(level)) for level in maps]


class RetinaNet(nn.Module):
    """`RetinaNet`, as far as inference goes."""

    def __init__(self, classes: int, weights: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)) -> None:
        super().__init__()
        sizes = [[size * 2 ** (octave / 3) for octave in range(3)] for size in (16, 32, 64)]
        self.num_classes = classes
        self.head_in_features = ["p3", "p4", "p5"]
        self.anchor_generator = AnchorGenerator(sizes, [0.5, 1.0, 2.0], [8, 16, 32])
        self.body = nn.Conv2d(3, 16, 7, stride=8, padding=3)
        self.head = Head(16, classes, 9, 2)
        self.box2box_transform = SimpleNamespace(weights=weights)
        self.test_score_thresh, self.test_topk_candidates = 0.05, 1000
        self.test_nms_thresh, self.max_detections_per_image = 0.5, 100

    def backbone(self, pixels: Tensor) -> dict[str, Tensor]:
        finest = self.body(pixels).relu()
        second = nn.functional.max_pool2d(finest, 3, 2, 1)
        return {"p3": finest, "p4": second, "p5": nn.functional.max_pool2d(second, 3, 2, 1)}

    def preprocess_image(self, inputs: list[dict[str, Any]]) -> Any:
        (image,) = (entry["image"] for entry in inputs)
        height, width = image.shape[-2:]
        padded = nn.functional.pad(image, (0, -width % 32, 0, -height % 32))
        return SimpleNamespace(tensor=padded[None], image_sizes=[(height, width)])

    def forward(self, inputs: list[dict[str, Any]]) -> list[dict[str, Tensor]]:
        images = self.preprocess_image(inputs)
        features = self.backbone(images.tensor)
        maps = [features[name] for name in self.head_in_features]
        logits, deltas = self.head(maps)
        found: list[tuple[Tensor, Tensor, Tensor]] = []
        for anchors, scores, delta in zip(self.anchor_generator(maps), logits, deltas, strict=True):
            scores = flat(scores, self.num_classes).sigmoid()
            places = (scores > self.test_score_thresh).nonzero()
            best = scores[places[:, 0], places[:, 1]].sort(descending=True)
            order = best.indices[: self.test_topk_candidates]
            rows, classes = places[order].unbind(1)
            found.append((self.decode(flat(delta, 4)[rows], anchors[rows]), best.values[: len(order)], classes))
        boxes, scores, classes = (torch.cat(parts) for parts in zip(*found, strict=True))
        kept = batched_nms(boxes, scores, classes, self.test_nms_thresh)[: self.max_detections_per_image]
        height, width = images.image_sizes[0]
        (given,) = inputs
        scale = boxes.new_tensor([given["width"] / width, given["height"] / height] * 2)
        limit = boxes.new_tensor([given["width"], given["height"]] * 2)
        placed = torch.minimum((boxes[kept] * scale).clamp(min=0), limit)
        full = ((placed[:, 2:] - placed[:, :2]) > 0).all(1)
        return [{"boxes": placed[full], "scores": scores[kept][full], "classes": classes[kept][full]}]

    def decode(self, deltas: Tensor, boxes: Tensor) -> Tensor:
        """`Box2BoxTransform.apply_deltas`."""
        size = boxes[:, 2:] - boxes[:, :2]
        centre = boxes[:, :2] + size / 2
        deltas = deltas / deltas.new_tensor(list(self.box2box_transform.weights))
        centre = centre + deltas[:, :2] * size
        size = deltas[:, 2:].clamp(max=math.log(1000 / 16)).exp() * size
        return torch.cat([centre - size / 2, centre + size / 2], 1)


def flat(level: Tensor, width: int) -> Tensor:
    """[1, A · width, H, W] as [H · W · A, width]."""
    _, channels, height, columns = level.shape
    return level.view(channels // width, width, height, columns).permute(2, 3, 0, 1).reshape(-1, width)

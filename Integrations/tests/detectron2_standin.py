"""A stand-in for detectron2, which PyPI does not have: the few classes that `detectron2_detector` meets, with the
names, arguments and conventions of detectron2 0.6, around a torchvision detector. It is no copy of detectron2 and
proves nothing about detectron2 itself beyond that interface.
"""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection._utils import BoxCoder
from torchvision.ops import batched_nms, clip_boxes_to_image


class Boxes:
    """`detectron2.structures.Boxes`."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __len__(self) -> int:
        return len(self.tensor)


class Proposals(SimpleNamespace):
    """`detectron2.structures.Instances` with `proposal_boxes` and `image_size`."""

    def __len__(self) -> int:
        return len(self.proposal_boxes)


class FastRCNNOutputLayers(nn.Module):
    """`detectron2.modeling.roi_heads.fast_rcnn.FastRCNNOutputLayers`: background last, no deltas for it."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.num_classes = classes
        self.cls_score = nn.Linear(features, classes + 1)
        self.bbox_pred = nn.Linear(features, 4 * classes)
        self.box2box_transform = SimpleNamespace(weights=(10.0, 10.0, 5.0, 5.0))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = torch.flatten(x, start_dim=1)
        return self.cls_score(x), self.bbox_pred(x)

    def predict_boxes(self, predictions: tuple[Tensor, Tensor], proposals: list[Proposals]) -> tuple[Tensor, ...]:
        boxes = [proposal.proposal_boxes.tensor for proposal in proposals]
        decoded = BoxCoder(self.box2box_transform.weights).decode(predictions[1], boxes)
        return decoded.split([len(proposal) for proposal in proposals])

    def predict_probs(self, predictions: tuple[Tensor, Tensor], proposals: list[Proposals]) -> tuple[Tensor, ...]:
        return predictions[0].softmax(-1).split([len(proposal) for proposal in proposals])

    def inference(self, predictions: tuple[Tensor, Tensor], proposals: list[Proposals]) -> list[dict[str, Tensor]]:
        found = []
        boxes, probabilities = self.predict_boxes(predictions, proposals), self.predict_probs(predictions, proposals)
        for box, scores, proposal in zip(boxes, probabilities, proposals, strict=True):
            scores = scores[:, :-1]
            rows, classes = torch.nonzero(scores > 0.001, as_tuple=True)
            clipped = clip_boxes_to_image(box, proposal.image_size)[rows, classes]
            kept = batched_nms(clipped, scores[rows, classes], classes, 0.5)[:100]
            found.append({"boxes": clipped[kept], "scores": scores[rows, classes][kept], "classes": classes[kept]})
        return found


class BoxHead(nn.Sequential):
    """`FastRCNNConvFCHead` of two fully connected layers."""

    def __init__(self, head: Any) -> None:
        super().__init__()
        self.add_module("flatten", nn.Flatten())
        for name, layer in (("fc1", head.fc6), ("fc2", head.fc7)):
            self.add_module(name, layer)
            self.add_module(f"{name[:2]}_relu{name[2:]}", nn.ReLU())


class Model(nn.Module):
    """`GeneralizedRCNN` with `StandardROIHeads`, as far as features, proposals and inference go."""

    def __init__(self, detector: FasterRCNN) -> None:
        super().__init__()
        own = detector.roi_heads.box_predictor
        classes = len(own.cls_score.weight) - 1
        layers = FastRCNNOutputLayers(own.cls_score.in_features, classes)
        with torch.no_grad():
            layers.cls_score.weight.copy_(own.cls_score.weight.roll(-1, 0))
            layers.cls_score.bias.copy_(own.cls_score.bias.roll(-1, 0))
            layers.bbox_pred.weight.copy_(own.bbox_pred.weight[4:])
            layers.bbox_pred.bias.copy_(own.bbox_pred.bias[4:])
        self.detector = detector
        self.backbone = lambda pixels: {"p3": detector.backbone(pixels)}
        heads: Any = nn.Module()
        heads.box_predictor = layers
        heads.box_head = BoxHead(detector.roi_heads.box_head)
        heads.box_in_features = ["p3"]
        heads.box_pooler = self._pool
        self.roi_heads = heads

    def preprocess_image(self, inputs: list[dict[str, Any]]) -> Any:
        images, _ = self.detector.transform([image["image"] for image in inputs])
        return SimpleNamespace(tensor=images.tensors, image_sizes=images.image_sizes, list=images)

    def proposal_generator(self, images: Any, maps: dict[str, Tensor], targets: None) -> tuple[list[Proposals], dict]:
        boxes, _ = self.detector.rpn(images.list, {"0": maps["p3"]})
        self.image_sizes = images.image_sizes
        return [Proposals(proposal_boxes=Boxes(boxes[0]), image_size=images.image_sizes[0])], {}

    def _pool(self, maps: list[Tensor], boxes: list[Boxes]) -> Tensor:
        return self.detector.roi_heads.box_roi_pool({"0": maps[0]}, [boxes[0].tensor], self.image_sizes)

    def forward(self, inputs: list[dict[str, Any]]) -> list[dict[str, Tensor]]:
        images = self.preprocess_image(inputs)
        maps = self.backbone(images.tensor)
        proposals, _ = self.proposal_generator(images, maps, None)
        heads: Any = self.roi_heads
        pooled = heads.box_pooler([maps["p3"]], [proposals[0].proposal_boxes])
        layers = heads.box_predictor
        (found,) = layers.inference(layers(heads.box_head(pooled)), proposals)
        height, width = images.image_sizes[0]
        scale = torch.tensor([inputs[0]["width"] / width, inputs[0]["height"] / height] * 2)
        return [{**found, "boxes": found["boxes"] * scale}]


def install() -> None:
    """Puts the stand-in where `import detectron2` looks."""
    structures = ModuleType("detectron2.structures")
    structures.Boxes = Boxes  # type: ignore[attr-defined]
    fast_rcnn = ModuleType("detectron2.modeling.roi_heads.fast_rcnn")
    fast_rcnn.FastRCNNOutputLayers = FastRCNNOutputLayers  # type: ignore[attr-defined]
    sys.modules["detectron2.structures"] = structures
    sys.modules["detectron2.modeling.roi_heads.fast_rcnn"] = fast_rcnn
    for name in ("detectron2", "detectron2.modeling", "detectron2.modeling.roi_heads"):
        sys.modules[name] = ModuleType(name)

"""The real torchvision's RetinaNet: feature maps out, dense heads in; against `bags predict`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from compare import Found, assert_same, read_results
from conftest import Shapes, bags
from make_shapes import CATEGORY_IDS as IDS
from make_shapes import load_image
from torch import Tensor, nn
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.models.resnet import BasicBlock, ResNet
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from bags_integrations import torchvision_detector as tv


def make(labels: int, norm: bool) -> RetinaNet:
    """A small RetinaNet with anchors of its own; its weights are drawn, the last layer's large enough to tell apart."""
    torch.manual_seed(3)
    body = ResNet(BasicBlock, [1, 1, 1, 1])
    backbone = BackboneWithFPN(body, {"layer2": "0", "layer3": "1"}, [128, 256], 16, extra_blocks=LastLevelMaxPool())
    anchors = AnchorGenerator(((16, 20.16, 25.4), (32, 40.3, 50.8), (64, 80.6, 101.6)), ((0.5, 1.0),) * 3)
    head = RetinaNetHead(16, 6, labels, norm_layer=partial(nn.GroupNorm, 4) if norm else None)
    # A size that the detector resizes to, and pads.
    detector = RetinaNet(backbone, labels, min_size=150, max_size=190, anchor_generator=anchors, head=head)
    nn.init.normal_(head.classification_head.cls_logits.weight, std=0.3)
    nn.init.normal_(head.regression_head.bbox_reg.weight, std=0.05)
    detector.score_thresh = 0.05
    return detector.eval()


def loader(shapes: Shapes) -> Callable[[int], Tensor]:
    return lambda image_id: load_image(shapes.folder / "images" / f"{image_id}.png")


def detect(detector: RetinaNet, shapes: Shapes, labels: list[int | None]) -> dict[int, Found]:
    found = {}
    for image_id in shapes.val.image_ids:
        with torch.inference_mode():
            (result,) = detector([loader(shapes)(image_id)])
        ids = [labels[label] for label in result["labels"].tolist()]
        found[image_id] = Found(result["boxes"], result["scores"], torch.tensor(ids))
    return found


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("unused", [0, 1])
def test_out_and_in(norm: bool, unused: int, shapes: Shapes, tmp_path: Path) -> None:
    detector = make(len(IDS) + unused, norm)
    if unused:
        # Label 0 is no category; it must not be found.
        nn.init.constant_(detector.head.classification_head.cls_logits.bias.view(6, -1)[:, 0], -50.0)
    labels = [None] * unused + list(IDS)
    assert tv.export_features(detector, loader(shapes), tmp_path / "val", IDS, shapes.val) == len(shapes.val.image_ids)
    # There is nothing left to do.
    assert tv.export_features(detector, loader(shapes), tmp_path / "val", IDS, shapes.val) == 0
    tv.export_head(detector, tmp_path / "own.safetensors", IDS)
    options = ["--features", tmp_path / "val", "--annotations", shapes.folder / "val.json", "--score-threshold", 0.05]
    bags("predict", tmp_path / "own.safetensors", *options, "--output", tmp_path / "own.json")
    assert_same(detect(detector, shapes, labels), read_results(tmp_path / "own.json"))

    bags(
        *("train", "--features", tmp_path / "val", "--annotations", shapes.folder / "val.json"),
        *("--init", tmp_path / "own.safetensors", "--method", "focal", "--epochs", 2, "--learning-rate", 0.01),
        *("--output", tmp_path / "focal"),
    )
    bags("predict", tmp_path / "focal", *options, "--output", tmp_path / "focal.json")
    tv.install_head(detector, tmp_path / "focal", IDS)
    assert_same(detect(detector, shapes, labels), read_results(tmp_path / "focal.json"))


@pytest.mark.parametrize("norm", [False, True])
def test_branches_out_and_in(norm: bool, shapes: Shapes, tmp_path: Path) -> None:
    detector = make(len(IDS), norm)
    # Large enough that every layer of the branches matters.
    for name, parameter in detector.head.named_parameters():
        if ".conv." in name and parameter.dim() == 4:
            nn.init.normal_(parameter, std=0.1)
    tv.export_features(detector, loader(shapes), tmp_path / "val", IDS, shapes.val, tower=4)
    tv.export_head(detector, tmp_path / "own.safetensors", IDS)
    options = ["--features", tmp_path / "val", "--annotations", shapes.folder / "val.json", "--score-threshold", 0.05]
    own = detect(detector, shapes, list(IDS))
    bags("predict", tmp_path / "own.safetensors", *options, "--output", tmp_path / "own.json")
    assert_same(own, read_results(tmp_path / "own.json"))
    # The same boxes from the regression branch as from the set's deltas.
    bags(
        *("predict", tmp_path / "own.safetensors", *options, "--box-head", tmp_path / "own.safetensors"),
        *("--output", tmp_path / "boxes.json"),
    )
    assert_same(own, read_results(tmp_path / "boxes.json"))

    bags(
        *("train", "--features", tmp_path / "val", "--annotations", shapes.folder / "val.json"),
        *("--init", tmp_path / "own.safetensors", "--method", "focal", "--epochs", 2, "--learning-rate", 0.01),
        *("--box-loss", "giou", "--output", tmp_path / "focal"),
    )
    bags("predict", tmp_path / "focal", *options, "--output", tmp_path / "focal.json")
    before = {key: value.clone() for key, value in detector.head.state_dict().items()}
    tv.install_head(detector, tmp_path / "focal", IDS)
    assert all(not torch.equal(value, before[key]) for key, value in detector.head.state_dict().items())
    assert_same(detect(detector, shapes, list(IDS)), read_results(tmp_path / "focal.json"))
    # A detector with other branches does not take it.
    with pytest.raises(ValueError, match="conv"):
        tv.install_head(make(len(IDS), not norm), tmp_path / "focal", IDS)


def test_a_grouped_head_scores_by_itself(shapes: Shapes, tmp_path: Path) -> None:
    detector = make(len(IDS), False)
    tv.export_features(detector, loader(shapes), tmp_path / "val", IDS, shapes.val)
    tv.export_head(detector, tmp_path / "own.safetensors", IDS)
    bags(
        *("train", "--features", tmp_path / "val", "--annotations", shapes.folder / "val.json", "--method", "bags"),
        *("--init", tmp_path / "own.safetensors", "--epochs", 2, "--groups", "5", "--output", tmp_path / "bags"),
    )
    options = ["--features", tmp_path / "val", "--annotations", shapes.folder / "val.json", "--score-threshold", 1e-3]
    bags("predict", tmp_path / "bags", *options, "--output", tmp_path / "bags.json")
    detector.score_thresh = 1e-3
    tv.install_head(detector, tmp_path / "bags", IDS)
    assert_same(detect(detector, shapes, list(IDS)), read_results(tmp_path / "bags.json"))


def test_what_does_not_fit_is_refused(shapes: Shapes, tmp_path: Path) -> None:
    detector = make(len(IDS), False)
    with pytest.raises(ValueError, match="tower"):
        tv.export_features(detector, loader(shapes), tmp_path / "a", IDS, shapes.val, tower=2)
    with pytest.raises(TypeError, match="add_ground_truth"):
        tv.export_features(detector, loader(shapes), tmp_path / "a", IDS, shapes.val, add_ground_truth=True)
    with pytest.raises(ValueError, match="category ids"):
        tv.export_head(detector, tmp_path / "h.safetensors", list(IDS)[:-2])
    with pytest.raises(ValueError, match="training mode"):
        tv.export_features(detector.train(), loader(shapes), tmp_path / "a", IDS, shapes.val)

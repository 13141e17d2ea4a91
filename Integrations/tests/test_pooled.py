"""Pooled maps [N, C, 7, 7] of each framework: with the fully connected layers below the classifier `bags predict` finds what
the detector finds, and `bags train --hidden` trains them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import detectron2_standin
import make_shapes
import pytest
import torch
from compare import assert_same, read_results
from conftest import Shapes, bags
from safetensors.torch import load_file
from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_320_fpn

detectron2_standin.install()
import test_mmdetection as mmdet  # noqa: E402

from bags_integrations import detectron2_detector as d2  # noqa: E402
from bags_integrations import mmdetection_detector as mm  # noqa: E402
from bags_integrations import torchvision_detector as tv  # noqa: E402

IDS = make_shapes.CATEGORY_IDS
#: The module, the detector, what loads or runs an image, its detections, and what `bags predict` needs besides.
Made = tuple[Any, Any, Callable[[int], Any], Callable[[], Any], Sequence[object]]


def torchvision_model(shapes: Shapes) -> Made:
    import test_torchvision as tests

    detector = make_shapes.load_detector(shapes.folder / "detector.pt")
    detector.roi_heads.score_thresh = 0.001
    return tv, detector, tests.loader(shapes), lambda: tests.detect(detector, shapes), ["--min-box-size", 0.01]


def mmdetection_model(shapes: Shapes) -> Made:
    model = mmdet.make_model()
    options = ["--box-coder", "mmdetection2"]
    return mm, model, lambda i: mmdet.run_on(model, shapes, i), lambda: mmdet.detect(model, shapes), options


def detectron2_model(shapes: Shapes) -> Made:
    import test_detectron2 as tests

    model = detectron2_standin.Model(make_shapes.load_detector(shapes.folder / "detector.pt")).eval()
    return d2, model, tests.loader(shapes), lambda: tests.detect(model, shapes), []


@pytest.mark.parametrize("make", [torchvision_model, mmdetection_model, detectron2_model])
def test_pooled_maps_out(make: Any, shapes: Shapes, tmp_path: Path) -> None:
    module, model, load, detect, more = make(shapes)
    module.export_features(model, load, tmp_path / "val", IDS, shapes.val, pooled=True, dtype=torch.float32)
    found = load_file(tmp_path / "val" / "shard-00000.safetensors")
    assert found["features"].dim() == 4 and found["features"].shape[2] == found["features"].shape[3] > 1
    module.export_head(model, tmp_path / "own.safetensors", IDS, pooled=True)
    own = load_file(tmp_path / "own.safetensors")
    assert own["shared_fcs.0.weight"].shape[1] == found["features"][0].numel() and "fc_reg.weight" not in own
    options = ["--features", tmp_path / "val", "--annotations", shapes.folder / "val.json"]
    settings = ["--score-threshold", 0.001, "--nms-iou", 0.5, "--max-detections", 100]
    bags("predict", tmp_path / "own.safetensors", *options, *settings, *more, "--output", tmp_path / "own.json")
    assert assert_same(detect(), read_results(tmp_path / "own.json")) > 100
    assert " pooled maps of " in bags("check", shapes.folder / "val.json", "--features", tmp_path / "val")

    hidden = ",".join(str(own[f"shared_fcs.{place}.weight"].shape[0]) for place in range(2))
    bags(
        *("train", *options, "--init", tmp_path / "own.safetensors", "--method", "softmax", "--hidden", hidden),
        *("--epochs", 3, "--learning-rate", 0.001, "--adversary", "occlusion", "--occluder-channels", 4),
        *("--output", tmp_path / "run"),
    )
    trained = load_file(tmp_path / "run" / "head.safetensors")
    assert not torch.equal(trained["shared_fcs.0.weight"], own["shared_fcs.0.weight"])


def test_what_has_no_pooled_maps_is_refused(shapes: Shapes, tmp_path: Path) -> None:
    cascade = mmdet.make_model(stages=3)
    with pytest.raises(ValueError, match="for each stage"):
        mm.export_features(cascade, lambda i: mmdet.run_on(cascade, shapes, i), tmp_path / "a", IDS, shapes.val, pooled=True)
    with pytest.raises(ValueError, match="fully connected layers alone"):
        mm.export_head(cascade, tmp_path / "h.safetensors", IDS, pooled=True)
    # Version 2 of torchvision's detectors has convolutions in its box head.
    from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead

    detector = fasterrcnn_mobilenet_v3_large_320_fpn(weights=None, weights_backbone=None, num_classes=len(IDS) + 1)
    detector.roi_heads.box_head = FastRCNNConvFCHead((256, 7, 7), [256], [1024])
    with pytest.raises(ValueError, match="fully connected layers alone"):
        tv.export_head(detector.eval(), tmp_path / "h.safetensors", IDS, pooled=True)

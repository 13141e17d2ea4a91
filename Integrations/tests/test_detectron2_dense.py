"""detectron2's RetinaNet, by a stand-in with its interface: feature maps out, dense heads in; against `bags predict`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import detectron2_standin
import pytest
import torch
from compare import Found, assert_same, read_results
from conftest import Shapes, bags
from detectron2_retinanet_standin import RetinaNet
from make_shapes import CATEGORY_IDS as IDS
from make_shapes import load_image
from safetensors.torch import load_file
from torch import nn

detectron2_standin.install()

from bags_integrations import detectron2_detector as d2  # noqa: E402


def make(classes: int, weights: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)) -> RetinaNet:
    """Its weights are drawn, those of the last layers large enough to tell apart."""
    torch.manual_seed(3)
    model = RetinaNet(classes, weights)
    nn.init.normal_(model.body.weight, std=0.15)
    for layer in (*model.head.cls_subnet, *model.head.bbox_subnet):
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=0.12)
    nn.init.normal_(model.head.cls_score.weight, std=0.2)
    nn.init.normal_(model.head.bbox_pred.weight, std=0.05)
    return model.eval()


def loader(shapes: Shapes) -> Callable[[int], dict[str, Any]]:
    """An image made larger, by other factors in width and height, with the size of the original."""

    def load(image_id: int) -> dict[str, Any]:
        image = load_image(shapes.folder / "images" / f"{image_id}.png")
        height, width = image.shape[1:]
        larger = nn.functional.interpolate(image[None], (round(1.3 * height), round(1.1 * width)), mode="bilinear")[0]
        return {"image": larger, "height": height, "width": width}

    return load


def detect(model: RetinaNet, shapes: Shapes, ids: list[int | None]) -> dict[int, Found]:
    found = {}
    for image_id in shapes.val.image_ids:
        with torch.inference_mode():
            (result,) = model([loader(shapes)(image_id)])
        labels = torch.tensor([ids[label] for label in result["classes"].tolist()])
        found[image_id] = Found(result["boxes"], result["scores"], labels)
    return found


def export(model: RetinaNet, shapes: Shapes, folder: Path, ids: Any = IDS) -> list[object]:
    """The set of the validation images and the head; the options by which `bags predict` does what the model does."""
    assert d2.export_features(model, loader(shapes), folder / "val", ids, shapes.val) == len(shapes.val.image_ids)
    d2.export_head(model, folder / "own.safetensors", ids)
    size = ["--score-threshold", model.test_score_thresh, "--max-detections", 100]
    return ["--features", folder / "val", "--annotations", shapes.folder / "val.json", *size]


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0, 1.0), (2.0, 2.0, 4.0, 4.0)])
def test_out_and_in(weights: tuple[float, float, float, float], shapes: Shapes, tmp_path: Path) -> None:
    model = make(len(IDS), weights)
    options = export(model, shapes, tmp_path)
    bags("predict", tmp_path / "own.safetensors", *options, "--output", tmp_path / "own.json")
    own = detect(model, shapes, list(IDS))
    assert assert_same(own, read_results(tmp_path / "own.json")) > 100

    bags(
        *("train", "--features", tmp_path / "val", "--annotations", shapes.folder / "val.json"),
        *("--init", tmp_path / "own.safetensors", "--method", "focal", "--epochs", 2, "--learning-rate", 0.01),
        *("--output", tmp_path / "focal"),
    )
    bags("predict", tmp_path / "focal", *options, "--output", tmp_path / "focal.json")
    d2.install_head(model, tmp_path / "focal", IDS)
    focal = detect(model, shapes, list(IDS))
    assert_same(focal, read_results(tmp_path / "focal.json"))
    assert any(not torch.equal(focal[image].scores, own[image].scores) for image in own)


def test_a_grouped_head_scores_by_itself(shapes: Shapes, tmp_path: Path) -> None:
    model = make(len(IDS))
    options = export(model, shapes, tmp_path)
    bags(
        *("train", "--features", tmp_path / "val", "--annotations", shapes.folder / "val.json", "--method", "bags"),
        *("--init", tmp_path / "own.safetensors", "--epochs", 2, "--groups", "5", "--output", tmp_path / "bags"),
    )
    options[options.index(model.test_score_thresh)] = 1e-3
    bags("predict", tmp_path / "bags", *options, "--output", tmp_path / "bags.json")
    model.test_score_thresh = 1e-3
    d2.install_head(model, tmp_path / "bags", IDS)
    assert_same(detect(model, shapes, list(IDS)), read_results(tmp_path / "bags.json"))


def test_the_towers_input(shapes: Shapes, tmp_path: Path) -> None:
    model = make(len(IDS))
    first = shapes.val.image_ids[:1]
    d2.export_features(model, loader(shapes), tmp_path / "maps", IDS, shapes.val, tower=2, image_ids=first)
    found = load_file(tmp_path / "maps" / "shard-00000.safetensors")
    images = model.preprocess_image([loader(shapes)(first[0])])
    with torch.inference_mode():
        pyramid = model.backbone(images.tensor)
    expected = torch.cat([pyramid[name][0].flatten(1).T for name in model.head_in_features])
    assert torch.equal(found["features"], expected)


def test_what_does_not_fit_is_refused(shapes: Shapes, tmp_path: Path) -> None:
    model = make(len(IDS))
    with pytest.raises(ValueError, match="tower is 0"):
        d2.export_features(model, loader(shapes), tmp_path / "a", IDS, shapes.val, tower=3)
    with pytest.raises(TypeError, match="add_ground_truth"):
        d2.export_features(model, loader(shapes), tmp_path / "a", IDS, shapes.val, add_ground_truth=True)
    with pytest.raises(ValueError, match="category ids"):
        d2.export_head(model, tmp_path / "h.safetensors", list(IDS)[:-2])
    model.anchor_generator.cell_anchors[1] = model.anchor_generator.cell_anchors[1] * torch.tensor([1.0, 2, 1, 1])
    with pytest.raises(ValueError, match="same ratios"):
        d2.export_features(model, loader(shapes), tmp_path / "a", IDS, shapes.val)
    with pytest.raises(ValueError, match="training mode"):
        d2.export_features(model.train(), loader(shapes), tmp_path / "a", IDS, shapes.val)

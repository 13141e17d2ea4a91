"""detectron2's module against a stand-in with its interface: features out, a head trained, and the head back in."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import detectron2_standin
import make_shapes
import pytest
import torch
from compare import Found, assert_same, read_results
from conftest import Shapes, bags
from safetensors.torch import load_file
from torch import nn

detectron2_standin.install()

from bags_integrations import detectron2_detector as d2  # noqa: E402

IDS = make_shapes.CATEGORY_IDS


@pytest.fixture(scope="module")
def model(shapes: Shapes) -> detectron2_standin.Model:
    return detectron2_standin.Model(make_shapes.load_detector(shapes.folder / "detector.pt")).eval()


def loader(shapes: Shapes) -> Any:
    def load(image_id: int) -> dict[str, Any]:
        image = make_shapes.load_image(shapes.folder / "images" / f"{image_id}.png")
        return {"image": image, "height": image.shape[1], "width": image.shape[2]}

    return load


@pytest.fixture(scope="module")
def features(shapes: Shapes, model: detectron2_standin.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("features")
    load = loader(shapes)
    d2.export_features(model, load, folder / "train", IDS, shapes.train, add_ground_truth=True)
    d2.export_features(model, load, folder / "val", IDS, shapes.val, dtype=torch.float32)
    d2.export_head(model, folder / "head.safetensors", IDS)
    return folder


def detect(model: detectron2_standin.Model, shapes: Shapes) -> dict[int, Found]:
    found = {}
    for image_id in shapes.val.image_ids:
        with torch.inference_mode():
            (result,) = model([loader(shapes)(image_id)])
        categories = torch.tensor([IDS[index] for index in result["classes"].tolist()])
        found[image_id] = Found(result["boxes"].double(), result["scores"], categories)
    return found


def predict(shapes: Shapes, features: Path, head: Path, output: Path, *more: object) -> dict[int, Found]:
    settings = ["--score-threshold", 0.001, "--nms-iou", 0.5, "--max-detections", 100]
    inputs = ["--features", features / "val", "--annotations", shapes.folder / "val.json"]
    bags("predict", head, *inputs, *settings, "--output", output, *more)
    return read_results(output)


def test_the_models_own_head(
    shapes: Shapes, model: detectron2_standin.Model, features: Path, tmp_path: Path
) -> None:
    head = features / "head.safetensors"
    found = detect(model, shapes)
    assert assert_same(found, predict(shapes, features, head, tmp_path / "a.json")) > 100
    assert assert_same(found, predict(shapes, features, head, tmp_path / "b.json", "--box-head", head)) > 100


@pytest.mark.parametrize("method", ["bags", "softmax", "eqlv2"])
def test_a_trained_head(
    shapes: Shapes, model: detectron2_standin.Model, features: Path, tmp_path: Path, method: str
) -> None:
    run = tmp_path / "run"
    inputs = ["--features", features / "train", "--groups", shapes.folder / "groups.json"]
    bags("train", *inputs, "--method", method, "--epochs", 2, "--images-per-batch", 8, "--output", run)
    changed = copy.deepcopy(detectron2_standin.Model(model.detector)).eval()
    d2.install_head(changed, run, IDS)
    is_own = type(changed.roi_heads.box_predictor) is detectron2_standin.FastRCNNOutputLayers
    assert is_own == (method == "softmax")
    assert assert_same(detect(changed, shapes), predict(shapes, features, run, tmp_path / "r.json")) > 100


@pytest.mark.parametrize("method", ["bags", "softmax"])
def test_saves_and_loads(
    shapes: Shapes, model: detectron2_standin.Model, features: Path, tmp_path: Path, method: str
) -> None:
    run = tmp_path / "run"
    inputs = ["--features", features / "train", "--groups", shapes.folder / "groups.json"]
    bags("train", *inputs, "--method", method, "--epochs", 1, "--output", run)
    changed, fresh = (detectron2_standin.Model(copy.deepcopy(model.detector)).eval() for _ in range(2))
    d2.install_head(changed, run, IDS)
    # As DetectionCheckpointer lays it out.
    torch.save({"model": changed.state_dict(), "iteration": 9}, tmp_path / "model_final.pth")
    d2.load_weights(fresh, tmp_path / "model_final.pth")
    left, right = detect(changed, shapes), detect(fresh, shapes)
    assert sum(len(found.scores) for found in left.values()) > 100
    assert all(torch.equal(left[image].scores, right[image].scores) for image in left)
    if method == "bags":
        layers = fresh.roi_heads.box_predictor
        with pytest.raises(RuntimeError, match="own loss cannot train"):
            layers.losses((torch.zeros(1, 7), torch.zeros(1, 24)), [])
        with pytest.raises(RuntimeError, match="own loss cannot train"):
            layers.train()(torch.zeros(1, 64))


def test_classes_that_are_no_category(model: detectron2_standin.Model, features: Path, tmp_path: Path) -> None:
    ids = [*IDS[:5], None]
    d2.export_head(model, tmp_path / "a.safetensors", ids)
    rows, whole = load_file(tmp_path / "a.safetensors"), load_file(features / "head.safetensors")
    kept = [row for row, category in enumerate([None, *sorted(IDS)]) if category != IDS[5]]
    assert torch.equal(rows["fc_cls.weight"], whole["fc_cls.weight"][kept])
    assert len(rows["fc_reg.bias"]) == 20


def test_refusals(shapes: Shapes, model: detectron2_standin.Model, tmp_path: Path) -> None:
    cascade = detectron2_standin.Model(model.detector).eval()
    cascade.roi_heads.box_predictor = nn.ModuleList([])
    with pytest.raises(ValueError, match="cascade"):
        d2.export_head(cascade, tmp_path / "a.safetensors", IDS)
    with pytest.raises(ValueError, match="annotations or image_ids"):
        d2.export_features(model, loader(shapes), tmp_path, IDS)
    with pytest.raises(TypeError, match=r"image 1: load_input gave a list; the detector takes a dict with a tensor"):
        no_dict: Any = lambda _: []  # noqa: E731
        d2.export_features(model, no_dict, tmp_path / "b", IDS, image_ids=[1])
    with pytest.raises(ValueError, match="6 deltas a RoI; 1, or 5 for 5 classes"):
        d2.export_features(model, loader(shapes), tmp_path / "b", IDS[:5], image_ids=shapes.val.image_ids)

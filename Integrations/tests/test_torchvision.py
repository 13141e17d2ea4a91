"""The real torchvision: features out, a head trained, and the head back in; against `bags predict`."""

from __future__ import annotations

import copy
from pathlib import Path

import make_shapes
import pytest
import torch
from compare import Found, assert_same, read_results
from conftest import Shapes, bags
from safetensors.torch import load_file, save_file
from torchvision.models.detection import FasterRCNN

from bags_integrations import torchvision_detector as tv

IDS = make_shapes.CATEGORY_IDS


@pytest.fixture(scope="module")
def detector(shapes: Shapes) -> FasterRCNN:
    detector = make_shapes.load_detector(shapes.folder / "detector.pt")
    detector.roi_heads.score_thresh = 0.001
    return detector


@pytest.fixture(scope="module")
def features(shapes: Shapes, detector: FasterRCNN, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("features")
    for split in ("train", "val"):
        annotations = shapes.train if split == "train" else shapes.val
        tv.export_features(
            detector,
            lambda image_id: make_shapes.load_image(shapes.folder / "images" / f"{image_id}.png"),
            folder / split,
            IDS,
            annotations,
            add_ground_truth=split == "train",
            dtype=torch.float16 if split == "train" else torch.float32,
        )
    tv.export_head(detector, folder / "detector_head.safetensors", IDS)
    return folder


def detect(detector: FasterRCNN, shapes: Shapes) -> dict[int, Found]:
    """The detector's detections of the validation images, one image at a time."""
    found = {}
    for image_id in shapes.val.image_ids:
        with torch.inference_mode():
            (result,) = detector([make_shapes.load_image(shapes.folder / "images" / f"{image_id}.png")])
        categories = torch.tensor([IDS[label - 1] for label in result["labels"].tolist()])
        found[image_id] = Found(result["boxes"].double(), result["scores"], categories)
    return found


def predict(shapes: Shapes, features: Path, head: Path, output: Path, *more: object) -> dict[int, Found]:
    """The detections of `bags predict`, with torchvision's settings."""
    settings = ["--score-threshold", 0.001, "--nms-iou", 0.5, "--max-detections", 100, "--min-box-size", 0.01]
    inputs = ["--features", features, "--annotations", shapes.folder / "val.json"]
    bags("predict", head, *inputs, *settings, "--output", output, *more)
    return read_results(output)


def train(shapes: Shapes, features: Path, run: Path, *more: object) -> Path:
    inputs = ["--features", features / "train", "--groups", shapes.folder / "groups.json"]
    bags("train", *inputs, "--epochs", 2, "--images-per-batch", 8, "--output", run, *more)
    return run


def test_the_detectors_own_head_gives_its_own_detections(
    shapes: Shapes, detector: FasterRCNN, features: Path, tmp_path: Path
) -> None:
    results = predict(shapes, features / "val", features / "detector_head.safetensors", tmp_path / "r.json")
    assert assert_same(detect(detector, shapes), results) > 100


@pytest.mark.parametrize(
    "options",
    [
        ["--method", "bags"],
        ["--method", "bags", "--g0", "official"],
        ["--method", "softmax"],
        ["--method", "seesaw"],
        ["--method", "focal"],
    ],
    ids=" ".join,
)
def test_a_trained_head_in_the_detector(
    shapes: Shapes, detector: FasterRCNN, features: Path, tmp_path: Path, options: list[str]
) -> None:
    run = train(shapes, features, tmp_path / "run", *options)
    changed = copy.deepcopy(detector)
    tv.install_head(changed, run, IDS)
    assert type(changed.roi_heads) is (type(detector.roi_heads) if "softmax" in options else tv.BagsRoIHeads)
    detections = detect(changed, shapes)
    results = predict(shapes, features / "val", run, tmp_path / "r.json")
    assert assert_same(detections, results) > 100
    with pytest.raises(AssertionError):
        assert_same(detect(detector, shapes), results)


def test_the_regressor_in_place_of_deltas(
    shapes: Shapes, detector: FasterRCNN, features: Path, tmp_path: Path
) -> None:
    tv.export_features(
        detector,
        lambda image_id: make_shapes.load_image(shapes.folder / "images" / f"{image_id}.png"),
        tmp_path / "bare",
        IDS,
        image_ids=shapes.val.image_ids,
        box_deltas=False,
        dtype=torch.float32,
    )
    assert "box_deltas" not in load_file(tmp_path / "bare" / "shard-00000.safetensors")
    head = features / "detector_head.safetensors"
    results = predict(shapes, tmp_path / "bare", head, tmp_path / "r.json", "--box-head", head)
    assert assert_same(detect(detector, shapes), results) > 100


def test_starts_from_the_detectors_layer(shapes: Shapes, features: Path, tmp_path: Path) -> None:
    head = features / "detector_head.safetensors"
    run = train(shapes, features, tmp_path / "run", "--method", "bags", "--init", head)
    assert (run / "head.safetensors").exists()


def test_convert_reads_the_whole_detector(
    shapes: Shapes, detector: FasterRCNN, features: Path, tmp_path: Path
) -> None:
    """`bags convert` of the detector's weights is what `export_head` writes."""
    save_file(detector.state_dict(), tmp_path / "detector.safetensors")
    (tmp_path / "order.txt").write_text("\n".join(map(str, IDS)))
    arguments = ["--groups", shapes.folder / "groups.json", "--class-order", tmp_path / "order.txt"]
    head, back = tmp_path / "head.safetensors", tmp_path / "back.safetensors"
    bags("convert", tmp_path / "detector.safetensors", "--from", "torchvision", *arguments, "--output", head)
    left, right = load_file(head), load_file(features / "detector_head.safetensors")
    assert left.keys() == right.keys() and len(left) == 6
    assert all(torch.equal(left[name], right[name]) for name in left)
    bags("convert", head, "--to", "torchvision", *arguments, "--output", back)
    own = detector.state_dict()
    for name, tensor in load_file(back).items():
        assert torch.equal(tensor, own[name])


def test_goes_on_where_it_was_cut_off(shapes: Shapes, detector: FasterRCNN, features: Path, tmp_path: Path) -> None:
    ids = shapes.val.image_ids

    def load(image_id: int) -> torch.Tensor:
        if image_id == ids[6] and not (tmp_path / "on").exists():
            raise KeyboardInterrupt
        return make_shapes.load_image(shapes.folder / "images" / f"{image_id}.png")

    def export() -> int:
        folder = tmp_path / "set"
        return tv.export_features(detector, load, folder, IDS, shapes.val, dtype=torch.float32, rows_per_shard=100)

    with pytest.raises(KeyboardInterrupt):
        export()
    (tmp_path / "on").touch()
    assert 0 < export() < len(ids)
    parts = [load_file(path) for path in sorted((tmp_path / "set").glob("*.safetensors"))]
    whole = load_file(features / "val" / "shard-00000.safetensors")
    for name, tensor in whole.items():
        assert torch.equal(torch.cat([part[name] for part in parts]), tensor)
    assert export() == 0


def test_labels_are_the_objects_of_the_proposals(shapes: Shapes, features: Path) -> None:
    rows = load_file(features / "train" / "shard-00000.safetensors")
    positive = rows["labels"] >= 0
    # Every annotated box is among the RoIs, with itself as its object.
    assert int((rows["ious"] > 0.999).sum()) >= sum(len(shapes.train.objects(i).labels) for i in shapes.train.image_ids)
    assert bool((rows["ious"][positive] >= 0.5).all()) and bool((rows["ious"][~positive] < 0.5).all())
    assert set(rows["labels"].tolist()) == {-1, *IDS}


def test_refusals(shapes: Shapes, detector: FasterRCNN, features: Path, tmp_path: Path) -> None:
    load = make_shapes.load_image
    with pytest.raises(ValueError, match="training mode"):
        tv.export_features(copy.deepcopy(detector).train(), load, tmp_path, IDS, shapes.val)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="annotations or image_ids"):
        tv.export_features(detector, load, tmp_path, IDS)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"5 categories, the annotations have 6;.* only the annotations': \[2\]"):
        tv.export_features(detector, load, tmp_path, IDS[:5], shapes.val)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="rows_per_shards"):
        tv.export_features(detector, load, tmp_path, IDS, shapes.val, rows_per_shards=9)  # type: ignore[arg-type, call-arg]
    with pytest.raises(ValueError, match="7 deltas a RoI; 1, or 6 for 5 classes"):
        tv.image_rois(detector, torch.zeros(3, 100, 100), list(range(5)), torch.zeros(0, 4))
    with pytest.raises(ValueError, match="7 rows; 6 are expected for 5"):
        tv.export_head(detector, tmp_path / "x", IDS[:5])
    with pytest.raises(ValueError, match="does not name its classes"):
        tv.install_head(detector, features / "detector_head.safetensors", IDS)
    run = train(shapes, features, tmp_path / "run")
    with pytest.raises(ValueError, match="6 categories that are not the detector's 5"):
        tv.install_head(detector, run, IDS[:5])

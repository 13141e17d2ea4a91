"""The real torchvision: features out, a head trained, and the head back in; against `bags predict`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import make_shapes
import pytest
import torch
from compare import Found, assert_same, read_results
from conftest import Shapes, bags
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor

from bags_integrations import torchvision_detector as tv
from bags_integrations.classes import ClassIDs

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
            loader(shapes),
            folder / split,
            IDS,
            annotations,
            add_ground_truth=split == "train",
            dtype=torch.float16 if split == "train" else torch.float32,
        )
    tv.export_head(detector, folder / "detector_head.safetensors", IDS)
    return folder


def loader(shapes: Shapes) -> Callable[[int], torch.Tensor]:
    return lambda image_id: make_shapes.load_image(shapes.folder / "images" / f"{image_id}.png")


def detect(detector: FasterRCNN, shapes: Shapes, ids: ClassIDs = IDS) -> dict[int, Found]:
    """The detector's detections of the validation images, one image at a time."""
    found = {}
    for image_id in shapes.val.image_ids:
        with torch.inference_mode():
            (result,) = detector([loader(shapes)(image_id)])
        categories = torch.tensor([ids[label - 1] for label in result["labels"].tolist()])
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
        loader(shapes),
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


def assert_same_tensors(left: Path, right: Path) -> None:
    first, second = load_file(left), load_file(right)
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def with_gaps(detector: FasterRCNN) -> FasterRCNN:
    """The detector with two labels more, which are no category, as torchvision's COCO detectors have ten."""
    changed = copy.deepcopy(detector)
    own = changed.roi_heads.box_predictor
    wider = FastRCNNPredictor(64, 1 + len(IDS_WITH_GAPS))
    with torch.no_grad():
        # Never found, as what a detector never saw in its training.
        wider.cls_score.bias.fill_(-50)
        rows = [0, *(1 + IDS_WITH_GAPS.index(category) for category in IDS)]
        wider.cls_score.weight[rows], wider.cls_score.bias[rows] = own.cls_score.weight, own.cls_score.bias
        for new, old in ((wider.bbox_pred.weight, own.bbox_pred.weight), (wider.bbox_pred.bias, own.bbox_pred.bias)):
            new.unflatten(0, (-1, 4))[rows] = old.unflatten(0, (-1, 4))
    changed.roi_heads.box_predictor = wider
    return changed.eval()


IDS_WITH_GAPS = [None, *IDS[:3], None, *IDS[3:]]


@pytest.mark.parametrize("method", ["softmax", "bags"])
def test_labels_that_are_no_category(
    shapes: Shapes, with_gaps: FasterRCNN, features: Path, tmp_path: Path, method: str
) -> None:
    """Their rows are in nothing that is exported, and stay in the detector as they are."""
    tv.export_head(with_gaps, tmp_path / "head.safetensors", IDS_WITH_GAPS)
    assert_same_tensors(tmp_path / "head.safetensors", features / "detector_head.safetensors")
    image_id = shapes.val.image_ids[0]
    load = loader(shapes)
    options: Any = {"image_ids": [image_id], "dtype": torch.float32}
    tv.export_features(with_gaps, load, tmp_path / "set", IDS_WITH_GAPS, shapes.val, **options)
    rows = load_file(tmp_path / "set" / "shard-00000.safetensors")
    whole = load_file(features / "val" / "shard-00000.safetensors")
    chosen = whole["image_ids"] == image_id
    for name, tensor in rows.items():
        assert torch.equal(tensor, whole[name][chosen]), name

    changed = copy.deepcopy(with_gaps)
    start = ["--init", features / "detector_head.safetensors"]
    run = train(shapes, features, tmp_path / "run", "--method", method, *start)
    tv.install_head(changed, run, IDS_WITH_GAPS)
    if method == "softmax":
        before, after = with_gaps.roi_heads.box_predictor.cls_score, changed.roi_heads.box_predictor.cls_score
        for place, category in enumerate(IDS_WITH_GAPS):
            assert torch.equal(before.weight[1 + place], after.weight[1 + place]) == (category is None)
        assert not torch.equal(before.weight[0], after.weight[0])
    found = detect(changed, shapes, IDS_WITH_GAPS)
    assert assert_same(found, predict(shapes, features / "val", run, tmp_path / "r.json")) > 100


@pytest.mark.parametrize("wrapped", ["module", "model", "student"])
def test_a_detector_in_another_module(
    detector: FasterRCNN, features: Path, tmp_path: Path, wrapped: str
) -> None:
    outer = nn.Module()
    outer.add_module(wrapped, detector)
    tv.export_head(outer, tmp_path / "head.safetensors", IDS)
    assert_same_tensors(tmp_path / "head.safetensors", features / "detector_head.safetensors")
    # Weights that were saved of it have a prefix.
    fresh = make_shapes.make_detector()
    tv.load_weights(fresh, outer.state_dict())
    assert all(torch.equal(tensor, fresh.state_dict()[name]) for name, tensor in detector.state_dict().items())
    outer.add_module("teacher", copy.deepcopy(detector))
    with pytest.raises(ValueError, match=f"2 modules of the Module have roi_heads: {wrapped}, teacher; give one"):
        tv.export_head(outer, tmp_path / "head.safetensors", IDS)
    with pytest.raises(ValueError, match=rf"2 keys end in backbone.0.weight.*: {wrapped}.backbone.0.weight, teacher"):
        tv.load_weights(fresh, outer.state_dict())


@pytest.mark.parametrize("method", ["softmax", "bags", "seesaw"])
def test_saves_and_loads(shapes: Shapes, detector: FasterRCNN, features: Path, tmp_path: Path, method: str) -> None:
    """As weights in a file of torch's or of safetensors, or as a whole; none of them needs the run."""
    run = train(shapes, features, tmp_path / "run", "--method", method)
    changed = copy.deepcopy(detector)
    tv.install_head(changed, run, IDS)
    expected = detect(changed, shapes)
    torch.save(changed.state_dict(), tmp_path / "weights.pt")
    torch.save({"model": changed.state_dict(), "epoch": 3}, tmp_path / "checkpoint.pth")
    save_file(changed.state_dict(), tmp_path / "weights.safetensors")
    for saved in ("weights.pt", "checkpoint.pth", "weights.safetensors"):
        fresh = make_shapes.make_detector().eval()
        fresh.roi_heads.score_thresh = 0.001
        tv.load_weights(fresh, tmp_path / saved)
        assert_equal(detect(fresh, shapes), expected)
        # And over a head that is there already.
        tv.load_weights(fresh, tmp_path / saved)
        assert_equal(detect(fresh, shapes), expected)
    torch.save(changed, tmp_path / "whole.pt")
    assert_equal(detect(torch.load(tmp_path / "whole.pt", weights_only=False), shapes), expected)
    with pytest.raises(ValueError, match="whole.pt: holds more than weights"):
        tv.load_weights(fresh, tmp_path / "whole.pt")
    for what, message in (({}, "no key ends in backbone.0.weight"), ([], "neither a state dict nor the path")):
        with pytest.raises((TypeError, ValueError), match=message):
            tv.load_weights(fresh, what)  # type: ignore[arg-type]


def assert_equal(left: dict[int, Found], right: dict[int, Found]) -> None:
    assert sum(len(found.scores) for found in left.values()) > 100
    for image_id, found in left.items():
        for name, tensor in vars(found).items():
            assert torch.equal(tensor, getattr(right[image_id], name))


def test_an_installed_head_refuses_training(
    shapes: Shapes, detector: FasterRCNN, features: Path, tmp_path: Path
) -> None:
    changed = copy.deepcopy(detector)
    tv.install_head(changed, train(shapes, features, tmp_path / "run"), IDS)
    image_id = shapes.val.image_ids[0]
    objects = shapes.val.objects(image_id)
    target = {"boxes": objects.boxes.float(), "labels": torch.ones(len(objects.labels), dtype=torch.int64)}
    image = loader(shapes)(image_id)
    changed.train()
    with pytest.raises(RuntimeError, match="the detector's own loss cannot train: call eval()"):
        changed([image], [target])
    # Nor with its predictor frozen.
    changed.roi_heads.box_predictor.eval()
    with pytest.raises(RuntimeError, match="own loss cannot train"):
        changed([image], [target])
    changed.eval()
    assert len(changed([image])[0]["boxes"]) > 0
    with pytest.raises(ValueError, match="the classifier is a BagsPredictor, not the detector's own layer"):
        tv.export_head(changed, tmp_path / "head.safetensors", IDS)


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
        tv.export_features(detector, lambda _: torch.zeros(3, 100, 100), tmp_path / "a", IDS[:5], image_ids=[1])
    with pytest.raises(ValueError, match="7 rows; 6 are expected for 5"):
        tv.export_head(detector, tmp_path / "x", IDS[:5])
    with pytest.raises(ValueError, match="does not name its classes"):
        tv.install_head(detector, features / "detector_head.safetensors", IDS)
    run = train(shapes, features, tmp_path / "run")
    with pytest.raises(ValueError, match="6 categories that are not the detector's 5"):
        tv.install_head(detector, run, IDS[:5])

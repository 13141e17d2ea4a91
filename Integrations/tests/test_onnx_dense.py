"""A dense head as an ONNX model: onnx's checker finds nothing, and onnxruntime's scores and boxes, suppressed as detectors do,
are the detections of `bags predict`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
import torch
from conftest import bags
from torch import Tensor

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

CATEGORIES, CHANNELS, ANCHORS, LEVELS, SIZE = [2, 3, 7], 4, 2, [(6, 8), (3, 4)], (48, 60)


def write_maps(folder: Path, convention: str) -> dict[str, Tensor]:
    """Feature maps of three images with random numbers."""
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(3)
    count = sum(height * width for height, width in LEVELS)
    tensors = {
        "features": torch.randn(3 * count, CHANNELS, generator=generator),
        "box_deltas": 0.5 * torch.randn(3 * count * ANCHORS, 4, generator=generator),
        "image_ids": torch.arange(1, 4), "level_shapes": torch.tensor([LEVELS] * 3),
        "image_scales": torch.ones(3, 2), "image_sizes": torch.tensor([SIZE] * 3),
    }
    folder.mkdir()
    metadata = {
        "kind": "feature maps", "strides": "8,16", "anchor_sizes": "16,24;32,48", "anchor_ratios": "1",
        "anchor_convention": convention,
    }
    save_file(tensors, folder / "shard-00000.safetensors", metadata=metadata)
    return tensors


def write_annotations(path: Path) -> None:
    boxes = [[4, 4, 16, 16], [20, 8, 30, 30], [2, 20, 24, 22]]
    path.write_text(
        json.dumps({
            "images": [
                {"id": image, "width": SIZE[1], "height": SIZE[0], "neg_category_ids": [], "not_exhaustive_category_ids": []}
                for image in range(1, 4)],
            "categories": [{"id": category, "name": f"c{category}", "frequency": "r"} for category in CATEGORIES],
            "annotations": [
                {
                    "id": 3 * image + place + 1, "image_id": image + 1, "category_id": CATEGORIES[place], "bbox": box,
                    "area": box[2] * box[3], "segmentation": [], "iscrowd": 0}
                for image in range(3) for place, box in enumerate(boxes)],
        }))


def inputs(tensors: dict[str, Tensor], dtype: type) -> dict[str, numpy.ndarray]:
    """The maps and deltas of the images as a detector has them: [N, channels, height, width] a level."""
    count = sum(height * width for height, width in LEVELS)
    features = tensors["features"].reshape(3, count, CHANNELS).permute(0, 2, 1)
    deltas = tensors["box_deltas"].reshape(3, count, 4 * ANCHORS).permute(0, 2, 1)
    given = {"image_sizes": numpy.array([SIZE] * 3, dtype=numpy.float32)}
    start = 0
    for level, (height, width) in enumerate(LEVELS):
        part = slice(start, start + height * width)
        given[f"features_{level}"] = features[:, :, part].reshape(3, CHANNELS, height, width).numpy().astype(dtype)
        given[f"box_deltas_{level}"] = deltas[:, :, part].reshape(3, 4 * ANCHORS, height, width).numpy()
        start += height * width
    return given


def detections(scores: numpy.ndarray, boxes: numpy.ndarray, threshold: float) -> list[tuple]:
    """What is left of an image by a threshold, suppression within a class and a cap of 300."""
    from torchvision.ops import batched_nms

    anchor, category = numpy.nonzero(scores > threshold)
    score, box = torch.tensor(scores[anchor, category]), torch.tensor(boxes[anchor])
    kept = batched_nms(box, score, torch.tensor(category), 0.5)[:300]
    return [(CATEGORIES[category[i]], score[i].item(), box[i].tolist()) for i in kept.tolist()]


@pytest.mark.parametrize("convention", ["torchvision", "mmdetection", "detectron2"])
@pytest.mark.parametrize("method", ["focal", "bags", "softmax", "mean"])
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("fp16", 5e-3)])
def test_detections_are_the_programs(
    convention: str, method: str, precision: str, tolerance: float, tmp_path: Path
) -> None:
    tensors = write_maps(tmp_path / "maps", convention)
    write_annotations(tmp_path / "a.json")
    data = ("--features", tmp_path / "maps", "--annotations", tmp_path / "a.json")
    for name in ["focal", "bags"] if method == "mean" else [method]:
        bags(
            "train", *data, "--method", name, "--epochs", 20, "--learning-rate", 0.5, "--warmup-steps", 0, "--output",
            tmp_path / name)
    if method == "mean":
        bags("average", tmp_path / "focal", tmp_path / "bags", "--output", tmp_path / method)
    path = tmp_path / "dense.onnx"
    bags(
        "export", tmp_path / method, "--features", tmp_path / "maps", "--onnx", path, "--precision", precision)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(metadata["category_ids"]) == CATEGORIES

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    given = inputs(tensors, numpy.float16 if precision == "fp16" else numpy.float32)
    assert {entry.name for entry in session.get_inputs()} == set(given)
    scores, boxes = session.run(["scores", "boxes"], given)
    count = ANCHORS * sum(height * width for height, width in LEVELS)
    assert scores.shape == (3, count, len(CATEGORIES)) and boxes.shape == (3, count, 4)
    for batch in (1, 0):
        some = session.run(["scores", "boxes"], {name: value[:batch] for name, value in given.items()})
        assert numpy.abs(some[0] - scores[:batch]).max(initial=0) < 1e-6
        assert numpy.abs(some[1] - boxes[:batch]).max(initial=0) < 1e-4

    results = tmp_path / "results.json"
    bags("predict", tmp_path / method, *data, "--output", results, "--score-threshold", 0.002)
    expected = json.loads(results.read_text())
    assert len(expected) > 20
    if precision == "fp16":
        # Half precision changes which of two boxes with nearly equal scores suppresses the other: scores alone are compared.
        best = {image: max(one["score"] for one in expected if one["image_id"] == image) for image in range(1, 4)}
        assert all(abs(scores[image - 1].max() - score) < tolerance for image, score in best.items())
        return
    for image in range(1, 4):
        wanted = [one for one in expected if one["image_id"] == image]
        found = detections(scores[image - 1], boxes[image - 1], 0.002)
        if convention == "detectron2":
            # Its boxes are clipped after suppression, which is left to the program around the model, and dropped where
            # nothing is left of them.
            clipped = [
                (category, score, [min(max(side, 0), SIZE[1 - place % 2]) for place, side in enumerate(box)])
                for category, score, box in found]
            found = [one for one in clipped if one[2][2] > one[2][0] and one[2][3] > one[2][1]]
        assert len(found) == len(wanted)
        for (category, score, box), one in zip(found, wanted):
            assert category == one["category_id"] and abs(score - one["score"]) < tolerance
            x, y, width, height = one["bbox"]
            assert numpy.abs(numpy.array(box) - [x, y, x + width, y + height]).max() < 1e-3

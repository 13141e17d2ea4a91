"""The real mmdetection 3's RetinaNet: feature maps out, dense heads in; against `bags predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mmcv_operators
import pytest
import torch
from compare import Found, assert_same, read_results
from conftest import Shapes, bags
from make_shapes import CATEGORY_IDS as IDS
from make_shapes import load_image
from torch import nn

mmcv_operators.install()

from mmdet.registry import MODELS  # noqa: E402
from mmdet.structures import DetDataSample  # noqa: E402
from mmdet.utils import register_all_modules  # noqa: E402
from mmengine.config import ConfigDict  # noqa: E402

from bags_integrations import mmdetection_detector as mm  # noqa: E402

THRESHOLD = 0.05


def make_model(classes: int, norm: bool = False, stds: tuple[float, ...] = (1.0,) * 4, sigmoid: bool = True) -> Any:
    """mmdetection's RetinaNet with a small ResNet, its weights drawn, those of the last layers large enough to tell apart."""
    register_all_modules(init_default_scope=True)
    torch.manual_seed(5)
    config = ConfigDict(
        {
            "type": "RetinaNet",
            "data_preprocessor": {"type": "DetDataPreprocessor"},
            "backbone": {"type": "ResNet", "depth": 18, "base_channels": 16, "norm_cfg": {"type": "BN"}},
            "neck": {
                "type": "FPN",
                "in_channels": [16, 32, 64, 128],
                "out_channels": 16,
                "start_level": 1,
                "add_extra_convs": "on_input",
                "num_outs": 4,
            },
            "bbox_head": {
                "type": "RetinaHead",
                "num_classes": classes,
                "in_channels": 16,
                "feat_channels": 16,
                "stacked_convs": 2,
                "norm_cfg": {"type": "GN", "num_groups": 4} if norm else None,
                "anchor_generator": {
                    "type": "AnchorGenerator",
                    "octave_base_scale": 4,
                    "scales_per_octave": 3,
                    "ratios": [0.5, 1.0, 2.0],
                    "strides": [8, 16, 32, 64],
                },
                "bbox_coder": {"type": "DeltaXYWHBBoxCoder", "target_means": [0.0] * 4, "target_stds": list(stds)},
                "loss_cls": {"type": "FocalLoss", "use_sigmoid": True}
                if sigmoid
                else {"type": "CrossEntropyLoss", "use_sigmoid": False},
                "loss_bbox": {"type": "L1Loss"},
            },
            "train_cfg": None,
            "test_cfg": {
                "nms_pre": 1000,
                "min_bbox_size": 0,
                "score_thr": THRESHOLD,
                "nms": {"type": "nms", "iou_threshold": 0.5},
                "max_per_img": 100,
            },
        }
    )
    model = MODELS.build(config)
    # GroupNorm makes the tower's outputs larger; scores that round to 1 would tie.
    nn.init.normal_(model.bbox_head.retina_cls.weight, std=0.15 if norm else 0.4)
    nn.init.normal_(model.bbox_head.retina_reg.weight, std=0.1)
    for layers in (model.bbox_head.cls_convs, model.bbox_head.reg_convs):
        for layer in layers:
            nn.init.normal_(layer.conv.weight, std=0.15)
    return model.eval()


def run_on(model: Any, shapes: Shapes, image_id: int) -> Any:
    """The model's detections of an image that is made larger, by other factors in width and height, and padded."""
    image = load_image(shapes.folder / "images" / f"{image_id}.png")
    height, width = image.shape[1:]
    size = (round(1.25 * height), round(1.5 * width))
    pixels = nn.functional.interpolate(image[None], size, mode="bilinear")
    padded = (size[0] + (-size[0]) % 32, size[1] + (-size[1]) % 32)
    pixels = nn.functional.pad(pixels, (0, padded[1] - size[1], 0, padded[0] - size[0]))
    sample = DetDataSample()
    sample.set_metainfo(
        {
            "img_id": image_id,
            "ori_shape": (height, width),
            "img_shape": size,
            "batch_input_shape": padded,
            "pad_shape": padded,
            "scale_factor": (size[1] / width, size[0] / height),
        }
    )
    with torch.inference_mode():
        (found,) = model.predict(pixels, [sample], rescale=True)
    return found.pred_instances


def detect(model: Any, shapes: Shapes, ids: list[int | None]) -> dict[int, Found]:
    found = {}
    for image_id in shapes.val.image_ids:
        result = run_on(model, shapes, image_id)
        labels = torch.tensor([ids[label] for label in result.labels.tolist()])
        found[image_id] = Found(result.bboxes, result.scores, labels)
    return found


def export(model: Any, shapes: Shapes, folder: Path, ids: Any = IDS) -> list[object]:
    """The set of the validation images and the head; the options by which `bags predict` does what the model does."""
    assert mm.export_features(model, lambda image_id: run_on(model, shapes, image_id), folder / "val", ids, shapes.val) == len(
        shapes.val.image_ids
    )
    mm.export_head(model, folder / "own.safetensors", ids)
    size = ["--score-threshold", THRESHOLD, "--max-detections", 100, "--min-box-size", 1e-6]
    return ["--features", folder / "val", "--annotations", shapes.folder / "val.json", *size]


@pytest.mark.parametrize(("norm", "stds"), [(False, (1.0,) * 4), (True, (0.5, 0.5, 0.25, 0.25))])
def test_out_and_in(norm: bool, stds: tuple[float, ...], shapes: Shapes, tmp_path: Path) -> None:
    model = make_model(len(IDS), norm, stds)
    options = export(model, shapes, tmp_path)
    bags("predict", tmp_path / "own.safetensors", *options, "--output", tmp_path / "own.json")
    own = detect(model, shapes, list(IDS))
    assert assert_same(own, read_results(tmp_path / "own.json")) > 100
    # There is nothing left to do.
    assert mm.export_features(model, lambda image_id: run_on(model, shapes, image_id), tmp_path / "val", IDS, shapes.val) == 0

    bags(
        *("train", "--features", tmp_path / "val", "--annotations", shapes.folder / "val.json"),
        *("--init", tmp_path / "own.safetensors", "--method", "focal", "--epochs", 2, "--learning-rate", 0.01),
        *("--output", tmp_path / "focal"),
    )
    bags("predict", tmp_path / "focal", *options, "--output", tmp_path / "focal.json")
    mm.install_head(model, tmp_path / "focal", IDS)
    focal = detect(model, shapes, list(IDS))
    assert_same(focal, read_results(tmp_path / "focal.json"))
    assert any(not torch.equal(focal[image].scores, own[image].scores) for image in own)


def test_a_class_without_a_category(shapes: Shapes, tmp_path: Path) -> None:
    ids = [None, *reversed(IDS)]
    model = make_model(len(ids))
    nn.init.constant_(model.bbox_head.retina_cls.bias.view(9, -1)[:, 0], -50.0)
    options = export(model, shapes, tmp_path, ids)
    bags("predict", tmp_path / "own.safetensors", *options, "--output", tmp_path / "own.json")
    assert_same(detect(model, shapes, ids), read_results(tmp_path / "own.json"))


def test_a_grouped_head_scores_by_itself(shapes: Shapes, tmp_path: Path) -> None:
    model = make_model(len(IDS))
    options = export(model, shapes, tmp_path)
    bags(
        *("train", "--features", tmp_path / "val", "--annotations", shapes.folder / "val.json", "--method", "bags"),
        *("--init", tmp_path / "own.safetensors", "--epochs", 2, "--groups", "5", "--output", tmp_path / "bags"),
    )
    options[options.index(THRESHOLD)] = 1e-3
    bags("predict", tmp_path / "bags", *options, "--output", tmp_path / "bags.json")
    model.bbox_head.test_cfg["score_thr"] = 1e-3
    mm.install_head(model, tmp_path / "bags", IDS)
    assert_same(detect(model, shapes, list(IDS)), read_results(tmp_path / "bags.json"))
    with pytest.raises(ValueError, match="not the detector's own layer"):
        mm.export_head(model, tmp_path / "again.safetensors", IDS)
    model.train()
    with pytest.raises(RuntimeError, match="bags"):
        model.bbox_head.retina_cls(torch.zeros(1, 16, 4, 4))


def test_the_towers_input(shapes: Shapes, tmp_path: Path) -> None:
    model = make_model(len(IDS))
    run = lambda image_id: run_on(model, shapes, image_id)  # noqa: E731
    mm.export_features(model, run, tmp_path / "maps", IDS, shapes.val, tower=2, image_ids=shapes.val.image_ids[:1])
    mm.export_features(model, run, tmp_path / "tower", IDS, shapes.val, image_ids=shapes.val.image_ids[:1])
    from safetensors.torch import load_file

    maps, towers = [load_file(tmp_path / name / "shard-00000.safetensors") for name in ("maps", "tower")]
    rows = 0
    for height, width in maps["level_shapes"][0].tolist():
        level = maps["features"][rows : rows + height * width].T.reshape(1, 16, height, width)
        for layer in model.bbox_head.cls_convs:
            level = layer(level)
        expected = level[0].flatten(1).T
        assert (towers["features"][rows : rows + height * width] - expected).abs().max() < 1e-5
        rows += height * width
    assert torch.equal(maps["box_deltas"], towers["box_deltas"])


def test_what_does_not_fit_is_refused(shapes: Shapes, tmp_path: Path) -> None:
    model = make_model(len(IDS))
    run = lambda image_id: run_on(model, shapes, image_id)  # noqa: E731
    with pytest.raises(ValueError, match="tower is 0"):
        mm.export_features(model, run, tmp_path / "a", IDS, shapes.val, tower=3)
    with pytest.raises(TypeError, match="add_ground_truth"):
        mm.export_features(model, run, tmp_path / "a", IDS, shapes.val, add_ground_truth=True)
    with pytest.raises(ValueError, match="category ids"):
        mm.export_head(model, tmp_path / "h.safetensors", list(IDS)[:-2])
    with pytest.raises(ValueError, match="softmax"):
        mm.export_head(make_model(len(IDS), sigmoid=False), tmp_path / "h.safetensors", IDS)
    with pytest.raises(ValueError, match="training mode"):
        mm.export_features(model.train(), run, tmp_path / "a", IDS, shapes.val)

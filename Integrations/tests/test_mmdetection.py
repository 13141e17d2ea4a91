"""The real mmdetection 3 (its nms is torchvision's, see mmcv_operators.py), and version 2's other method by a stand-in."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import make_shapes
import mmcv_operators
import pytest
import torch
from compare import Found, assert_same, read_results
from conftest import Shapes, bags
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

mmcv_operators.install()

from mmdet.registry import MODELS  # noqa: E402
from mmdet.structures import DetDataSample  # noqa: E402
from mmdet.utils import register_all_modules  # noqa: E402
from mmengine.config import ConfigDict  # noqa: E402
from mmengine.runner import save_checkpoint  # noqa: E402

from bags_integrations import mmdetection_detector as mm  # noqa: E402
from bags_integrations.annotations import match  # noqa: E402

IDS = make_shapes.CATEGORY_IDS
COUNT = len(IDS)


def make_model(stages: int = 1) -> Any:
    """mmdetection's Faster R-CNN, or Cascade R-CNN, with a small ResNet and FPN, its weights drawn."""
    register_all_modules(init_default_scope=True)
    torch.manual_seed(5)
    anchors = {"type": "AnchorGenerator", "scales": [4], "ratios": [0.5, 1.0, 2.0], "strides": [4, 8, 16, 32]}
    coder = {"type": "DeltaXYWHBBoxCoder", "target_means": [0.0] * 4}
    loss = {"type": "CrossEntropyLoss"}
    heads = [
        {
            "type": "Shared2FCBBoxHead",
            "in_channels": 32,
            "fc_out_channels": 64,
            "roi_feat_size": 7,
            "num_classes": COUNT,
            "reg_class_agnostic": stages > 1,
            "bbox_coder": {**coder, "target_stds": [std / (stage + 1) for std in (0.1, 0.1, 0.2, 0.2)]},
            "loss_cls": {**loss, "use_sigmoid": False},
            "loss_bbox": {"type": "L1Loss"},
        }
        for stage in range(stages)
    ]
    cascade = {"type": "CascadeRoIHead", "num_stages": stages, "stage_loss_weights": [1, 0.5, 0.25], "bbox_head": heads}
    config = ConfigDict(
        {
            "type": "FasterRCNN",
            "data_preprocessor": {"type": "DetDataPreprocessor"},
            "backbone": {"type": "ResNet", "depth": 18, "base_channels": 16, "norm_cfg": {"type": "BN"}},
            "neck": {"type": "FPN", "in_channels": [16, 32, 64, 128], "out_channels": 32, "num_outs": 4},
            "rpn_head": {
                "type": "RPNHead",
                "in_channels": 32,
                "feat_channels": 32,
                "anchor_generator": anchors,
                "bbox_coder": {**coder, "target_stds": [1.0] * 4},
                "loss_cls": {**loss, "use_sigmoid": True},
                "loss_bbox": {"type": "L1Loss"},
            },
            "roi_head": {
                **(cascade if stages > 1 else {"type": "StandardRoIHead", "bbox_head": heads[0]}),
                "bbox_roi_extractor": {
                    "type": "SingleRoIExtractor",
                    "roi_layer": {"type": "RoIAlign", "output_size": 7, "sampling_ratio": 2, "use_torchvision": True},
                    "out_channels": 32,
                    "featmap_strides": [4, 8, 16, 32],
                },
            },
            "train_cfg": None,
            "test_cfg": {
                "rpn": {
                    "nms_pre": 200,
                    "max_per_img": 60,
                    "nms": {"type": "nms", "iou_threshold": 0.7},
                    "min_bbox_size": 0,
                },
                "rcnn": {"score_thr": 0.001, "nms": {"type": "nms", "iou_threshold": 0.5}, "max_per_img": 100},
            },
        }
    )
    model = MODELS.build(config)
    # Drawn weights this small would give every RoI the same scores.
    for head in mm._bbox_heads(model):
        for layer in (head.fc_cls, head.fc_reg):
            nn.init.normal_(layer.weight, std=0.5)
    return model.eval()


@pytest.fixture(scope="module")
def model() -> Any:
    return make_model()


def run_on(model: Any, shapes: Shapes, image_id: int) -> Any:
    """The model's detections of an image, made a fourth larger before."""
    image = make_shapes.load_image(shapes.folder / "images" / f"{image_id}.png")
    height, width = image.shape[1:]
    size = (round(1.25 * height), round(1.25 * width))
    pixels = nn.functional.interpolate(image[None], size, mode="bilinear")[0]
    sample = DetDataSample()
    sample.set_metainfo(
        {
            "img_id": image_id,
            "ori_shape": (height, width),
            "img_shape": size,
            "batch_input_shape": size,
            "pad_shape": size,
            "scale_factor": (size[1] / width, size[0] / height),
        }
    )
    with torch.inference_mode():
        (found,) = model.predict(pixels[None], [sample], rescale=True)
    return found.pred_instances


@pytest.fixture(scope="module")
def features(shapes: Shapes, model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("features")

    def run(image_id: int) -> Any:
        return run_on(model, shapes, image_id)

    mm.export_features(model, run, folder / "train", IDS, shapes.train)
    mm.export_features(model, run, folder / "val", IDS, shapes.val, dtype=torch.float32)
    mm.export_head(model, folder / "head.safetensors", IDS)
    return folder


def detect(model: Any, shapes: Shapes) -> dict[int, Found]:
    found = {}
    for image_id in shapes.val.image_ids:
        result = run_on(model, shapes, image_id)
        categories = torch.tensor([IDS[label] for label in result.labels.tolist()])
        found[image_id] = Found(result.bboxes.double(), result.scores, categories)
    return found


def predict(shapes: Shapes, features: Path, head: Path, output: Path, *more: object) -> dict[int, Found]:
    settings = ["--score-threshold", 0.001, "--nms-iou", 0.5, "--max-detections", 100, "--box-coder", "mmdetection2"]
    inputs = ["--features", features / "val", "--annotations", shapes.folder / "val.json"]
    bags("predict", head, *inputs, *settings, "--output", output, *more)
    return read_results(output)


def test_the_models_own_head(shapes: Shapes, model: Any, features: Path, tmp_path: Path) -> None:
    head = features / "head.safetensors"
    found = detect(model, shapes)
    assert assert_same(found, predict(shapes, features, head, tmp_path / "a.json")) > 100
    assert assert_same(found, predict(shapes, features, head, tmp_path / "b.json", "--box-head", head)) > 100


@pytest.mark.parametrize("method", ["bags", "softmax", "seesaw"])
def test_a_trained_head(shapes: Shapes, model: Any, features: Path, tmp_path: Path, method: str) -> None:
    run = tmp_path / "run"
    inputs = ["--features", features / "train", "--annotations", shapes.folder / "train.json"]
    bags("train", *inputs, "--method", method, "--epochs", 2, "--images-per-batch", 8, "--output", run)
    changed = copy.deepcopy(model)
    mm.install_head(changed, run, IDS)
    assert isinstance(changed.roi_head.bbox_head.loss_cls, mm.BagsActivation) == (method != "softmax")
    assert assert_same(detect(changed, shapes), predict(shapes, features, run, tmp_path / "r.json")) > 100


@pytest.mark.parametrize("stages", [1, 3])
def test_saves_and_loads(
    shapes: Shapes, features: Path, cascade_features: Path, tmp_path: Path, stages: int
) -> None:
    """As mmengine writes checkpoints, and as safetensors, which has every tensor once."""
    run = tmp_path / "run"
    folder = cascade_features if stages > 1 else features
    inputs = ["--features", folder / "train", "--annotations", shapes.folder / "train.json", "--stages", stages]
    bags("train", *inputs, "--epochs", 1, "--output", run)
    changed = make_model(stages)
    mm.install_head(changed, run, IDS)
    expected = detect(changed, shapes)
    assert sum(len(found.scores) for found in expected.values()) > 100
    save_checkpoint({"state_dict": changed.state_dict(), "meta": {"epoch": 3}}, str(tmp_path / "epoch_3.pth"))
    save_file({name: tensor.contiguous() for name, tensor in changed.state_dict().items()}, tmp_path / "a.safetensors")
    for saved in ("epoch_3.pth", "a.safetensors"):
        fresh = make_model(stages)
        mm.load_weights(fresh, tmp_path / saved)
        found = detect(fresh, shapes)
        assert all(torch.equal(expected[image].scores, found[image].scores) for image in expected)
    head = mm._bbox_heads(fresh)[-1]
    with pytest.raises(RuntimeError, match="own loss cannot train"):
        head.loss_cls(torch.zeros(1, 9), torch.zeros(1))
    fresh.train()
    with pytest.raises(RuntimeError, match="own loss cannot train"):
        head.fc_cls(torch.zeros(1, 64))


def test_the_student_of_a_teacher(model: Any, features: Path, tmp_path: Path) -> None:
    """Semi-supervised detectors hold two: both are named."""
    both = nn.ModuleDict({"student": model, "teacher": copy.deepcopy(model)})
    with pytest.raises(ValueError, match="2 modules of the ModuleDict have roi_head: student, teacher; give one"):
        mm.export_head(both, tmp_path / "a.safetensors", IDS)
    mm.export_head(nn.ModuleDict({"student": model}), tmp_path / "a.safetensors", IDS)
    left, right = load_file(tmp_path / "a.safetensors"), load_file(features / "head.safetensors")
    assert left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_convert_reads_the_whole_detector(shapes: Shapes, model: Any, features: Path, tmp_path: Path) -> None:
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, tmp_path / "model.safetensors")
    (tmp_path / "order.txt").write_text("\n".join(map(str, IDS)))
    arguments = ["--annotations", shapes.folder / "train.json", "--class-order", tmp_path / "order.txt"]
    head = tmp_path / "head.safetensors"
    bags("convert", tmp_path / "model.safetensors", "--from", "mmdetection", *arguments, "--output", head)
    left, right = load_file(head), load_file(features / "head.safetensors")
    assert left.keys() == right.keys() and len(left) == 4
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_refusals(model: Any, shapes: Shapes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="annotations or image_ids"):
        mm.export_features(model, lambda _: None, tmp_path / "a", IDS)
    with pytest.raises(RuntimeError, match="did not come to its bbox head"):
        mm.export_features(model, lambda _: None, tmp_path / "b", IDS, image_ids=[1])
    with pytest.raises(ValueError, match="add_ground_truth cannot be"):
        mm.export_features(model, lambda _: None, tmp_path / "b", IDS, image_ids=[1], add_ground_truth=True)
    heads = nn.ModuleList([HeadOfVersion2(), HeadOfVersion2()])
    cascade = SimpleNamespace(roi_head=SimpleNamespace(bbox_head=heads), training=False)
    with pytest.raises(ValueError, match="reg_class_agnostic=True"):
        mm.export_features(cascade, lambda _: None, tmp_path / "c", IDS, image_ids=[1])
    # Whatever happened, the model is as it was.
    assert "predict_by_feat" not in vars(model.roi_head.bbox_head)


@pytest.fixture(scope="module")
def cascade() -> Any:
    return make_model(stages=3)


@pytest.fixture(scope="module")
def cascade_features(shapes: Shapes, cascade: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cascade")

    def run(image_id: int) -> Any:
        return run_on(cascade, shapes, image_id)

    mm.export_features(cascade, run, folder / "train", IDS, shapes.train)
    mm.export_features(cascade, run, folder / "val", IDS, shapes.val, dtype=torch.float32)
    mm.export_head(cascade, folder / "head.safetensors", IDS)
    return folder


def test_a_cascades_own_heads(shapes: Shapes, cascade: Any, cascade_features: Path, tmp_path: Path) -> None:
    results = predict(shapes, cascade_features, cascade_features / "head.safetensors", tmp_path / "a.json")
    assert assert_same(detect(cascade, shapes), results) > 100


@pytest.mark.parametrize("method", ["bags", "softmax"])
def test_a_trained_head_in_a_cascade(
    shapes: Shapes, cascade: Any, model: Any, cascade_features: Path, tmp_path: Path, method: str
) -> None:
    run = tmp_path / "run"
    inputs = ["--features", cascade_features / "train", "--annotations", shapes.folder / "train.json"]
    recipe = ["--stages", 3, "--epochs", 2, "--images-per-batch", 8, "--init", cascade_features / "head.safetensors"]
    bags("train", *inputs, "--method", method, *recipe, "--output", run)
    changed = copy.deepcopy(cascade)
    mm.install_head(changed, run, IDS)
    assert assert_same(detect(changed, shapes), predict(shapes, cascade_features, run, tmp_path / "r.json")) > 100
    with pytest.raises(ValueError, match="a head of 3 stages for a detector of 1"):
        mm.install_head(model, run, IDS)
    if method == "softmax":
        (tmp_path / "order.txt").write_text("\n".join(map(str, IDS)))
        converted = tmp_path / "weights.safetensors"
        bags("convert", run, "--to", "mmdetection", "--class-order", tmp_path / "order.txt", "--output", converted)
        state, weights = changed.state_dict(), load_file(converted)
        assert len(weights) == 6 and all(torch.equal(state[name], tensor) for name, tensor in weights.items())


def test_a_cascades_labels_are_each_stages_own(shapes: Shapes, cascade: Any, cascade_features: Path) -> None:
    rows = load_file(cascade_features / "train" / "shard-00000.safetensors")
    assert rows["features"].shape[1:] == (3, 64) and rows["labels"].shape[1:] == (3,)
    # The last stage asks for an overlap of .7.
    assert torch.equal(rows["labels"][:, 2] >= 0, rows["ious"] >= 0.7)
    caught = []
    extractor = cascade.roi_head.bbox_roi_extractor[0]
    hook = extractor.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[1][:, 1:]))
    image_id = shapes.train.image_ids[0]
    run_on(cascade, shapes, image_id)
    hook.remove()
    image = make_shapes.load_image(shapes.folder / "images" / f"{image_id}.png")
    height, width = image.shape[1:]
    scale = torch.tensor([round(1.25 * width) / width, round(1.25 * height) / height] * 2)
    first = match(caught[0] / scale, shapes.train.objects(image_id), 0.5)
    assert torch.equal(rows["labels"][: len(first.labels), 0], first.labels) and bool((first.labels >= 0).any())


class HeadOfVersion2(nn.Module):
    """A bbox head with version 2's `get_bboxes`, which takes one image: its shape, and a scale for each coordinate."""

    with_reg = True
    reg_class_agnostic = False

    def __init__(self) -> None:
        super().__init__()
        self.fc_cls = nn.Linear(6, COUNT + 1)
        self.fc_reg = nn.Linear(6, 4 * COUNT)
        self.loss_cls = nn.CrossEntropyLoss()
        self.bbox_coder = SimpleNamespace(stds=(0.1, 0.1, 0.2, 0.2))

    def get_bboxes(
        self,
        rois: Tensor,
        cls_score: Tensor,
        bbox_pred: Tensor,
        img_shape: tuple[int, ...],
        scale_factor: Any,
        rescale: bool = False,
        cfg: Any = None,
    ) -> Tensor:
        loss: Any = self.loss_cls
        if getattr(loss, "custom_cls_channels", False):
            return loss.get_activation(cls_score)
        return cls_score.softmax(-1)


def test_version_2(tmp_path: Path) -> None:
    torch.manual_seed(0)
    head = HeadOfVersion2()
    model = SimpleNamespace(roi_head=SimpleNamespace(bbox_head=head), training=False)
    rois = torch.tensor([[0, 20, 40, 60, 80.0], [0, 0, 0, 10, 20]])
    x = torch.randn(2, 6)

    def run(image_id: int) -> Tensor:
        return head.get_bboxes(
            rois, head.fc_cls(x), head.fc_reg(x), (100, 100, 3), torch.tensor([2, 4, 2, 4.0]), rescale=True
        )

    mm.export_features(model, run, tmp_path / "set", IDS, image_ids=[3], dtype=torch.float32)
    rows = load_file(tmp_path / "set" / "shard-00000.safetensors")
    assert torch.equal(rows["features"], x)
    assert rows["boxes"].tolist() == [[10, 10, 30, 20], [0, 0, 5, 5]]
    order = sorted(range(COUNT), key=lambda place: IDS[place])
    deltas = head.fc_reg(x).unflatten(1, (-1, 4))[:, order] * torch.tensor([0.1, 0.1, 0.2, 0.2])
    assert torch.allclose(rows["box_deltas"], deltas.flatten(1))
    assert "get_bboxes" not in vars(head)
    mm.export_head(model, tmp_path / "head.safetensors", IDS)
    assert load_file(tmp_path / "head.safetensors")["fc_cls.bias"][0] == head.fc_cls.bias[-1]

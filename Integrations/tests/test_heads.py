"""Every kind of head: its scores here and in ONNX are those of `bags predict`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import onnx
import onnxruntime
import pytest
import torch
from compare import read_results
from conftest import bags

from bags_integrations.features import FeatureSetWriter
from bags_integrations.heads import HeadFile, HeadScorer, write_head

IDS = [3, 4, 9, 20, 21]
COUNTS = [5, 5000, 50, 300, 7]
METHODS = [
    ["softmax"],
    ["bags"],
    ["bags", "--g0", "official"],
    ["bags", "--g0", "none"],
    ["bags", "--others", "no"],
    ["seesaw"],
    ["ldam"],
    ["bce"],
    ["eqlv2"],
    ["acsl"],
    ["federated"],
    ["disalign"],
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of 40 images with 5 RoIs each, every box unlike the others, and a softmax head trained on it."""
    folder = tmp_path_factory.mktemp("heads")
    generator = torch.Generator().manual_seed(0)
    prototypes = torch.randn((6, 12), generator=generator)
    with FeatureSetWriter(folder / "set", torch.float32) as writer:
        for image_id in range(40):
            classes = torch.randint(0, 6, (5,), generator=generator)
            x = torch.arange(5.0)[:, None]
            writer.append(
                image_id,
                prototypes[classes] + torch.randn((5, 12), generator=generator),
                boxes=torch.cat([x, torch.zeros(5, 1), x + 1, torch.ones(5, 1)], 1),
                labels=torch.tensor([-1, *IDS])[classes],
            )
    categories = [
        {"id": category, "name": f"c{category}", "instance_count": count, "image_count": min(count, 40)}
        for category, count in zip(IDS, COUNTS, strict=True)
    ]
    (folder / "train.json").write_text(json.dumps({"images": [], "annotations": [], "categories": categories}))
    bags("group", folder / "train.json", "--output", folder / "groups.json")
    train(folder, "softmax", "softmax")
    return folder


def train(folder: Path, name: str, method: str, *options: str) -> Path:
    inputs = ["--features", folder / "set", "--groups", folder / "groups.json"]
    start = ["--init", folder / "softmax"] if method == "disalign" else []
    recipe = ["--epochs", 3, "--images-per-batch", 8, "--learning-rate", 0.1, "--overwrite"]
    bags("train", *inputs, "--method", method, *options, *start, *recipe, "--output", folder / name)
    return folder / name


def program_scores(folder: Path, head: Path) -> numpy.ndarray:
    """[200, 5]: every class's score of every RoI, which is known by its image and its box."""
    out = head / "results.json"
    everything = ["--score-threshold", 0, "--nms-iou", 1, "--max-detections", 1000, "--overwrite"]
    bags("predict", head, "--features", folder / "set", *everything, "--output", out)
    scores = numpy.zeros((200, 5))
    for image_id, found in read_results(out).items():
        for box, score, category in zip(found.boxes, found.scores, found.categories, strict=True):
            scores[5 * image_id + int(box[0]), IDS.index(int(category))] = float(score)
    return scores


def features(folder: Path) -> torch.Tensor:
    from safetensors.torch import load_file

    return load_file(folder / "set" / "shard-00000.safetensors")["features"]


@pytest.mark.parametrize("method", METHODS, ids=" ".join)
def test_scores_are_the_programs(world: Path, method: list[str]) -> None:
    assert_same_scores(world, train(world, "run-" + "-".join(method).replace("--", ""), *method))


@pytest.mark.parametrize("method", ["tau-norm", "tau-norm-select", "ncm"])
def test_scores_of_calibrated_heads(world: Path, method: str) -> None:
    bags("calibrate", world / "softmax", "--method", method, "--output", world / method)
    assert HeadFile.read(world / method).is_softmax == (method == "tau-norm")
    assert_same_scores(world, world / method)


def assert_same_scores(world: Path, run: Path) -> None:
    """The scores of `HeadScorer` and of the ONNX model are those of `bags predict`."""
    expected = program_scores(world, run)
    assert expected.max() > 0.1
    x = features(world)
    own = HeadScorer(HeadFile.read(run))(x).numpy()
    assert numpy.abs(own - expected).max() < 1e-5

    for precision, tolerance in (("fp32", 1e-5), ("fp16", 5e-3)):
        path = run / f"{precision}.onnx"
        bags("export", run, "--onnx", path, "--precision", precision)
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        metadata = {entry.key: entry.value for entry in model.metadata_props}
        assert json.loads(metadata["class_names"]) == [f"c{category}" for category in IDS]
        assert json.loads(metadata["category_ids"]) == IDS
        assert [c["group"] for c in json.loads(metadata["groups"])["categories"]] == [1, 4, 2, 3, 1]
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        given = x.numpy().astype(numpy.float16 if precision == "fp16" else numpy.float32)
        for batch in (given, given[:1], given[:0]):
            (scores,) = session.run(["scores"], {"features": batch})
            assert scores.shape == (len(batch), 5) and scores.dtype == numpy.float32
            if len(batch):
                assert numpy.abs(scores - expected[: len(batch)]).max() < tolerance


def test_other_orders_of_classes(world: Path) -> None:
    head = HeadFile.read(world / "softmax")
    assert head.is_softmax and head.names == [f"c{category}" for category in IDS]
    x = features(world)
    order = [20, 3, 21, 9, 4]
    expected = HeadScorer(head)(x)[:, [IDS.index(category) for category in order]]
    assert torch.equal(HeadScorer(head, order)(x), expected)
    with pytest.raises(ValueError, match="5 categories that are not the detector's 4"):
        HeadScorer(head, order[:4])


def test_refuses_heads_that_it_does_not_know(world: Path, tmp_path: Path) -> None:
    head = HeadFile.read(world / "softmax")
    head.layout = "cubic"
    with pytest.raises(ValueError, match="cubic"):
        HeadScorer(head)(features(world))
    head.layout = "grouped-sigmoid"
    with pytest.raises(ValueError, match="6 rows; 10 are expected"):
        HeadScorer(head)
    layer = (torch.zeros(3, 4), torch.zeros(3))
    write_head(tmp_path / "a.safetensors", [2, 1], [layer], None, True, True, (1, 1, 1, 1), "standard")
    with pytest.raises(ValueError, match="does not name its classes"):
        HeadFile.read(tmp_path / "a.safetensors")


def test_write_head_orders_rows(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    def rows(count: int, first: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        values = torch.arange(first, first + count, dtype=torch.float32)
        return values[:, None], values

    path = tmp_path / "new" / "a.safetensors"
    write_head(path, [9, 2, 5], [rows(4)], rows(16), True, True, (0.1, 0.1, 0.2, 0.2), "standard")
    tensors = load_file(path)
    assert tensors["fc_cls.bias"].tolist() == [0, 2, 3, 1]
    assert tensors["fc_reg.background.bias"].tolist() == [0, 1, 2, 3]
    assert tensors["fc_reg.bias"].tolist() == [*range(8, 16), *range(4, 8)]
    write_head(path, [9, 2, 5], [rows(4)], rows(12), False, False, (0.1, 0.1, 0.2, 0.2), "mmdetection2")
    tensors = load_file(path)
    assert tensors["fc_cls.bias"].tolist() == [3, 1, 2, 0]
    assert tensors["fc_reg.bias"].tolist() == [*range(4, 12), *range(4)]
    for classifier, regressor, words in ((rows(3), None, "3 rows; 4"), (rows(4), rows(8), "8 rows; 4, or 12")):
        with pytest.raises(ValueError, match=words):
            write_head(path, [9, 2, 5], [classifier], regressor, False, False, (1, 1, 1, 1), "standard")
    with pytest.raises(ValueError, match="twice"):
        write_head(path, [9, 9, 5], [rows(4)], None, False, False, (1, 1, 1, 1), "standard")

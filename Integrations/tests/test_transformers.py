"""The real transformers: query features out, a head trained, and the head back in; against the model's own post-processing."""

from __future__ import annotations

import copy
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import small_queries
import torch
from compare import Found, assert_same, read_results
from conftest import bags
from safetensors.torch import load_file, save_file
from small_queries import IDS, KINDS, image

from bags_integrations import transformers_detector as tf
from bags_integrations.annotations import Annotations
from bags_integrations.classes import ClassIDs
from bags_integrations.query_heads import QualityScores, QueryHead, QueryScores, softmax_logits

IMAGES = range(1, 9)
KNOWN = sorted(category for category in IDS if category is not None)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Annotations of the noise: two or three objects an image, of the categories in turn; one image without."""
    entries, number = [], 0
    for image_id in IMAGES:
        for place in range(0 if image_id == 5 else 2 + image_id % 2):
            number += 1
            x, y = 8 * ((3 * number) % 8), 8 * ((5 * number) % 5)
            category = KNOWN[0] if number % 3 else KNOWN[number // 3 % len(KNOWN)]
            entries.append(
                {"id": number, "image_id": image_id, "category_id": category, "bbox": [x, y, 24, 20], "area": 480}
            )
    sizes = {image_id: image(image_id).shape[1:] for image_id in IMAGES}
    data = {
        "images": [{"id": n, "file_name": f"{n}.png", "height": sizes[n][0], "width": sizes[n][1]} for n in IMAGES],
        "categories": [{"id": category, "name": f"c{category}"} for category in KNOWN],
        "annotations": entries,
    }
    path = tmp_path_factory.mktemp("annotations") / "train.json"
    path.write_text(json.dumps(data))
    return path


def export(model: Any, processor: Any, folder: Path, annotations: Path | None, **more: Any) -> int:
    with warnings.catch_warnings():
        # The models are not trained: their class heads are wrong.
        warnings.simplefilter("ignore", UserWarning)
        return tf.export_features(
            model,
            processor,
            image,
            folder,
            IDS,
            Annotations.read(annotations) if annotations else None,
            image_ids=list(IMAGES),
            dtype=torch.float32,
            progress=False,
            **more,
        )


def detect(model: Any, processor: Any, batch_size: int = 1, ids: ClassIDs = IDS) -> dict[int, Found]:
    """What the model's own post-processing finds, above 0; rows that are no category left out."""
    found = {}
    ids_of_images = list(IMAGES)
    for start in range(0, len(ids_of_images), batch_size):
        part = ids_of_images[start : start + batch_size]
        images = [image(image_id) for image_id in part]
        with torch.inference_mode():
            outputs = model(**processor(images=images, return_tensors="pt"))
        sizes = [tuple(one.shape[1:]) for one in images]
        results = processor.post_process_object_detection(outputs, threshold=0, target_sizes=sizes)
        for image_id, result in zip(part, results, strict=True):
            categories = [ids[label] for label in result["labels"].tolist()]
            # DETR's come in the order of its queries.
            order = sorted(range(len(categories)), key=lambda place: -float(result["scores"][place]))
            order = [place for place in order if categories[place] is not None]
            found[image_id] = Found(
                result["boxes"][order].double(),
                result["scores"][order],
                torch.tensor([category for place in order if (category := categories[place]) is not None]),
            )
    return found


def predict(head: Path, features: Path, drawn: Path, output: Path, *more: object) -> dict[int, Found]:
    inputs = ["--features", features, "--annotations", drawn, "--output", output]
    bags("predict", head, *inputs, "--overwrite", *more)
    return read_results(output)


def same(left: dict[int, Found], right: dict[int, Found]) -> int:
    return assert_same(left, right, tolerance=1e-5)


@pytest.fixture(scope="module", params=[name for name in KINDS])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def without_others(kind: str) -> tuple[Any, Any]:
    """A model whose rows that are no category never win: they take part in its post-processing, not in that of bags."""
    model, processor = small_queries.make(kind)
    for module in {id(m): m for m in model.modules() if getattr(m, "out_features", 0) in (len(IDS), len(IDS) + 1)}.values():
        with torch.no_grad():
            for place in (place for place, category in enumerate(IDS) if category is None):
                module.weight[place] = 0
                module.bias[place] = -30
    return model, processor


@pytest.fixture(scope="module")
def exported(
    without_others: tuple[Any, Any], drawn: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    model, processor = without_others
    folder = tmp_path_factory.mktemp("exported")
    assert export(model, processor, folder / "features", drawn) == len(IMAGES)
    tf.export_head(model, folder / "head.safetensors", IDS)
    bags("group", drawn, "--boundaries", "4", "--output", folder / "groups.json")
    return folder


def test_the_models_own_head_gives_its_own_detections(
    without_others: tuple[Any, Any], exported: Path, drawn: Path, tmp_path: Path
) -> None:
    model, processor = without_others
    results = predict(exported / "head.safetensors", exported / "features", drawn, tmp_path / "r.json")
    assert same(detect(model, processor), results) >= 8 * 12


@pytest.mark.parametrize("method", ["bags", "softmax", "focal", "varifocal"])
def test_a_trained_head_in_the_model(
    kind: str, without_others: tuple[Any, Any], exported: Path, drawn: Path, tmp_path: Path, method: str
) -> None:
    model, processor = without_others
    inputs = ["--features", exported / "features", "--groups", exported / "groups.json"]
    bags("train", *inputs, "--method", method, "--learning-rate", "0.3", "--epochs", "4", "--output", tmp_path / "run")
    changed = copy.deepcopy(model)
    tf.install_head(changed, tmp_path / "run", IDS)
    head = QueryHead.of(changed)
    is_own = method == ("softmax" if kind == "detr" else "focal") or (method == "varifocal" and kind != "detr")
    expected = QueryScores if not is_own or head.quality else torch.nn.Linear
    place = head.detector.get_submodule(head.quality) if head.quality else head.module
    assert isinstance(place, expected)
    results = predict(tmp_path / "run", exported / "features", drawn, tmp_path / "r.json")
    detections = detect(changed, processor)
    assert same(detections, results) >= 8 * 12
    with pytest.raises(AssertionError):
        same(detect(model, processor), results)
    # Saved, and loaded into one as it was before.
    torch.save(changed.state_dict(), tmp_path / "model.pt")
    again = copy.deepcopy(model)
    tf.load_weights(again, tmp_path / "model.pt")
    assert same(detect(again, processor), results) >= 8 * 12
    if expected is not torch.nn.Linear:
        with pytest.raises(RuntimeError, match="own loss cannot train"):
            changed.train()(**processor(images=[image(1)], return_tensors="pt"))


def test_several_images_at_once_and_going_on(
    kind: str, without_others: tuple[Any, Any], exported: Path, drawn: Path, tmp_path: Path
) -> None:
    model, processor = without_others
    assert export(model, processor, tmp_path / "f", drawn, batch_size=3, rows_per_shard=50) == len(IMAGES)
    shards = sorted((tmp_path / "f").iterdir())
    assert len(shards) == 2
    results = predict(exported / "head.safetensors", tmp_path / "f", drawn, tmp_path / "r.json")
    assert same(detect(model, processor, batch_size=3), results) >= 8 * 12
    # Cut off: what is whole stays.
    before = load_file(shards[0])
    shards[1].unlink()
    assert export(model, processor, tmp_path / "f", drawn, batch_size=3, rows_per_shard=50) == 3
    after = load_file(shards[0])
    assert all(torch.equal(before[name], after[name]) for name in before)
    if kind.startswith("rt_detr"):
        # Images of one size are not padded: nothing depends on the batch.
        whole, parts = load_file(exported / "features" / "shard-00000.safetensors"), [load_file(s) for s in shards]
        joined = torch.cat([part["boxes"] for part in parts])
        assert torch.allclose(whole["boxes"], joined, atol=1e-3)


def test_labels_are_the_models_own_matchers(kind: str, drawn: Path) -> None:
    model, processor = small_queries.make(kind)
    matcher = own_matcher(model, kind)
    read = Annotations.read(drawn)
    for image_id in IMAGES:
        pixels = image(image_id)
        height, width = pixels.shape[1:]
        with torch.inference_mode():
            outputs = model(**processor(images=[pixels], return_tensors="pt"))
        objects = read.objects(image_id)
        boxes = objects.boxes / torch.tensor([width, height, width, height])
        centred = torch.cat([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1).float()
        places = {category: place for place, category in enumerate(IDS) if category is not None}
        target = {"class_labels": torch.tensor([places[c] for c in objects.labels.tolist()]).long(), "boxes": centred}
        (pairs,) = matcher({"logits": outputs.logits, "pred_boxes": outputs.pred_boxes}, [target])
        labels = torch.full((12,), -1)
        labels[pairs[0]] = objects.labels[pairs[1]]
        is_softmax = outputs.logits.shape[-1] == len(IDS) + 1
        own = tf.QueryMatcher.of(model.config, is_softmax).match(
            outputs.logits[0], outputs.pred_boxes[0], objects, places, (width, height)
        )
        assert torch.equal(own.labels, labels)
        assert int((own.labels >= 0).sum()) == len(objects.boxes)
        assert bool((own.ious[own.labels < 0] == 0).all()) and bool((own.ious <= 1).all())


def own_matcher(model: Any, kind: str) -> Any:
    from transformers.loss.loss_deformable_detr import DeformableDetrHungarianMatcher
    from transformers.loss.loss_for_object_detection import HungarianMatcher
    from transformers.loss.loss_lw_detr import LwDetrHungarianMatcher
    from transformers.loss.loss_rt_detr import RTDetrHungarianMatcher

    config = model.config
    if kind in ("rt_detr", "rt_detr_v2", "d_fine"):
        return RTDetrHungarianMatcher(config)
    costs = {"class_cost": config.class_cost, "bbox_cost": config.bbox_cost, "giou_cost": config.giou_cost}
    if kind == "rf_detr":
        matcher = LwDetrHungarianMatcher(**costs)
        return lambda outputs, targets: matcher(outputs, targets, 1)
    return (HungarianMatcher if kind == "detr" else DeformableDetrHungarianMatcher)(**costs)


def test_a_feature_set_says_what_its_model_does(kind: str, exported: Path) -> None:
    from safetensors import safe_open

    with safe_open(exported / "features" / "shard-00000.safetensors", "pt") as shard:
        metadata = shard.metadata()
        columns = set(shard.keys())
    assert metadata["kind"] == "queries"
    assert metadata["per_query"] == ("best" if kind == "detr" else "all")
    assert metadata["max_detections"] == ("100" if "formable" in kind or kind == "conditional_detr" else "12")
    assert columns == {"features", "boxes", "image_ids", "labels", "ious", "gt_boxes"}


def test_objects_with_a_query_are_told(
    without_others: tuple[Any, Any], drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, processor = without_others
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        tf.export_features(model, processor, image, tmp_path / "f", IDS, Annotations.read(drawn))
    text = capsys.readouterr().err
    assert "objects with a query" in text and "all: of 17 objects" in text and "G1: of" in text


# The weights, by `bags convert`.


def test_the_head_by_convert(
    kind: str, without_others: tuple[Any, Any], exported: Path, drawn: Path, tmp_path: Path
) -> None:
    model, processor = without_others
    save_file({name: tensor.clone() for name, tensor in model.state_dict().items()}, tmp_path / "model.safetensors")
    names = [f"c{category}" if category is not None else "N/A" for category in IDS]
    (tmp_path / "classes.txt").write_text("\n".join(names))
    order = ["--annotations", drawn, "--class-order", tmp_path / "classes.txt"]
    head = tmp_path / "head.safetensors"
    bags("convert", tmp_path / "model.safetensors", "--from", "transformers", *order, "--output", head)
    converted, own = load_file(head), load_file(exported / "head.safetensors")
    assert all(torch.equal(converted[name], own[name]) for name in ("fc_cls.weight", "fc_cls.bias"))
    if kind == "d_fine":
        return
    method = "softmax" if kind == "detr" else "focal"
    inputs = ["--features", exported / "features", "--groups", exported / "groups.json", "--learning-rate", "0.3"]
    bags("train", *inputs, "--method", method, "--epochs", "2", "--output", tmp_path / "run")
    back = tmp_path / "back.safetensors"
    into = ["--into", tmp_path / "model.safetensors", "--class-order", tmp_path / "classes.txt"]
    bags("convert", tmp_path / "run", "--to", "transformers", *into, "--output", back)
    changed = copy.deepcopy(model)
    changed.load_state_dict(load_file(back))
    installed = copy.deepcopy(model)
    tf.install_head(installed, tmp_path / "run", IDS)
    own_weights, their_weights = (QueryHead.of(one).module.weight for one in (changed, installed))
    assert torch.equal(own_weights, their_weights)
    if kind != "deformable_detr_two_stage":
        results = predict(tmp_path / "run", exported / "features", drawn, tmp_path / "r.json")
        assert same(detect(changed, processor), results) >= 8 * 12


def test_two_stages_keep_the_encoders_head(kind: str, without_others: tuple[Any, Any], exported: Path, tmp_path: Path) -> None:
    model, _ = without_others
    if kind != "deformable_detr_two_stage":
        pytest.skip("the encoder has a head of its own, or there is one stage")
    encoder = model.model.decoder.class_embed[-1].weight.clone()
    changed = copy.deepcopy(model)
    inputs = ["--features", exported / "features", "--groups", exported / "groups.json", "--learning-rate", "0.3"]
    bags("train", *inputs, "--method", "focal", "--epochs", "2", "--output", tmp_path / "run")
    tf.install_head(changed, tmp_path / "run", IDS)
    assert torch.equal(changed.model.decoder.class_embed[-1].weight, encoder)
    assert not torch.equal(changed.class_embed[1].weight, encoder)


def test_softmax_of_the_logits_is_the_scores() -> None:
    scores = torch.tensor([[0.1, 0.2, 0.05], [0.9, 0.8, 0.7], [0.0, 0.0, 0.0], [1.0, 0.3, 0.0]])
    found = softmax_logits(scores).softmax(1)[:, :-1]
    assert torch.allclose(found[0], scores[0], atol=1e-6)
    assert torch.equal(found.argmax(1)[[0, 1, 3]], scores.argmax(1)[[0, 1, 3]])
    assert torch.allclose(found.max(1).values, scores.max(1).values, atol=1e-6)


def test_what_is_no_query_detector() -> None:
    with pytest.raises(TypeError, match="a str is no detector"):
        tf.export_head("model", "head.safetensors", IDS)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no query detector"):
        tf.export_head(torch.nn.Linear(2, 2), "head.safetensors", IDS)
    model, _ = small_queries.make("detr")
    with pytest.raises(ValueError, match="8 rows; there are 6 category ids"):
        tf.export_head(model, "head.safetensors", IDS[:6])
    wrapped = torch.nn.ModuleDict({"student": model})
    assert QueryHead.of(wrapped).detector is model
    assert not isinstance(QueryHead.of(model).module, QualityScores)

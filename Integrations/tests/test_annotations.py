from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
import torch
from conftest import Shapes, bags

from bags_integrations.annotations import Annotations, ImageObjects, match
from bags_integrations.classes import order_of


def test_refuses_what_is_no_annotations(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    for text in ("[]", '{"images": []}'):
        path.write_text(text)
        with pytest.raises(ValueError, match="results.json: has no images and categories"):
            Annotations.read(path)
    path.write_text('{"images": [], "categories": [], "annotations": [{"id": 8, "image_id": 1, "category_id": 1}]}')
    with pytest.raises(ValueError, match="annotation 8 has no bbox"):
        Annotations.read(path)


def test_says_which_ids_are_no_integers(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    good = {"images": [{"id": 1}], "categories": [{"id": 2}], "annotations": []}
    box = {"id": 8, "image_id": 1, "category_id": 2, "bbox": [0, 0, 1, 1]}
    for change, message in (
        ({"images": [{"id": "1"}]}, "an entry of images has the id '1', which is no integer; .*int()"),
        ({"categories": [{"id": "2"}]}, "an entry of categories has the id '2'"),
        ({"categories": [{"name": "a"}]}, "an entry of categories has no id"),
        ({"annotations": [{**box, "category_id": "2"}]}, "annotation 8 has the category_id '2'"),
        ({"annotations": [{**box, "image_id": None}]}, "annotation 8 has the image_id None"),
        ({"annotations": [{**box, "bbox": []}]}, r"annotation 8 has the bbox \[\]"),
    ):
        path.write_text(json.dumps({**good, **change}))
        with pytest.raises(ValueError, match=f"a.json: {message}"):
            Annotations.read(path)
    path.write_text("{")
    with pytest.raises(ValueError, match="a.json: is no JSON"):
        Annotations.read(path)
    with pytest.raises(TypeError, match="a dict is no path"):
        Annotations.read(good)  # type: ignore[arg-type]
    for encoding in ("utf-8-sig", "utf-16"):
        path.write_text(json.dumps({**good, "annotations": [box]}), encoding=encoding)
        assert Annotations.read(path).objects(1).labels.tolist() == [2]


def test_category_ids_of_names_and_of_ids() -> None:
    annotations = Annotations([1], {}, {3: "cat", 7: "dog", 9: "dog", 12: "7"})
    assert annotations.category_ids(["N/A", "cat", "-", "9"]) == [None, 3, None, 9]
    # A name goes before an id.
    assert annotations.category_ids(["7", 7]) == [12, 7]
    with pytest.raises(ValueError, match=r"2 categories are called 'dog': \[7, 9\]; give ids"):
        annotations.category_ids(["dog"])
    with pytest.raises(ValueError, match="none of the 2 classes, such as 'bird', is a name or an id of the 4"):
        annotations.category_ids(["bird", "N/A"])


def test_the_categories_of_coco_among_90_labels() -> None:
    """torchvision's detectors of COCO have a label for each id from 1 to 90, of which 80 are categories."""
    gaps = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
    annotations = Annotations([1], {}, {number: f"c{number}" for number in range(1, 91) if number not in gaps})
    with pytest.raises(ValueError, match=r"has 90 categories, the annotations have 80; .*\[12, 26, .* write None"):
        order_of(list(range(1, 91)), annotations)
    ids = annotations.category_ids(range(1, 91))
    assert [place + 1 for place, category in enumerate(ids) if category is None] == sorted(gaps)
    assert [place + 1 for place in order_of(ids, annotations)] == list(annotations.categories)


def test_says_what_is_no_list_of_category_ids() -> None:
    for ids, message in (
        ({1: 11, 2: 3}, "are a dict; give a list"),
        ("ids.txt", "are 'ids.txt'; give a list"),
        (["1", "2"], "class 0: its category id is the text '1'; give integers"),
        ([1, 2.5], "class 1: its category id is 2.5, which is no integer"),
    ):
        with pytest.raises(TypeError, match=message):
            order_of(ids)  # type: ignore[arg-type]
    for wrong, message in (([4, 4], "category id 4 stands twice"), ([None], "none of the detector's classes has a")):
        with pytest.raises(ValueError, match=message):
            order_of(wrong)
    assert order_of(torch.tensor([5, 2])) == order_of(numpy.array([5, 2])) == [1, 0]  # type: ignore[arg-type]


def test_reads_coco(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    box = {"image_id": 9, "category_id": 4}
    path.write_text(
        json.dumps(
            {
                "images": [{"id": 9, "file_name": "b.png"}, {"id": 2, "coco_url": "http://x/c.jpg"}],
                "categories": [{"id": 4, "name": "d"}, {"id": 1, "name": "c"}],
                "annotations": [
                    {**box, "bbox": [1, 2, 3, 4]},
                    {**box, "bbox": [0, 0, 9, 9], "iscrowd": 1},
                    {**box, "bbox": [0, 0, 0, 9]},
                ],
            }
        )
    )
    annotations = Annotations.read(path)
    assert annotations.image_ids == [2, 9] and list(annotations.categories.items()) == [(1, "c"), (4, "d")]
    assert annotations.file_names == {2: "http://x/c.jpg", 9: "b.png"}
    assert annotations.objects(9).boxes.tolist() == [[1, 2, 4, 6]]
    assert len(annotations.objects(2).boxes) == 0


def test_matches_the_object_overlapped_most() -> None:
    objects = ImageObjects(
        torch.tensor([[0, 0, 10, 10], [0, 0, 10, 10], [20, 0, 30, 10]], dtype=torch.float64), torch.tensor([7, 8, 9])
    )
    rois = torch.tensor([[0, 0, 10, 5.0], [0, 0, 10, 4.9], [21, 0, 30, 10], [50, 50, 60, 60]])
    found = match(rois, objects)
    # An IoU of exactly .5 is enough, and of two equal ones the first counts.
    assert found.labels.tolist() == [7, -1, 9, -1]
    assert found.ious.tolist()[:3] == [0.5, torch.tensor(0.49).item(), torch.tensor(0.9).item()]
    assert found.gt_boxes[2].tolist() == [20, 0, 30, 10]
    none = match(rois, ImageObjects(torch.zeros((0, 4), dtype=torch.float64), torch.zeros(0, dtype=torch.int64)))
    assert none.labels.tolist() == [-1] * 4 and torch.equal(none.gt_boxes, rois)


def test_is_the_programs_assignment(shapes: Shapes, tmp_path: Path) -> None:
    """A set with labels and one without train to the same head: `bags train` assigns what `match` does."""
    from bags_integrations.features import FeatureSetWriter

    generator = torch.Generator().manual_seed(3)
    train = shapes.train
    for name in ("labelled", "bare"):
        generator.manual_seed(3)
        with FeatureSetWriter(tmp_path / name) as writer:
            for image_id in train.image_ids:
                objects = train.objects(image_id)
                around = objects.boxes.float().repeat(8, 1)
                boxes = around + torch.randint(-6, 7, (len(around), 1), generator=generator)
                features = torch.randn((len(boxes), 8), generator=generator)
                labels = match(boxes, objects).labels if name == "labelled" else None
                if len(boxes):
                    writer.append(image_id, features, boxes=boxes, labels=labels)
        run = ["--features", tmp_path / name, "--annotations", shapes.folder / "train.json", "--epochs", 1]
        bags("train", *run, "--output", tmp_path / f"{name}-run")
    heads = [(tmp_path / f"{name}-run" / "head.safetensors").read_bytes() for name in ("labelled", "bare")]
    assert heads[0] == heads[1]

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from conftest import Shapes, bags

from bags_integrations.annotations import Annotations, ImageObjects, match


def test_refuses_what_is_no_annotations(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    for text in ("[]", '{"images": []}'):
        path.write_text(text)
        with pytest.raises(ValueError, match="results.json: has no images and categories"):
            Annotations.read(path)
    path.write_text('{"images": [], "categories": [], "annotations": [{"id": 8, "image_id": 1, "category_id": 1}]}')
    with pytest.raises(ValueError, match="annotation 8 has no bbox"):
        Annotations.read(path)


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

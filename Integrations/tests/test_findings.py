"""What an export says of its inputs: a wrong order of the classes, images in another size, things of another kind."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import make_shapes
import numpy
import pytest
import torch
from conftest import Shapes
from PIL import Image
from torchvision.models.detection import FasterRCNN

from bags_integrations import label_check
from bags_integrations import torchvision_detector as tv
from bags_integrations.annotations import Annotations
from bags_integrations.label_check import LabelCheck

IDS = make_shapes.CATEGORY_IDS


@pytest.fixture(scope="module")
def detector(shapes: Shapes) -> FasterRCNN:
    return make_shapes.load_detector(shapes.folder / "detector.pt")


@pytest.fixture
def load(shapes: Shapes) -> Callable[[int], torch.Tensor]:
    return lambda image_id: make_shapes.load_image(shapes.folder / "images" / f"{image_id}.png")


def test_nothing_where_nothing_is_wrong(shapes: Shapes, detector: FasterRCNN, load: Any, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        tv.export_features(detector, load, tmp_path / "train", IDS, shapes.train, add_ground_truth=True)
        tv.export_features(detector, load, tmp_path / "val", IDS, shapes.val)


def test_a_wrong_order_of_the_classes(shapes: Shapes, detector: FasterRCNN, load: Any, tmp_path: Path) -> None:
    order = r"right on \d+ % of [\d,]+ RoIs that show an object: is the list of category ids in the order .*"
    # Both begin with the cross, 2, where the detector has the disc, 11.
    example = r"Class 0, by the list 2 \(cross\), is its answer to RoIs of 11 \(disc\)"
    for name, ids in (("reversed", IDS[::-1]), ("by id", sorted(IDS))):
        with pytest.warns(UserWarning, match=order + example) as found:
            tv.export_features(detector, load, tmp_path / name, ids, shapes.train, add_ground_truth=True)
        assert len([warning for warning in found if warning.category is UserWarning]) == 1
        # The line of the call here is what is shown.
        assert found[0].filename == __file__


def test_images_in_another_size(shapes: Shapes, detector: FasterRCNN, tmp_path: Path) -> None:
    def twice(image_id: int) -> torch.Tensor:
        image = make_shapes.load_image(shapes.folder / "images" / f"{image_id}.png")
        return torch.nn.functional.interpolate(image[None], scale_factor=4)[0]

    with pytest.warns(UserWarning, match="RoIs show one of the .* annotated objects .* in the size that these have?"):
        tv.export_features(detector, twice, tmp_path / "set", IDS, shapes.train, add_ground_truth=True)


def check_of(counts: dict[tuple[int, int], int], ids: list[int | None]) -> str | None:
    """The finding of a check that met `counts` RoIs for which class a was best and whose label is b."""
    check = LabelCheck(ids, Annotations([], {}, {1: "one", 2: "two", 3: "three"}))
    best = torch.tensor([place for (place, _), count in counts.items() for _ in range(count)])
    labels = torch.tensor([label for (_, label), count in counts.items() for _ in range(count)])
    assert check.add(1, labels, torch.ones(len(labels)), best) is None
    return check.finish()


def test_what_is_told_of_the_classifier() -> None:
    assert check_of({(0, 1): 50, (1, 2): 30, (2, 3): 20}, [1, 2, 3]) is None
    # Two classes are swapped, most RoIs are right.
    swapped = check_of({(0, 1): 70, (2, 2): 16, (1, 3): 14}, [1, 2, 3])
    assert swapped is not None and "right on 70 % of 100 RoIs" in swapped
    assert swapped.endswith(
        "Class 2, by the list 3 (three), is its answer to RoIs of 2 (two); class 1, by the list 2 (two), is its answer "
        "to RoIs of 3 (three)"
    )
    # A weak classifier, which answers with the frequent class, is no other order.
    assert check_of({(0, 1): 50, (0, 2): 30, (0, 3): 20}, [1, 2, 3]) is None
    # A bad one is told.
    poor = check_of({(0, 1): 12, (0, 2): 44, (1, 1): 44}, [1, 2, 3])
    assert poor is not None and "right on 12 % of 100 RoIs" in poor
    assert "by the list none" in str(check_of({(0, 1): 90, (1, 2): 10}, [None, 2, 1, 3]))
    # Background is no object, few RoIs are no ground.
    assert check_of({(1, 1): label_check.LEAST_ROIS - 1, (2, -1): 100}, [1, 2, 3]) is None
    assert check_of({(1, 1): label_check.LEAST_ROIS}, [1, 2, 3]) is not None


def test_is_told_early_and_once() -> None:
    check = LabelCheck([1, 2], Annotations([], {}, {1: "one", 2: "two"}))
    labels, best = torch.tensor([1] * 50), torch.ones(50, dtype=torch.int64)
    half = label_check.OBJECTS // 2
    assert check.add(half, labels.repeat(40), torch.ones(2000), best.repeat(40)) is None
    assert check.add(half, labels, torch.ones(50), best) is not None
    assert check.add(half, labels, torch.ones(50), best) is None and check.finish() is None


def test_says_what_was_given(shapes: Shapes, detector: FasterRCNN, load: Any, tmp_path: Path) -> None:
    def export(**change: Any) -> None:
        given = {"detector": detector, "load_image": load, "folder": tmp_path / "set", "category_ids": IDS}
        tv.export_features(**{**given, "annotations": shapes.val, **change})

    path = shapes.folder / "images" / f"{shapes.val.image_ids[0]}.png"
    for change, message in (
        ({"load_image": lambda _: Image.open(path)}, r"\d+: load_image gave a PngImageFile; .*to_tensor\(image\)"),
        ({"load_image": lambda _: numpy.zeros((9, 9, 3))}, "load_image gave a ndarray"),
        ({"load_image": lambda _: path}, "load_image gave a PosixPath"),
        ({"detector": detector.state_dict()}, "a OrderedDict is no detector, .* load_state_dict"),
        ({"detector": "detector.pt"}, "a str is no detector, .* load_state_dict"),
        ({"annotations": {"images": []}}, r"the annotations are a dict; give Annotations.read\(path\)"),
        ({"annotations": "val.json"}, r"the annotations are 'val.json'; give Annotations.read\(path\)"),
        ({"category_ids": [str(number) for number in IDS]}, "class 0: its category id is the text '11'"),
        ({"category_ids": dict(enumerate(IDS))}, "the category ids are a dict"),
        ({"image_ids": ["5"]}, "image id '5' is no integer"),
    ):
        with pytest.raises(TypeError, match=message):
            export(**change)
    for change, message in (
        ({"image_ids": []}, "there are no images to export"),
        ({"image_ids": [shapes.val.image_ids[0], 3]}, "1 of 2 image ids are not in the annotations, such as 3"),
        ({"detector": torch.nn.ReLU()}, "the ReLU has no roi_heads, and no module in it does"),
    ):
        with pytest.raises(ValueError, match=message):
            export(**change)
    assert list(tmp_path.iterdir()) == []

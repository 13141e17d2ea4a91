"""The loop over a data set that every framework's `export_features` runs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import torch
from torch import Tensor

from .annotations import Annotations, match
from .features import FeatureSetWriter


class ExportOptions(TypedDict, total=False):
    """What every framework's `export_features` can be told beside its own."""

    #: Which images, in any order; those of the annotations unless given.
    image_ids: Iterable[int] | None
    #: What features are stored as; float16 unless given.
    dtype: torch.dtype
    #: A shard is written once it holds so many RoIs; 100,000 unless given.
    rows_per_shard: int
    #: Whether to show how far it is, where standard error is a terminal; it is unless given.
    progress: bool


@dataclass
class ImageRoIs:
    """What a detector's last layers see of an image, in pixels of the image as it was given."""

    #: The input of the classification layer, [N, D]; of those of a cascade's S stages, [N, S, D].
    features: Tensor
    #: Proposals, [N, 4]: x1, y1, x2, y2; of a cascade those of the last stage.
    boxes: Tensor
    #: The regressor's output times its deviations, [N, 4], or [N, 4C] with the classes by ascending category id.
    box_deltas: Tensor | None = None
    #: The proposals' own scores, [N].
    objectness: Tensor | None = None
    #: The boxes that a cascade's stages before the last looked at, each [N, 4].
    earlier_boxes: Sequence[Tensor] = ()


#: The RoIs of an image; the boxes given, [M, 4], are to be among them.
RoIFunction = Callable[[int, Tensor], ImageRoIs]


def export_rois(
    model: Any,
    rois: RoIFunction,
    folder: str | os.PathLike[str],
    annotations: Annotations | None = None,
    add_ground_truth: bool = False,
    *,
    image_ids: Iterable[int] | None = None,
    dtype: torch.dtype = torch.float16,
    rows_per_shard: int = 100_000,
    progress: bool = True,
) -> int:
    """Writes the RoIs of images as a feature set; goes on where an earlier call was cut off.

    Args:
        model: The detector, which must be in evaluation mode.
        rois: Runs it on an image.
        folder: Where the shards go.
        annotations: Gives the RoIs' labels; without it `bags train` assigns them from its own annotations.
        add_ground_truth: Whether annotated boxes are RoIs too, as in the training of Faster R-CNN; for training sets.
        image_ids: This and the rest as `ExportOptions` has them.

    Returns:
        The number of images that were written by this call.
    """
    if model.training:
        raise ValueError("the detector is in training mode; call eval() first")
    if image_ids is None:
        if annotations is None:
            raise ValueError("give annotations or image_ids")
        image_ids = annotations.image_ids
    if add_ground_truth and annotations is None:
        raise ValueError("add_ground_truth needs annotations")
    ids = sorted(set(image_ids))
    with FeatureSetWriter(folder, dtype, rows_per_shard) as writer:
        last = writer.last_image_id
        rest = ids if last is None else [image_id for image_id in ids if image_id > last]
        bar = _Progress(len(ids), len(ids) - len(rest), progress and sys.stderr.isatty())
        for image_id in rest:
            objects = annotations.objects(image_id) if annotations is not None else None
            extra = objects.boxes.to(torch.float32) if objects is not None and add_ground_truth else torch.zeros((0, 4))
            with torch.inference_mode():
                found = rois(image_id, extra)
            matches = []
            if objects is not None:
                # A cascade's stages ask for more overlap one after the other: .5, .6, .7 (Cai and Vasconcelos, 2018).
                stages = enumerate([*found.earlier_boxes, found.boxes])
                matches = [match(boxes, objects, 0.5 + 0.1 * stage) for stage, boxes in stages]
            labels = [matched.labels for matched in matches]
            writer.append(
                image_id,
                found.features,
                boxes=found.boxes,
                box_deltas=found.box_deltas,
                objectness=found.objectness,
                labels=None if not labels else labels[0] if len(labels) == 1 else torch.stack(labels, 1),
                ious=matches[-1].ious if matches else None,
                gt_boxes=matches[-1].gt_boxes if matches else None,
            )
            bar.advance()
        bar.finish()
    return len(rest)


def order_of(category_ids: Sequence[int], annotations: Annotations | None = None) -> list[int]:
    """The places of a detector's classes by ascending category id.

    Args:
        category_ids: The category of each of the detector's classes, in its order, without background.
        annotations: Must be of the same categories.
    """
    if len(set(category_ids)) != len(category_ids):
        raise ValueError("a category id stands twice among the detector's classes")
    if annotations is not None and set(category_ids) != annotations.categories.keys():
        only_here = sorted(set(category_ids) - annotations.categories.keys())[:5]
        only_there = sorted(annotations.categories.keys() - set(category_ids))[:5]
        raise ValueError(
            f"the detector has {len(category_ids)} categories, the annotations have {len(annotations.categories)}; only "
            f"the detector's: {only_here}; only the annotations': {only_there}"
        )
    return sorted(range(len(category_ids)), key=lambda place: category_ids[place])


def deltas_by_class(deltas: Tensor, order: Sequence[int], background_first: bool, stds: Sequence[float]) -> Tensor:
    """A regressor's raw output as a feature set has it: times the deviations, by ascending category id, no background.

    Args:
        deltas: [N, 4], [N, 4C] or, with background, [N, 4(C + 1)].
        order: From `order_of`.
        background_first: Whether there are deltas for background, before the others.
        stds: Of dx, dy, dw, dh.
    """
    scaled = deltas.unflatten(1, (-1, 4)) * torch.tensor(stds, dtype=deltas.dtype, device=deltas.device)
    if scaled.shape[1] == 1:
        return scaled.flatten(1)
    if scaled.shape[1] != len(order) + background_first:
        raise ValueError(
            f"{scaled.shape[1]} deltas a RoI; 1, or {len(order) + background_first} for {len(order)} classes, are "
            "expected"
        )
    return scaled[:, 1:][:, list(order)].flatten(1) if background_first else scaled[:, list(order)].flatten(1)


class _Progress:
    """One line on standard error, with the time left."""

    def __init__(self, total: int, done: int, shown: bool) -> None:
        self.total, self.done, self.shown = total, done, shown
        self.first, self.start, self.last = done, time.monotonic(), 0.0

    def advance(self) -> None:
        self.done += 1
        now = time.monotonic()
        if self.shown and now - self.last > 0.2:
            self.last = now
            left = (now - self.start) / (self.done - self.first) * (self.total - self.done)
            filled = 30 * self.done // self.total
            bar = "█" * filled + "·" * (30 - filled)
            print(f"\r{bar} {self.done}/{self.total} images, {left:.0f} s left  ", end="", file=sys.stderr, flush=True)

    def finish(self) -> None:
        if self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

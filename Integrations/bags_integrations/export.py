"""The loop over a data set that every framework's `export_features` runs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .annotations import Annotations, match
from .features import FeatureSetWriter


@dataclass
class ImageRoIs:
    """What a detector's last layers see of an image, in pixels of the image as it was given."""

    #: The input of the classification layer, [N, D].
    features: Tensor
    #: Proposals, [N, 4]: x1, y1, x2, y2.
    boxes: Tensor
    #: The regressor's output times its deviations, [N, 4], or [N, 4C] with the classes by ascending category id.
    box_deltas: Tensor | None = None
    #: The proposals' own scores, [N].
    objectness: Tensor | None = None


#: The RoIs of an image; the boxes given, [M, 4], are to be among them.
RoIFunction = Callable[[int, Tensor], ImageRoIs]


def export_rois(
    rois: RoIFunction,
    image_ids: Iterable[int],
    folder: str | os.PathLike[str],
    annotations: Annotations | None = None,
    add_ground_truth: bool = False,
    dtype: torch.dtype = torch.float16,
    rows_per_shard: int = 100_000,
    metadata: Mapping[str, str] | None = None,
    progress: bool = True,
) -> int:
    """Writes the RoIs of images as a feature set; goes on where an earlier call was cut off.

    Args:
        rois: Runs the detector on an image.
        image_ids: In any order.
        folder: Where the shards go.
        annotations: Gives the RoIs' labels; without it `bags train` assigns them from its own annotations.
        add_ground_truth: Whether annotated boxes are RoIs too, as in the training of Faster R-CNN; for training sets.
        dtype: What features are stored as.
        rows_per_shard: A shard is written once it holds so many RoIs.
        metadata: Texts to keep in every shard.
        progress: Whether to show how far it is, where standard error is a terminal.

    Returns:
        The number of images that were written by this call.
    """
    if add_ground_truth and annotations is None:
        raise ValueError("add_ground_truth needs annotations")
    ids = sorted(set(image_ids))
    with FeatureSetWriter(folder, dtype, rows_per_shard, metadata) as writer:
        last = writer.last_image_id
        rest = ids if last is None else [image_id for image_id in ids if image_id > last]
        bar = _Progress(len(ids), len(ids) - len(rest), progress and sys.stderr.isatty())
        for image_id in rest:
            objects = annotations.objects(image_id) if annotations is not None else None
            extra = objects.boxes.to(torch.float32) if objects is not None and add_ground_truth else torch.zeros((0, 4))
            with torch.inference_mode():
                found = rois(image_id, extra)
            matched = match(found.boxes, objects) if objects is not None else None
            writer.append(
                image_id,
                found.features,
                boxes=found.boxes,
                box_deltas=found.box_deltas,
                objectness=found.objectness,
                labels=matched.labels if matched else None,
                ious=matched.ious if matched else None,
                gt_boxes=matched.gt_boxes if matched else None,
            )
            bar.advance()
        bar.finish()
    return len(rest)


def order_of(category_ids: Sequence[int]) -> list[int]:
    """The places of a detector's classes by ascending category id.

    Args:
        category_ids: The category of each of the detector's classes, in its order, without background.
    """
    if len(set(category_ids)) != len(category_ids):
        raise ValueError("a category id stands twice among the detector's classes")
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

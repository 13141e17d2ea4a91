"""The loop over a data set that every framework's `export_features` runs."""

from __future__ import annotations

import operator
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import torch
from torch import Tensor

from .annotations import Annotations, match
from .classes import order_of
from .features import FeatureSetWriter
from .label_check import LabelCheck
from .last_layers import LastLayers


class ExportOptions(TypedDict, total=False):
    """What every framework's `export_features` can be told beside its own."""

    #: Whether to write the predicted deltas, four numbers for every class, or four in all; it is unless given. Without
    #: them give `export_head`'s file to `bags predict --box-head`.
    box_deltas: bool
    #: Whether annotated boxes are RoIs too, as in the training of Faster R-CNN; for training sets. It is not unless
    #: given, and cannot be in mmdetection.
    add_ground_truth: bool
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
    """What a detector's last layers see of an image, and say of it, in pixels of the image as it was given."""

    #: The input of the classification layer, [N, D]; of those of a cascade's S stages, [N, S, D]; or the pooled maps below
    #: the fully connected layers, [N, C, H, W].
    features: Tensor
    #: Proposals, [N, 4]: x1, y1, x2, y2; of a cascade those of the last stage.
    boxes: Tensor
    #: The classifier's output, [N, K].
    outputs: Tensor | None = None
    #: The regressor's, [N, 4] or four numbers for every class.
    deltas: Tensor | None = None
    #: The boxes that a cascade's stages before the last looked at, each [N, 4].
    earlier_boxes: Sequence[Tensor] = ()


#: The RoIs of an image; the boxes given, [M, 4], are to be the last of them.
RoIFunction = Callable[[int, Tensor], ImageRoIs]


def export_rois(
    model: Any,
    layers: LastLayers,
    rois: RoIFunction,
    folder: str | os.PathLike[str],
    annotations: Annotations | None = None,
    *,
    box_deltas: bool = True,
    add_ground_truth: bool = False,
    image_ids: Iterable[int] | None = None,
    dtype: torch.dtype = torch.float16,
    rows_per_shard: int = 100_000,
    progress: bool = True,
) -> int:
    """Writes the RoIs of images as a feature set; goes on where an earlier call was cut off.

    Warns once where the RoIs show none of the annotated objects, or the detector's own classifier is wrong on most of
    them, as it is with the category ids in another order than its own.

    Args:
        model: The detector, which must be in evaluation mode.
        layers: Its last layers.
        rois: Runs it on an image.
        folder: Where the shards go; an export that fails before the first of them leaves none.
        annotations: Gives the RoIs' labels; without it `bags train` assigns them from its own annotations.
        box_deltas: This and the rest as `ExportOptions` has them.

    Returns:
        The number of images that were written by this call.

    Raises:
        ValueError: If the detector is in training mode, the annotations have other categories or no such images, or
            there is nothing to export.
        TypeError: If something is given as another kind of thing.
    """
    if model.training:
        raise ValueError("the detector is in training mode; call eval() first")
    ids = _image_ids(image_ids, annotations)
    order_of(layers.category_ids, annotations)
    if add_ground_truth and annotations is None:
        raise ValueError("add_ground_truth needs annotations")
    check = LabelCheck(layers.category_ids, annotations) if annotations is not None else None
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
                box_deltas=layers.deltas(found.deltas) if box_deltas and found.deltas is not None else None,
                labels=None if not labels else labels[0] if len(labels) == 1 else torch.stack(labels, 1),
                ious=matches[-1].ious if matches else None,
                gt_boxes=matches[-1].gt_boxes if matches else None,
            )
            if check is not None and objects is not None:
                best = None if found.outputs is None else layers.best_classes(found.outputs)
                own_ious = matches[-1].ious[: len(found.boxes) - len(extra)]
                bar.warn(check.add(len(objects.boxes), labels[-1], own_ious, best))
            bar.advance()
        bar.warn(check.finish() if check is not None else None)
        bar.finish()
    return len(rest)


def _image_ids(given: Iterable[int] | None, annotations: Any) -> list[int]:
    """The images to export, ascending."""
    if annotations is not None and not isinstance(annotations, Annotations):
        what = repr(annotations) if isinstance(annotations, (str, os.PathLike)) else f"a {type(annotations).__name__}"
        raise TypeError(f"the annotations are {what}; give Annotations.read(path), of bags_integrations.annotations")
    if given is None:
        if annotations is None:
            raise ValueError("give annotations or image_ids")
        given = annotations.image_ids
    found = set()
    for entry in given.tolist() if isinstance(given, Tensor) else given:
        try:
            found.add(operator.index(entry))
        except TypeError:
            message = f"image id {entry!r} is no integer, which the ids of annotations and feature sets are"
            raise TypeError(message) from None
    ids = sorted(found)
    if not ids:
        raise ValueError("there are no images to export")
    if annotations is not None and (unknown := sorted(found - set(annotations.image_ids))):
        raise ValueError(
            f"{len(unknown):,} of {len(ids):,} image ids are not in the annotations, such as {unknown[0]}: their RoIs "
            "would all be background; leave them out of image_ids"
        )
    return ids


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

    def warn(self, finding: str | None) -> None:
        if finding is not None:
            self.finish()
            # The line that called `export_features`.
            warnings.warn(finding, stacklevel=4)

    def finish(self) -> None:
        if self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

"""The loop over a data set that writes a dense detector's feature maps."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import torch
from torch import Tensor

from .annotations import Annotations
from .classes import ClassIDs, order_of
from .export import _image_ids, _Progress
from .maps import MapSetWriter

class MapOptions(TypedDict, total=False):
    """What `export_features` of a dense detector can be told beside its own."""

    #: Whether to write the deltas that the detector's own regression branch predicts; they are unless given.
    box_deltas: bool
    #: Which images, in any order; those of the annotations unless given.
    image_ids: Iterable[int] | None
    #: What maps are stored as; float32 unless given.
    dtype: torch.dtype
    #: Whether to show how far it is; it is unless given.
    progress: bool


def map_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `export_features`.

    Raises:
        TypeError: For one that is for RoIs.
    """
    if unknown := options.keys() - MapOptions.__annotations__.keys():
        raise TypeError(f"{', '.join(sorted(unknown))}: is for RoIs, not for the feature maps of a RetinaNet")
    return dict(options)


@dataclass
class ImageMaps:
    """What a dense detector's last layers see of an image."""

    #: Of every level, the finest first, [C, height, width] each.
    maps: Sequence[Tensor]
    #: Deltas of every anchor of weight 1, [M · A, 4].
    deltas: Tensor
    #: Height and width of the image that the detector saw, before padding.
    size: tuple[int, int]
    #: That size ÷ the original's, x and y.
    scale: tuple[float, float]
    #: Strides and anchors, as a set of feature maps states them.
    anchors: Mapping[str, str]


def export_dense(
    model: Any,
    maps_of: Callable[[int], ImageMaps],
    folder: str | os.PathLike[str],
    category_ids: ClassIDs,
    annotations: Annotations | None = None,
    *,
    box_deltas: bool = True,
    image_ids: Iterable[int] | None = None,
    dtype: torch.dtype = torch.float32,
    progress: bool = True,
) -> int:
    """Writes the maps of images as a set of feature maps; goes on where an earlier call was cut off.

    Args:
        model: The detector, which must be in evaluation mode.
        maps_of: Runs it on an image.
        folder: Where the shards go.
        category_ids: The category of each of the detector's labels.
        annotations: Gives the images where `image_ids` does not; `bags train` assigns objects to anchors itself.
        box_deltas: This and the rest as `MapOptions` has them.

    Returns:
        The number of images written by this call.
    """
    if model.training:
        raise ValueError("the detector is in training mode; call eval() first")
    ids = _image_ids(image_ids, annotations)
    order_of(category_ids, annotations)
    writer: MapSetWriter | None = None
    bar, written = _Progress(len(ids), 0, progress), 0
    for image_id in ids:
        if writer is not None and writer.last_image_id is not None and image_id <= writer.last_image_id:
            continue
        with torch.inference_mode():
            found = maps_of(image_id)
        if writer is None:
            writer = MapSetWriter(folder, found.anchors, dtype)
            if writer.last_image_id is not None and image_id <= writer.last_image_id:
                continue
        writer.append(image_id, found.maps, found.size, found.scale, found.deltas if box_deltas else None)
        written += 1
        bar.advance()
    if writer is not None:
        writer.close()
    bar.finish()
    return written


def anchor_texts(
    sizes: Sequence[Sequence[float]], ratios: Sequence[float], strides: Sequence[int], convention: str, tower: int
) -> dict[str, str]:
    """Strides and anchors as the texts of a set of feature maps, numbers with all their digits."""
    return {
        "strides": ",".join(map(str, strides)),
        "anchor_sizes": ";".join(",".join(repr(float(size)) for size in level) for level in sizes),
        "anchor_ratios": ",".join(repr(float(ratio)) for ratio in ratios),
        "anchor_convention": convention,
        "tower": str(tower),
    }


def flat_deltas(levels: Sequence[Tensor], anchors: int, stds: Sequence[float] = (1, 1, 1, 1)) -> Tensor:
    """The outputs of a regression layer on every level, [4A, height, width] each, as [M · A, 4], times the deviations."""
    rows = [level.view(anchors, 4, *level.shape[-2:]).permute(2, 3, 0, 1).reshape(-1, 4) for level in levels]
    deltas = torch.cat(rows)
    return deltas * deltas.new_tensor(list(stds))

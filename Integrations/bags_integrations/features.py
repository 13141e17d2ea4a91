"""Feature sets: RoI features as they go into a detector's last layer, in safetensors shards."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from .files import open_safetensors, write_safetensors

#: The tensors of a set beside `image_ids` and `features`, and what they are stored as.
COLUMNS: dict[str, torch.dtype] = {
    "boxes": torch.float32,
    "labels": torch.int64,
    "box_deltas": torch.float32,
    "gt_boxes": torch.float32,
    "ious": torch.float32,
    "objectness": torch.float32,
}


class FeatureSetWriter:
    """Writes a feature set image by image, a shard at a time.

    A shard appears under its name once it is whole and on the disk, and holds whole images only. So a set whose writing
    was cut off is a good set of its first images, and a new writer for the same folder goes on behind the last one:
    skip the images up to `last_image_id`.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        dtype: torch.dtype = torch.float16,
        rows_per_shard: int = 100_000,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """
        Args:
            folder: Where the shards go; made, where it does not exist, with the first of them.
            dtype: What features are stored as: float16, bfloat16 or float32.
            rows_per_shard: A shard is written once it holds so many RoIs.
            metadata: Texts to keep in every shard; a set that is gone on with must have the same.
        """
        if dtype not in (torch.float16, torch.bfloat16, torch.float32):
            raise ValueError(f"features are stored as float16, bfloat16 or float32, not {dtype}")
        self.folder = Path(folder)
        self.dtype = dtype
        self.rows_per_shard = rows_per_shard
        self.metadata = dict(metadata or {})
        self.last_image_id: int | None = None
        self._shard_count = 0
        self._layout: dict[str, tuple[int, ...]] | None = None
        self._rows: dict[str, list[Tensor]] = {}
        self._row_count = 0
        # The folder is made with the first shard: what is wrong with it must be said before the detector has run.
        there = next(path for path in (self.folder, *self.folder.absolute().parents) if path.exists())
        if not there.is_dir():
            raise NotADirectoryError(f"{there}: is a file; a folder is expected")
        if not os.access(there, os.W_OK):
            raise PermissionError(f"{there}: cannot be written to")
        self._go_on()

    def append(self, image_id: int, features: Tensor, **columns: Tensor | None) -> None:
        """Adds the RoIs of an image.

        Args:
            image_id: Above the last one's.
            features: [N, D], [N, S, D] of a cascade's S stages, or pooled maps [N, C, H, W].
            columns: `boxes` [N, 4], and what else is known, by the names of `COLUMNS`.
        """
        if self.last_image_id is not None and image_id <= self.last_image_id:
            raise ValueError(f"image {image_id} stands behind image {self.last_image_id}: ids must ascend")
        tensors = {name: tensor for name, tensor in columns.items() if tensor is not None}
        unknown = tensors.keys() - COLUMNS.keys()
        if unknown or "boxes" not in tensors:
            raise ValueError(f"columns are boxes and {', '.join(list(COLUMNS)[1:])}; given: {', '.join(tensors)}")
        count = len(features)
        stored = {"features": features.detach().to("cpu", self.dtype)}
        stored |= {name: tensor.detach().to("cpu", COLUMNS[name]) for name, tensor in tensors.items()}
        for name, tensor in stored.items():
            if len(tensor) != count:
                raise ValueError(f"image {image_id}: {len(tensor)} rows of {name} for {count} RoIs")
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                raise ValueError(f"image {image_id}: {name} is not finite as {tensor.dtype}")
        layout = {name: tuple(tensor.shape[1:]) for name, tensor in stored.items()}
        if self._layout is not None and layout != self._layout:
            raise ValueError(f"image {image_id}: its columns {layout} are not the set's {self._layout}")
        self._layout = layout
        self.last_image_id = image_id
        stored["image_ids"] = torch.full((count,), image_id, dtype=torch.int64)
        for name, tensor in stored.items():
            self._rows.setdefault(name, []).append(tensor)
        self._row_count += count
        if self._row_count >= self.rows_per_shard:
            self._write_shard()

    def close(self) -> None:
        """Writes the last shard."""
        if self._row_count > 0:
            self._write_shard()

    def __enter__(self) -> FeatureSetWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()

    def _write_shard(self) -> None:
        tensors = {name: torch.cat(parts).contiguous() for name, parts in self._rows.items()}
        path = self.folder / f"shard-{self._shard_count:05d}.safetensors"
        write_safetensors(tensors, self.metadata, path)
        self._shard_count += 1
        self._rows = {}
        self._row_count = 0

    def _go_on(self) -> None:
        """Finds what an earlier writer left: shards, and the last image in them."""
        shards = sorted(self.folder.glob("*.safetensors"))
        names = [f"shard-{number:05d}.safetensors" for number in range(len(shards))]
        if [shard.name for shard in shards] != names:
            raise ValueError(f"{self.folder}: holds files that are not this writer's shards; choose another folder")
        if not shards:
            return
        with open_safetensors(shards[-1]) as shard:
            metadata = shard.metadata() or {}
            features = shard.get_slice("features")
            stored = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32}[features.get_dtype()]
            if stored != self.dtype or metadata != self.metadata:
                raise ValueError(
                    f"{shards[-1]}: was written with other settings ({stored}, {metadata}); choose another folder"
                )
            self._layout = {
                name: tuple(shard.get_slice(name).get_shape()[1:]) for name in shard.keys() if name != "image_ids"
            }
            self.last_image_id = int(shard.get_tensor("image_ids")[-1])
        self._shard_count = len(shards)

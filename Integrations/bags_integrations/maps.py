"""Sets of feature maps: what goes into a dense detector's last convolutions, in safetensors shards."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from .files import open_safetensors, write_safetensors


class MapSetWriter:
    """Writes a set of feature maps image by image, a shard at a time; goes on behind the last whole shard of a set whose
    writing was cut off: skip the images up to `last_image_id`."""

    def __init__(
        self,
        folder: str | os.PathLike[str],
        metadata: Mapping[str, str],
        dtype: torch.dtype = torch.float32,
        locations_per_shard: int = 1_000_000,
    ) -> None:
        """
        Args:
            folder: Where the shards go; made, where it does not exist, with the first of them.
            metadata: Strides and anchors, to keep in every shard; a set that is gone on with must have the same.
            dtype: What maps are stored as: float16, bfloat16 or float32.
            locations_per_shard: A shard is written once it holds so many locations.
        """
        if dtype not in (torch.float16, torch.bfloat16, torch.float32):
            raise ValueError(f"maps are stored as float16, bfloat16 or float32, not {dtype}")
        self.folder = Path(folder)
        self.dtype = dtype
        self.locations_per_shard = locations_per_shard
        self.metadata = {"kind": "feature maps", **metadata}
        self.last_image_id: int | None = None
        self._rows: dict[str, list[Tensor]] = {}
        self._locations = 0
        shards = sorted(self.folder.glob("*.safetensors"))
        if [shard.name for shard in shards] != [f"shard-{number:05d}.safetensors" for number in range(len(shards))]:
            raise ValueError(f"{self.folder}: holds files that are not this writer's shards; choose another folder")
        self._shard_count = len(shards)
        if shards:
            with open_safetensors(shards[-1]) as shard:
                if (shard.metadata() or {}) != self.metadata:
                    raise ValueError(f"{shards[-1]}: was written with other settings; choose another folder")
                self.last_image_id = int(shard.get_tensor("image_ids")[-1])

    def append(
        self,
        image_id: int,
        maps: Sequence[Tensor],
        size: tuple[int, int],
        scale: tuple[float, float] = (1.0, 1.0),
        box_deltas: Tensor | None = None,
    ) -> None:
        """Adds the maps of an image.

        Args:
            image_id: Above the last one's.
            maps: Of every level, the finest first, each [C, height, width].
            size: Height and width of the image that the detector saw, before padding.
            scale: That size ÷ the original's, x and y.
            box_deltas: Of every anchor, [M · A, 4].
        """
        if self.last_image_id is not None and image_id <= self.last_image_id:
            raise ValueError(f"image {image_id} stands behind image {self.last_image_id}: ids must ascend")
        features = torch.cat([level.flatten(1).T for level in maps]).detach().to("cpu", self.dtype)
        for name, tensor in (("features", features), ("box_deltas", box_deltas)):
            if tensor is not None and not bool(torch.isfinite(tensor).all()):
                raise ValueError(f"image {image_id}: {name} is not finite as {tensor.dtype}")
        rows = {
            "features": features,
            "image_ids": torch.tensor([image_id]),
            "level_shapes": torch.tensor([[list(level.shape[-2:]) for level in maps]]),
            "image_sizes": torch.tensor([list(size)]),
            "image_scales": torch.tensor([list(scale)], dtype=torch.float32),
        }
        if box_deltas is not None:
            rows["box_deltas"] = box_deltas.detach().to("cpu", torch.float32)
        if self._rows and rows.keys() != self._rows.keys():
            raise ValueError(f"image {image_id}: every image has box_deltas or none")
        self.last_image_id = image_id
        for name, tensor in rows.items():
            self._rows.setdefault(name, []).append(tensor)
        self._locations += len(features)
        if self._locations >= self.locations_per_shard:
            self._write_shard()

    def close(self) -> None:
        """Writes the last shard."""
        if self._rows:
            self._write_shard()

    def __enter__(self) -> MapSetWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()

    def _write_shard(self) -> None:
        tensors = {name: torch.cat(parts).contiguous() for name, parts in self._rows.items()}
        write_safetensors(tensors, self.metadata, self.folder / f"shard-{self._shard_count:05d}.safetensors")
        self._shard_count += 1
        self._rows = {}
        self._locations = 0

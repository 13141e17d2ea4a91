"""The weights of a detector that a head was put into: found in a checkpoint, and the head in them."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from .scorer import HeadScorer


def own_weights(saved: str | os.PathLike[str] | Mapping[str, Any], model: nn.Module) -> dict[str, Tensor]:
    """A detector's weights as its own keys name them.

    Args:
        saved: A state dict, or a checkpoint or file that has one; keys may have something before them, as
            `module.`, `model.` or `student.`.
        model: The detector.

    Raises:
        TypeError: If it is neither a path nor a dict.
        ValueError: If it cannot be read, or holds no such weights, or those of several detectors, which are listed.
    """
    if not isinstance(saved, (str, os.PathLike, Mapping)):
        raise TypeError(f"a {type(saved).__name__} is neither a state dict nor the path of one")
    name = "the weights" if isinstance(saved, Mapping) else os.fspath(saved)
    weights: Any = saved if isinstance(saved, Mapping) else _read(Path(saved))
    if not isinstance(weights, Mapping):
        raise ValueError(f"{name}: holds a {type(weights).__name__}, not a state dict")
    for key in ("state_dict", "model"):
        if isinstance(weights.get(key), Mapping):
            weights = weights[key]
    # A key that every such detector has, whatever its head.
    anchor = next(iter(model.state_dict()))
    found = [key for key in weights if key == anchor or key.endswith(f".{anchor}")]
    if anchor in found:
        found = [anchor]
    if not found:
        names = ", ".join(list(weights)[:5])
        raise ValueError(f"{name}: no key ends in {anchor}, as one of this detector's weights does; there are {names}")
    if len(found) > 1:
        raise ValueError(f"{name}: {len(found)} keys end in {anchor}: {', '.join(found)}; give the part that is meant")
    prefix = found[0].removesuffix(anchor)
    return {key.removeprefix(prefix): tensor for key, tensor in weights.items() if key.startswith(prefix)}


def saved_scorer(weights: Mapping[str, Tensor], prefix: str) -> HeadScorer | None:
    """The head in the weights of a detector, if one takes the place of its own layer.

    Args:
        weights: From `own_weights`.
        prefix: What stands before the head's keys, with the full stop.
    """
    own = {key.removeprefix(prefix): tensor for key, tensor in weights.items() if key.startswith(prefix)}
    return HeadScorer.of_weights(own) if own else None


def _read(path: Path) -> Mapping[str, Any]:
    if path.suffix == ".safetensors":
        return load_file(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path}: holds more than weights; if you trust it, give "
            f"torch.load({str(path)!r}, map_location='cpu', weights_only=False)"
        ) from error

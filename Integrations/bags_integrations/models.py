"""The detector in what people hand over, which `DistributedDataParallel`, Lightning or a teacher may surround."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from torch import nn


def detector_in(model: Any, part: str) -> Any:
    """The detector itself: the model, or the one module in it that has the part.

    Args:
        model: A detector, or a module that holds one as `module`, `model`, `student`, ….
        part: What every detector of the framework has, such as `roi_heads`.

    Raises:
        TypeError: If it is no module: a path, or a state dict.
        ValueError: If no module in it has the part, or several do, which it lists.
    """
    if hasattr(model, part):
        return model
    if not isinstance(model, nn.Module):
        remedy = ""
        if isinstance(model, (str, os.PathLike, Mapping)):
            remedy = "; make the detector, and load its weights with load_state_dict"
        raise TypeError(f"a {type(model).__name__} is no detector, which has {part}{remedy}")
    found = {name: module for name, module in model.named_modules() if hasattr(module, part)}
    if not found:
        raise ValueError(f"the {type(model).__name__} has no {part}, and no module in it does")
    if len(found) > 1:
        names = ", ".join(found)
        raise ValueError(f"{len(found)} modules of the {type(model).__name__} have {part}: {names}; give one")
    return next(iter(found.values()))

"""Safetensors files: opened with errors that name them, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor


def open_safetensors(path: Path) -> Any:
    """Opens a safetensors file; an error names it."""
    try:
        return safe_open(path, framework="pt")
    except SafetensorError as error:
        raise ValueError(f"{path}: {error}") from error


def write_safetensors(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str], path: str | os.PathLike[str]
) -> None:
    """Writes a safetensors file under a temporary name, syncs it, and renames it; folders are made where they lack.

    The file has the permissions that the user's umask gives, as any other. An error leaves neither a file nor a folder.
    """
    path = Path(path)
    made = [folder for folder in path.parents if not folder.exists()]
    temporary = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # safetensors makes files that only their owner reads: an ordinary file says what they should be like.
        with open(temporary, "wb") as file:
            mode = os.fstat(file.fileno()).st_mode
        save_file(dict(tensors), temporary, metadata=dict(metadata) or None)
        os.chmod(temporary, mode & 0o777)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        for folder in made:
            if folder.exists() and not any(folder.iterdir()):
                folder.rmdir()
        raise

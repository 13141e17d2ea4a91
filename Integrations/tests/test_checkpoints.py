"""The lines of README.md that make safetensors of frameworks' checkpoints, as they stand there."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from conftest import ROOT, bags
from mmengine.logging import HistoryBuffer
from safetensors.torch import load_file
from torch import Tensor

LINES = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
KEY = "roi_heads.box_predictor.cls_score"


def weights() -> dict[str, Tensor]:
    """A classifier, and what a detector has beside it: a buffer of integers, strides, a tensor that stands twice."""
    shared = torch.randn(3)
    return OrderedDict(
        {
            "backbone.bn.num_batches_tracked": torch.tensor(5),
            "backbone.conv.weight": torch.randn(4, 3).T,
            "a.bias": shared,
            "b.bias": shared,
            f"{KEY}.weight": torch.randn(6, 16),
            f"{KEY}.bias": torch.randn(6),
        }
    )


def made_by(line: str, folder: Path) -> dict[str, Tensor]:
    subprocess.run(["bash", "-euc", line.replace("python", sys.executable, 1)], check=True, cwd=folder)
    counts = {"instance_count": 9, "image_count": 3}
    categories = [{"id": number, "name": f"c{number}", **counts} for number in range(1, 6)]
    annotations = {"images": [], "annotations": [], "categories": categories}
    (folder / "train.json").write_text(json.dumps(annotations))
    arguments = ["--from", "detectron2", "--annotations", folder / "train.json", "--output", folder / "h.safetensors"]
    assert "5 classes, 16 features" in bags("convert", folder / "model.safetensors", *arguments)
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
@pytest.mark.parametrize("around", ["model", "state_dict", "nothing"])
def test_torch(tmp_path: Path, around: str, zipped: bool) -> None:
    own = weights()
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=1)
    # mmengine's checkpoints have classes of its own in them, which torch.load refuses where it may read weights only.
    more = {"optimizer": optimizer.state_dict(), "message_hub": {"loss": HistoryBuffer([1.0], [1])}, "iteration": 9}
    checkpoint: Any = own if around == "nothing" else {around: own, **more}
    torch.save(checkpoint, tmp_path / "model.pth", _use_new_zipfile_serialization=zipped)
    found = made_by(LINES[0], tmp_path)
    assert found.keys() == own.keys() and all(torch.equal(found[name], own[name]) for name in own)


def test_pickle(tmp_path: Path) -> None:
    own = {name: tensor.numpy() for name, tensor in weights().items()}
    checkpoint = {"model": own, "__author__": "Detectron2 Model Zoo", "matching_heuristics": True}
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(checkpoint, protocol=2))
    found = made_by(LINES[1], tmp_path)
    assert found.keys() == own.keys()
    assert all(numpy.array_equal(found[name].numpy().reshape(own[name].shape), own[name]) for name in own)


def test_there_are_no_others() -> None:
    assert len(LINES) == 2

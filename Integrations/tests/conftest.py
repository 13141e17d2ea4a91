"""What the tests share: the program, and a detector trained for a few seconds on drawn shapes."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "examples"), str(ROOT / "tests")]

import make_shapes  # noqa: E402

from bags_integrations.annotations import Annotations  # noqa: E402

BAGS = os.environ.get("BAGS", str(ROOT.parent / ".build" / "release" / "bags"))


def bags(*arguments: object) -> str:
    """Runs the program; what it prints."""
    command = [BAGS, *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, f"{' '.join(command)}\n{run.stderr}"
    return run.stdout


@dataclass
class Shapes:
    """Drawn images, their annotations, and a trained detector's weights."""

    folder: Path

    @property
    def train(self) -> Annotations:
        return Annotations.read(self.folder / "train.json")

    @property
    def val(self) -> Annotations:
        return Annotations.read(self.folder / "val.json")


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Shapes:
    folder = tmp_path_factory.mktemp("shapes")
    make_shapes.make(folder, train_images=80, val_images=10, steps=80)
    bags("group", folder / "train.json", "--boundaries", "50", "--output", folder / "groups.json")
    return Shapes(folder)


from small_heads import SmallHeads  # noqa: E402 (it uses `bags`)


@pytest.fixture(scope="session")
def small_heads(tmp_path_factory: pytest.TempPathFactory) -> SmallHeads:
    return SmallHeads.make(tmp_path_factory.mktemp("heads"))

"""Runs every line of the walk-through in README.md, and holds its detector against `bags predict`.

    python tests/walk_through.py README.md

The folder that it runs in becomes that of the walk-through; it must hold this one as `Integrations`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from compare import Found, assert_same, read_results


def run(text: str) -> dict[str, Any]:
    """Runs the bash blocks as they stand, the Python blocks one after the other in one session, which it returns."""
    session: dict[str, Any] = {}
    for language, block in re.findall(r"```(bash|python)\n(.*?)```", text, re.DOTALL):
        print(f"--- {language}\n{block}", flush=True)
        if language == "bash":
            subprocess.run(["bash", "-euo", "pipefail", "-c", block], check=True)
        else:
            exec(compile(block, "README.md", "exec"), session)
    return session


def compare(session: dict[str, Any], name: str, results: str, first: int) -> None:
    """The walk-through prints what both find in one image; here they are compared in all.

    Args:
        session: What the walk-through has made.
        name: The detector's name there.
        results: The file of `bags predict`.
        first: The detector's first label.
    """
    detector, annotations, category_ids = (session[key] for key in (name, "annotations", "CATEGORY_IDS"))
    detections = {}
    for image_id in annotations.image_ids:
        with torch.inference_mode():
            (found,) = detector([session["load_image"](f"shapes/{annotations.file_names[image_id]}")])
        categories = torch.tensor([category_ids[label - first] for label in found["labels"].tolist()])
        detections[image_id] = Found(found["boxes"].double(), found["scores"], categories)
    count = assert_same(detections, read_results(Path(results)))
    assert count > 20, f"{count} detections are too few to compare"
    print(f"{name}: {count} detections in {len(detections)} images are those of bags predict")


if __name__ == "__main__":
    made = run(Path(sys.argv[1]).read_text(encoding="utf-8"))
    compare(made, "detector", "same.json", first=1)
    compare(made, "retinanet", "dense.json", first=0)

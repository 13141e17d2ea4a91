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
    expected = read_results(Path(results))
    count, others = 0, []
    for image_id, found in detections.items():
        try:
            count += assert_same({image_id: found}, {image_id: expected[image_id]} if image_id in expected else {})
        except AssertionError as error:
            others.append(str(error))
    # Of boxes whose scores differ in the eighth digit, either may suppress the other.
    assert len(others) <= len(detections) // 8, others
    assert count > 20, f"{count} detections are too few to compare"
    print(f"{name}: {count} detections in {len(detections)} images are those of bags predict")


def compare_queries(session: dict[str, Any]) -> None:
    """The same of the query detector, on the batches that it was exported with."""
    model, processor, pictures, ids = (session[name] for name in ("model", "processor", "pictures", "QUERY_IDS"))
    detections = {}
    images = sorted(pictures)
    for start in range(0, len(images), 16):
        part = images[start : start + 16]
        with torch.inference_mode():
            outputs = model(**processor(images=[pictures[image_id] for image_id in part], return_tensors="pt"))
        sizes = [tuple(pictures[image_id].shape[1:]) for image_id in part]
        results = processor.post_process_object_detection(outputs, threshold=0, target_sizes=sizes)
        for image_id, result in zip(part, results, strict=True):
            categories = torch.tensor([ids[label] for label in result["labels"].tolist()])
            detections[image_id] = Found(result["boxes"].double(), result["scores"], categories)
    count = assert_same(detections, read_results(Path("queries.json")), tolerance=1e-5)
    assert count >= 100 * len(images), f"{count} detections of queries are too few to compare"
    print(f"{count} detections of queries in {len(detections)} images are those of bags predict")


if __name__ == "__main__":
    made = run(Path(sys.argv[1]).read_text(encoding="utf-8"))
    compare(made, "detector", "same.json", first=1)
    compare(made, "retinanet", "dense.json", first=0)
    compare_queries(made)

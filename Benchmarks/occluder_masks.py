"""Draws what an occluder has learnt: its probabilities on objects, beside them, and the mean over all of a set.

    python occluder_masks.py RUN POOLED DATA OUTPUT.svg

RUN is a run of `bags train --adversary occlusion`, POOLED the validation set that pooled_glyphs.py wrote, DATA the folder
with `images.zip` and `annotations_val.json`. Every panel's darkest cell is the likeliest one to be hidden, its lightest the
least likely. Needs torch, safetensors, Pillow.
"""

from __future__ import annotations

import base64
import io
import json
import sys
import zipfile
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

EXAMPLES, CELL, GAP = 8, 12, 14


def probabilities(weights: dict[str, Tensor], maps: Tensor) -> Tensor:
    """The occluder's, [N, H, W]."""
    x = maps
    for index in range(5):
        weight = weights[f"occluder.{index}.weight"]
        weight = weight.view(len(weight), -1, 3, 3)
        x = functional.conv2d(x, weight, weights[f"occluder.{index}.bias"].flatten(), padding=1)
        x = x.relu() if index < 4 else x.sigmoid()
    return x[:, 0]


def panel(values: Tensor, x: float, y: float) -> str:
    low, high = float(values.min()), float(values.max())
    parts = []
    for row, line in enumerate(values.tolist()):
        for column, value in enumerate(line):
            grey = 250 - round(215 * (value - low) / max(high - low, 1e-9))
            place = f'x="{x + column * CELL:g}" y="{y + row * CELL:g}" width="{CELL}" height="{CELL}"'
            parts.append(f'<rect {place} fill="rgb({grey},{grey},{min(255, grey + 20)})"/>')
    return "".join(parts)


def main(run: Path, pooled: Path, data: Path, output: Path) -> None:
    weights = {name: tensor.float() for name, tensor in load_file(run / "checkpoint.safetensors").items()}
    names = {image["id"]: image["file_name"] for image in json.loads((data / "annotations_val.json").read_text())["images"]}
    total, count, examples = None, 0, []
    for path in sorted(pooled.glob("*.safetensors")):
        shard = load_file(path)
        objects = (shard["labels"] > 0).nonzero().flatten()
        for rows in objects.split(512):
            found = probabilities(weights, shard["features"][rows].float())
            total = found.sum(0) if total is None else total + found.sum(0)
            count += len(rows)
        chosen = objects[:: max(1, len(objects) // EXAMPLES)][:EXAMPLES]
        for row in chosen.tolist() if not examples else []:
            mask = probabilities(weights, shard["features"][row : row + 1].float())[0]
            examples.append((names[int(shard["image_ids"][row])], shard["boxes"][row].tolist(), mask))
    assert total is not None
    mean = total / count
    side = mean.shape[0] * CELL
    width, height = (len(examples) + 1) * (side + GAP) + GAP, 2 * side + 3 * GAP + 16
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">']
    parts.append(f'<rect width="{width}" height="{height}" fill="white"/>')
    with zipfile.ZipFile(data / "images.zip") as images:
        for place, (name, box, mask) in enumerate(examples):
            x = GAP + place * (side + GAP)
            crop = Image.open(io.BytesIO(images.read(name))).convert("L").crop(tuple(round(edge) for edge in box))
            file = io.BytesIO()
            crop.resize((56, 56)).save(file, "PNG", optimize=True)
            text = base64.b64encode(file.getvalue()).decode()
            parts.append(f'<image x="{x}" y="{GAP}" width="{side}" height="{side}" href="data:image/png;base64,{text}"/>')
            parts.append(panel(mask, x, 2 * GAP + side))
    x = GAP + len(examples) * (side + GAP)
    parts.append(panel(mean, x, 2 * GAP + side))
    parts.append(f'<text x="{x}" y="{2 * GAP + side - 6}">mean of {count:,}</text></svg>')
    output.write_text("\n".join(parts) + "\n")
    print(f"{output}: {count:,} objects")
    print("mean probability of each cell")
    for line in mean.tolist():
        print(" ".join(f"{value:.3f}" for value in line))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

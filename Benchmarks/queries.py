"""A query detector's class head, re-trained: AP by group before and after, on drawn shapes.

    python Benchmarks/queries.py FOLDER [--bags .build/release/bags] [--steps 900] [--learning-rate 0.05]

draws the shapes and trains a small Deformable DETR on them (`Integrations/examples/make_query_shapes.py`, minutes on one
core) unless FOLDER has a `model.pt`, exports its queries, and lets `bags compare` train the heads. Needs torch, torchvision,
transformers and pillow. `Reports/queries.md` has what came of it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "Integrations"), str(ROOT / "Integrations" / "examples")]

import torch  # noqa: E402
from make_query_shapes import QUERY_IDS, load_model, load_picture, make, make_processor  # noqa: E402

from bags_integrations import transformers_detector as tf  # noqa: E402
from bags_integrations.annotations import Annotations  # noqa: E402

METHODS = [
    "focal",
    "bags",
    "bags+class-balanced",
    "focal+class-balanced",
    "varifocal+class-balanced",
    "logit-adjustment",
    "own-head+post-hoc-adjustment",
]


def main() -> None:
    parser = argparse.ArgumentParser(description="Re-train the class head of a small query detector.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bags", type=Path, default=ROOT / ".build" / "release" / "bags")
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--learning-rate", default="0.05")
    parser.add_argument("--seeds", default="3")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--output", default="compare")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    torch.set_num_threads(1)
    if not (folder / "model.pt").exists():
        make(folder, steps=arguments.steps)
    model = load_model(folder / "model.pt")
    for split in ("train", "val"):
        annotations = Annotations.read(folder / f"{split}.json")
        tf.export_features(
            model,
            make_processor(),
            lambda image_id, names=annotations.file_names: load_picture(folder / names[image_id]),
            folder / "features" / split,
            QUERY_IDS,
            annotations,
            batch_size=16,
            dtype=torch.float32,
        )
    tf.export_head(model, folder / "head.safetensors", QUERY_IDS)
    sets = ["--features", "features/train", "--annotations", "train.json", "--val", "features/val"]
    sets += ["--val-annotations", "val.json", "--init", "head.safetensors"]
    settings = ["--learning-rate", arguments.learning_rate, "--seeds", arguments.seeds, "--output", arguments.output]
    command = [str(arguments.bags.resolve()), "compare", *sets, "--methods", arguments.methods, *settings]
    print("$ bags " + " ".join(command[1:]))
    subprocess.run(command, cwd=folder, check=True)


if __name__ == "__main__":
    main()

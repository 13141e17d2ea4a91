"""A query detector and a long-tailed data set to try things on: a small Deformable DETR of transformers, trained for a few
minutes on drawn shapes.

    python examples/make_query_shapes.py FOLDER [--images 1200] [--steps 900]

writes `model.pt`, `train.json`, `val.json` and `images/*.png` to a folder. Twelve classes, six shapes in warm or cold colours;
the training objects fall from 900 to 3 at 1,200 images, and every class has as many validation objects.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import make_shapes
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn
from torchvision.transforms.functional import pil_to_tensor
from transformers import (
    DeformableDetrConfig,
    DeformableDetrForObjectDetection,
    DeformableDetrImageProcessor,
    ResNetConfig,
)

SIZE = 64
#: The category of each of the model's labels, from label 0 on: shape, whether it is warm, id, and its share of the objects.
CLASSES = [
    ("disc", True, 31, 900),
    ("frame", False, 4, 560),
    ("square", True, 17, 350),
    ("cross", False, 8, 210),
    ("ring", True, 26, 130),
    ("bar", True, 11, 80),
    ("disc", False, 2, 48),
    ("square", False, 22, 28),
    ("ring", False, 14, 16),
    ("cross", True, 29, 9),
    ("bar", False, 6, 5),
    ("frame", True, 19, 3),
]
QUERY_IDS = [category for _, _, category, _ in CLASSES]


def make_model() -> DeformableDetrForObjectDetection:
    """An untrained model of the twelve classes."""
    backbone: Any = ResNetConfig(  # type: ignore[call-arg]
        embedding_size=16,
        hidden_sizes=[16, 24, 32, 48],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = DeformableDetrConfig(  # type: ignore[call-arg]
        backbone_config=backbone,
        d_model=64,
        num_queries=20,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=128,
        decoder_ffn_dim=128,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        num_feature_levels=3,
        with_box_refine=True,
        auxiliary_loss=True,
        dropout=0.0,
        num_labels=len(CLASSES),
        id2label={place: name_of(place) for place in range(len(CLASSES))},
    )
    return DeformableDetrForObjectDetection(config)


def make_processor() -> DeformableDetrImageProcessor:
    """What makes an input of an image: nothing is resized, since all have the size that the model is trained with."""
    return DeformableDetrImageProcessor(size={"height": SIZE, "width": SIZE})


def load_model(path: str | Path) -> DeformableDetrForObjectDetection:
    """The model that `main` trained."""
    model = make_model()
    model.load_state_dict(torch.load(path, weights_only=True))
    return model.eval()


def load_picture(path: str | Path) -> Tensor:
    """[3, height, width] of bytes, as the processor takes it."""
    with Image.open(path) as image:
        return pil_to_tensor(image.convert("RGB"))


def name_of(place: int) -> str:
    shape, is_warm, _, _ = CLASSES[place]
    return f"{'warm' if is_warm else 'cold'} {shape}"


def write_split(folder: Path, name: str, labels: Tensor, first_id: int, generator: torch.Generator) -> None:
    """Draws images of one to three objects each, and writes their annotations."""

    def integer(low: int, high: int) -> int:
        return int(torch.randint(low, high, (1,), generator=generator))

    (folder / "images").mkdir(parents=True, exist_ok=True)
    images: list[dict] = []
    annotations: list[dict] = []
    left = labels.tolist()
    while left:
        image_id = first_id + len(images)
        picture = Image.new("RGB", (SIZE, SIZE), tuple(integer(0, 80) for _ in range(3)))
        canvas = ImageDraw.Draw(picture)
        for _ in range(min(len(left), integer(1, 4))):
            place = left.pop()
            shape, is_warm, category, _ = CLASSES[place]
            size = integer(16, 32)
            x, y = integer(0, SIZE - size), integer(0, SIZE - size)
            strong, weak = integer(150, 256), integer(20, 110)
            color = (strong, integer(60, 140), weak) if is_warm else (weak, integer(60, 140), strong)
            make_shapes.draw(shape, canvas, (x, y, x + size, y + size), color)
            box = {"bbox": [x, y, size, size], "area": size * size, "iscrowd": 0}
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, "category_id": category, **box})
        file_name = f"images/{image_id}.png"
        picture.save(folder / file_name)
        images.append({"id": image_id, "file_name": file_name, "width": SIZE, "height": SIZE})
    categories = [{"id": category, "name": name_of(place)} for place, category in enumerate(QUERY_IDS)]
    data = {"images": images, "annotations": annotations, "categories": categories}
    (folder / f"{name}.json").write_text(json.dumps(data))


def read_targets(folder: Path) -> tuple[Tensor, list[dict[str, Tensor]]]:
    """The training images as the model takes them, [n, 3, height, width], and what they show."""
    data = json.loads((folder / "train.json").read_text())
    found: dict[int, list[tuple[int, list[float]]]] = {image["id"]: [] for image in data["images"]}
    for annotation in data["annotations"]:
        x, y, width, height = annotation["bbox"]
        box = [(x + width / 2) / SIZE, (y + height / 2) / SIZE, width / SIZE, height / SIZE]
        found[annotation["image_id"]].append((QUERY_IDS.index(annotation["category_id"]), box))
    pictures = [load_picture(folder / image["file_name"]) for image in data["images"]]
    pixels = make_processor()(images=pictures, return_tensors="pt")["pixel_values"]
    targets = [
        {
            "class_labels": torch.tensor([label for label, _ in found[image["id"]]]),
            "boxes": torch.tensor([box for _, box in found[image["id"]]]),
        }
        for image in data["images"]
    ]
    return pixels, targets


def train(model: Any, folder: Path, steps: int, images_per_step: int = 16) -> None:
    """Trains the whole model for so many steps; images are mirrored by chance."""
    pixels, targets = read_targets(folder)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-3, total_steps=steps, pct_start=0.1)
    generator = torch.Generator().manual_seed(2)
    order: list[int] = []
    model.train()
    start = time.monotonic()
    for step in range(steps):
        if len(order) < images_per_step:
            order = torch.randperm(len(targets), generator=generator).tolist()
        batch, order = order[:images_per_step], order[images_per_step:]
        images, labels = pixels[batch], [dict(targets[place]) for place in batch]
        if bool(torch.rand(1, generator=generator) < 0.5):
            images = images.flip(3)
            for label in labels:
                label["boxes"] = torch.cat([1 - label["boxes"][:, :1], label["boxes"][:, 1:]], 1)
        loss = model(pixel_values=images, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(f"step {step + 1}: loss {float(loss.detach()):.3f}, {time.monotonic() - start:.0f} s", flush=True)
    model.eval()


def make(folder: Path, train_images: int = 1200, steps: int = 900, val_objects: int = 25) -> None:
    """Draws both splits and trains a model."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    counts = torch.tensor([max(1, round(share * train_images / 1200)) for *_, share in CLASSES])
    for name, objects, first in (
        ("train", counts, 1),
        ("val", torch.full((len(CLASSES),), val_objects), 100_001),
    ):
        labels = torch.repeat_interleave(torch.arange(len(CLASSES)), objects)
        write_split(folder, name, labels[torch.randperm(len(labels), generator=generator)], first, generator)
    start = time.monotonic()
    model = make_model()
    train(model, folder, steps)
    torch.save(model.state_dict(), folder / "model.pt")
    print(f"{folder}: a model trained for {steps} steps in {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draw shapes and train a small query detector on them.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=1200)
    parser.add_argument("--steps", type=int, default=900)
    arguments = parser.parse_args()
    make(arguments.folder, arguments.images, arguments.steps)

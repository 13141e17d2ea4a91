"""A detector and a data set to try things on: a small torchvision Faster R-CNN, trained for a minute on drawn shapes.

    python examples/make_shapes.py FOLDER [--retinanet]

writes `detector.pt`, or with --retinanet a one-stage detector as `retinanet.pt`, `train.json`, `val.json` and `images/*.png`
to a folder. Six classes, from 400 objects to 4; their
category ids do not ascend in the order in which the detector numbers them.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN, RetinaNet
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.models.detection.rpn import AnchorGenerator
from torchvision.ops import MultiScaleRoIAlign
from torchvision.transforms.functional import pil_to_tensor

#: The category of each of the detector's labels, from label 1 on: name, id, and how often it is drawn.
CLASSES = [("disc", 11, 400), ("square", 3, 200), ("ring", 25, 80), ("frame", 7, 40), ("bar", 8, 12), ("cross", 2, 4)]
CATEGORY_IDS = [category for _, category, _ in CLASSES]


class Backbone(nn.Sequential):
    """Three convolutions, stride 8, 32 channels."""

    out_channels = 32

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 16, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, stride=2, padding=1),
            nn.ReLU(),
        )


def make_detector() -> FasterRCNN:
    """An untrained detector of the six classes; images are resized to 128 pixels at their shorter side."""
    return FasterRCNN(
        Backbone(),
        min_size=128,
        max_size=192,
        rpn_anchor_generator=AnchorGenerator(((16, 32, 48),), ((0.5, 1.0, 2.0),)),
        rpn_pre_nms_top_n_train=300,
        rpn_post_nms_top_n_train=100,
        rpn_pre_nms_top_n_test=200,
        rpn_post_nms_top_n_test=60,
        rpn_batch_size_per_image=64,
        box_roi_pool=MultiScaleRoIAlign(["0"], output_size=5, sampling_ratio=2),
        box_head=TwoMLPHead(32 * 25, 64),
        box_predictor=FastRCNNPredictor(64, len(CLASSES) + 1),
        box_batch_size_per_image=48,
    )


def make_retinanet() -> RetinaNet:
    """An untrained one-stage detector of the six classes, its labels from 0 on: three anchors a location, one level."""
    return RetinaNet(
        Backbone(),
        len(CLASSES),
        min_size=128,
        max_size=192,
        anchor_generator=AnchorGenerator(((20, 32, 48),), ((1.0,),)),
        head=RetinaNetHead(32, 3, len(CLASSES), norm_layer=partial(nn.GroupNorm, 8)),
    )


def load_retinanet(path: str | Path) -> RetinaNet:
    """The one-stage detector that `main` trained."""
    detector = make_retinanet()
    detector.load_state_dict(torch.load(path, weights_only=True))
    return detector.eval()


def load_detector(path: str | Path) -> FasterRCNN:
    """The detector that `main` trained."""
    detector = make_detector()
    detector.load_state_dict(torch.load(path, weights_only=True))
    return detector.eval()


def load_image(path: str | Path) -> Tensor:
    """[3, height, width], 0 to 1."""
    with Image.open(path) as image:
        return pil_to_tensor(image.convert("RGB")).float() / 255


def draw(name: str, canvas: ImageDraw.ImageDraw, box: tuple[int, int, int, int], color: tuple[int, int, int]) -> None:
    """Draws an object of a class."""
    x1, y1, x2, y2 = box
    if name == "disc":
        canvas.ellipse(box, fill=color)
    elif name == "ring":
        canvas.ellipse(box, outline=color, width=4)
    elif name == "square":
        canvas.rectangle(box, fill=color)
    elif name == "frame":
        canvas.rectangle(box, outline=color, width=4)
    elif name == "bar":
        canvas.rectangle((x1, (2 * y1 + y2) // 3, x2, (y1 + 2 * y2) // 3), fill=color)
        canvas.line((x1, y1, x2, y2), fill=color, width=3)
    else:
        canvas.line((x1, y1, x2, y2), fill=color, width=4)
        canvas.line((x1, y2, x2, y1), fill=color, width=4)


def write_split(
    folder: Path, name: str, count: int, classes: Tensor, first_id: int, generator: torch.Generator
) -> None:
    """Draws images that share out the objects, and writes their annotations."""

    def integer(low: int, high: int) -> int:
        return int(torch.randint(low, high, (1,), generator=generator))

    (folder / "images").mkdir(parents=True, exist_ok=True)
    images: list[dict] = []
    annotations: list[dict] = []
    left = [int(index) for index in classes]
    for place in range(count):
        width, height = integer(90, 150), integer(90, 150)
        image = Image.new("RGB", (width, height), tuple(integer(0, 90) for _ in range(3)))
        canvas = ImageDraw.Draw(image)
        image_id = first_id + 3 * place
        share = (len(left) + count - place - 1) // (count - place)
        for _ in range(share):
            index = left.pop()
            size = integer(18, 44)
            x, y = integer(0, width - size), integer(0, height - size)
            color = (integer(120, 256), integer(120, 256), integer(120, 256))
            draw(CLASSES[index][0], canvas, (x, y, x + size, y + size), color)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": CLASSES[index][1],
                    "bbox": [x, y, size, size],
                    "area": size * size,
                    "iscrowd": 0,
                }
            )
        file_name = f"images/{image_id}.png"
        image.save(folder / file_name)
        images.append({"id": image_id, "file_name": file_name, "width": width, "height": height})
    categories = [{"id": category, "name": name} for name, category, _ in CLASSES]
    data = {"images": images, "annotations": annotations, "categories": categories}
    (folder / f"{name}.json").write_text(json.dumps(data))


def train(detector: FasterRCNN | RetinaNet, folder: Path, steps: int, images_per_step: int = 4) -> None:
    """Trains the whole detector for so many steps."""
    data = json.loads((folder / "train.json").read_text())
    first = 0 if isinstance(detector, RetinaNet) else 1
    label = {category: place + first for place, category in enumerate(CATEGORY_IDS)}
    targets: dict[int, dict[str, list]] = {image["id"]: {"boxes": [], "labels": []} for image in data["images"]}
    for annotation in data["annotations"]:
        x, y, width, height = annotation["bbox"]
        targets[annotation["image_id"]]["boxes"].append([x, y, x + width, y + height])
        targets[annotation["image_id"]]["labels"].append(label[annotation["category_id"]])
    used = [image for image in data["images"] if targets[image["id"]]["labels"]]
    pixels = {image["id"]: load_image(folder / image["file_name"]) for image in used}
    optimizer = torch.optim.SGD(detector.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4)
    detector.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 0.02 * min(1, (step + 1) / 50) * (0.1 if step > 0.8 * steps else 1)
        batch = [used[(step * images_per_step + place) % len(used)]["id"] for place in range(images_per_step)]
        losses = detector(
            [pixels[image] for image in batch],
            [
                {
                    "boxes": torch.tensor(targets[image]["boxes"], dtype=torch.float32),
                    "labels": torch.tensor(targets[image]["labels"]),
                }
                for image in batch
            ],
        )
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        nn.utils.clip_grad_norm_(detector.parameters(), 5)
        optimizer.step()
    detector.eval()


def make(
    folder: Path, train_images: int = 160, val_images: int = 24, steps: int = 250, retinanet: bool = False
) -> None:
    """Draws both splits and trains a detector."""
    # So small a network gains little from a second thread, and loses much where other programs run beside it.
    torch.set_num_threads(1)
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)

    def classes(share: float) -> Tensor:
        counts = [max(2, round(share * count)) for _, _, count in CLASSES]
        all_classes = torch.repeat_interleave(torch.arange(len(CLASSES)), torch.tensor(counts))
        return all_classes[torch.randperm(len(all_classes), generator=generator)]

    write_split(folder, "train", train_images, classes(1), 5, generator)
    write_split(folder, "val", val_images, classes(0.1), 100_001, generator)
    start = time.monotonic()
    detector = make_retinanet() if retinanet else make_detector()
    train(detector, folder, steps)
    torch.save(detector.state_dict(), folder / ("retinanet.pt" if retinanet else "detector.pt"))
    print(f"{folder}: a detector trained for {steps} steps in {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draw shapes and train a small detector on them.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--retinanet", action="store_true", help="a one-stage detector in place of Faster R-CNN")
    arguments = parser.parse_args()
    make(arguments.folder, steps=arguments.steps, retinanet=arguments.retinanet)

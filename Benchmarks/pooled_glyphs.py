"""Cuts 7 × 7 maps of objects and background out of the pyramid of a RetinaNet, for Reports/a-fast-rcnn.md.

    python pooled_glyphs.py DATA OUTPUT

DATA is the set of glyphs with `model.py`, `retinanet.safetensors`, `images.zip` and both annotation files. RoIs are the
boxes that the detector predicts, the likeliest object of each, after suppression over all classes; the best 48 of a
training image among which, and its annotated boxes, half are drawn from objects where there are so many; the best 80 of a
validation image. RoIAlign cuts them from the level that suits their size. Needs torch, torchvision, Pillow, safetensors.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torchvision.models.detection.retinanet import RetinaNet
from torchvision.ops import MultiScaleRoIAlign, box_iou, nms
from torchvision.transforms.functional import to_tensor

sys.path.append(str(Path(__file__).resolve().parent.parent / "Integrations"))
from bags_integrations.annotations import Annotations, match  # noqa: E402
from bags_integrations.features import FeatureSetWriter  # noqa: E402

TRAIN_ROIS, VAL_ROIS, SIDE = 48, 80, 7


def proposals(model: RetinaNet, maps: list[Tensor], size: tuple[int, int], count: int) -> Tensor:
    """The boxes that look most like an object of any class, [count, 4] at most."""
    outputs = model.head(maps)
    images = type("Images", (), {"tensors": torch.zeros(1, 3, *size), "image_sizes": [size]})()
    anchors = model.anchor_generator(images, maps)[0]
    scores = outputs["cls_logits"][0].amax(1)
    best = scores.topk(min(1000, len(scores))).indices
    boxes = model.box_coder.decode_single(outputs["bbox_regression"][0][best], anchors[best])
    boxes = boxes.clamp(0, float(size[0]))
    best, boxes = best[wide(boxes)], boxes[wide(boxes)]
    return boxes[nms(boxes, scores[best], 0.7)[:count]]


def wide(boxes: Tensor) -> Tensor:
    return ((boxes[:, 2:] - boxes[:, :2]) > 1).all(1)


def sampled(found: Tensor, objects: Tensor, generator: torch.Generator) -> Tensor:
    """Half objects, where there are so many, half background."""
    boxes = torch.cat([objects, found])
    is_object = box_iou(boxes, objects).amax(1) >= 0.5 if len(objects) else torch.zeros(len(boxes), dtype=torch.bool)
    kinds = []
    for kind, count in ((is_object, TRAIN_ROIS // 2), (~is_object, TRAIN_ROIS)):
        places = kind.nonzero().flatten()
        kinds.append(places[torch.randperm(len(places), generator=generator)][:count])
    return boxes[torch.cat([kinds[0], kinds[1][: TRAIN_ROIS - len(kinds[0])]]).sort().values]


@torch.inference_mode()
def export(data: Path, output: Path, split: str) -> None:
    from model import load_model  # type: ignore[import-not-found]

    model = load_model(str(data / "retinanet.safetensors"))
    annotations = Annotations.read(data / f"annotations_{split}.json")
    align = MultiScaleRoIAlign(["0", "1", "pool"], SIDE, 2, canonical_scale=64, canonical_level=4)
    generator = torch.Generator().manual_seed(0)
    with zipfile.ZipFile(data / "images.zip") as images, FeatureSetWriter(output / split, torch.float16, 20_000) as writer:
        for image_id in annotations.image_ids:
            if writer.last_image_id is not None and image_id <= writer.last_image_id:
                continue
            picture = Image.open(io.BytesIO(images.read(annotations.file_names[image_id]))).convert("RGB")
            batch, _ = model.transform([to_tensor(picture)])
            maps = model.backbone(batch.tensors)
            size = batch.image_sizes[0]
            objects = annotations.objects(image_id)
            if split == "train":
                found = proposals(model, list(maps.values()), size, 200)
                boxes = sampled(found, objects.boxes.float(), generator)
            else:
                boxes = proposals(model, list(maps.values()), size, VAL_ROIS)
            matched = match(boxes, objects, 0.5)
            features = align(maps, [boxes], [size])
            writer.append(image_id, features, boxes=boxes, labels=matched.labels, ious=matched.ious)


if __name__ == "__main__":
    data, output = map(Path, sys.argv[1:])
    sys.path.append(str(data))
    torch.set_num_threads(1)
    for split in ("val", "train"):
        export(data, output, split)

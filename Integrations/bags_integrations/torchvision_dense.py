"""torchvision's RetinaNet: feature maps out, the layers of its branches out and in.

`torchvision_detector` calls these for a RetinaNet; `category_ids` has the category id of each of its labels from label 0 on,
or from label 1 on where it has one label more, as where its maker counted background.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.retinanet import RetinaNet

from .annotations import Annotations
from .classes import ClassIDs, checked_ids, order_of
from .dense_layers import DenseScores
from .export import _image_ids, _Progress
from .files import write_safetensors
from .heads import HeadFile
from .maps import MapSetWriter

LAYER = "head.classification_head.cls_logits"


def retinanet_in(model: Any) -> RetinaNet | None:
    """The RetinaNet that a model is or holds; `None` where there is none."""
    if not isinstance(model, nn.Module):
        return None
    return next((module for module in model.modules() if isinstance(module, RetinaNet)), None)


def export_maps(
    detector: RetinaNet,
    load_image: Callable[[int], Tensor],
    folder: str | os.PathLike[str],
    category_ids: ClassIDs,
    annotations: Annotations | None = None,
    *,
    tower: int = 0,
    box_deltas: bool = True,
    image_ids: Iterable[int] | None = None,
    dtype: torch.dtype = torch.float32,
    progress: bool = True,
) -> int:
    """Writes the input of the layers that are trained, for every location of the images, as a set of feature maps.

    Args:
        detector: In evaluation mode.
        load_image: An image's pixels by its id: [3, height, width], 0 to 1.
        folder: Where the set goes; a set that was cut off is gone on with.
        category_ids: As above.
        annotations: Gives the images where `image_ids` does not; `bags train` assigns objects to anchors itself.
        tower: The convolutions below the last one that are to be trained too: 0 for the classification tower's output, which
            the last layer alone sees; 4 for the maps of the pyramid, which both branches see.
        box_deltas: Whether to write the deltas that the detector's own regression branch predicts.
        image_ids: Which images, in any order; those of the annotations unless given.
        dtype: What maps are stored as.
        progress: Whether to show how far it is, where standard error is a terminal.

    Returns:
        The number of images written by this call.
    """
    if detector.training:
        raise ValueError("the detector is in training mode; call eval() first")
    branch = detector.head.classification_head
    if tower not in (0, len(branch.conv)):
        raise ValueError(f"tower is 0, for the tower's output, or {len(branch.conv)}, for the pyramid's maps; not {tower}")
    _order(detector, category_ids)
    ids = _image_ids(image_ids, annotations)
    order_of(category_ids, annotations)
    device = next(detector.parameters()).device
    writer: MapSetWriter | None = None
    bar, written = _Progress(len(ids), 0, progress), 0
    for image_id in ids:
        if writer is not None and writer.last_image_id is not None and image_id <= writer.last_image_id:
            continue
        image = load_image(image_id)
        with torch.inference_mode():
            images, _ = detector.transform([image.to(device)])
            made = detector.backbone(images.tensors)
            # A backbone without a pyramid gives its only map, which RetinaNet takes as well.
            pyramid = [made] if isinstance(made, Tensor) else list(made.values())
            if writer is None:
                writer = MapSetWriter(folder, _anchor_texts(detector, images.tensors, pyramid, tower), dtype)
                if writer.last_image_id is not None and image_id <= writer.last_image_id:
                    continue
            maps = pyramid if tower else [branch.conv(level) for level in pyramid]
            deltas = detector.head.regression_head(pyramid)[0] if box_deltas else None
        size = images.image_sizes[0]
        scale = (size[1] / image.shape[-1], size[0] / image.shape[-2])
        writer.append(image_id, [level[0] for level in maps], size, scale, deltas)
        written += 1
        bar.advance()
    if writer is not None:
        writer.close()
    bar.finish()
    return written


def export_layer(detector: RetinaNet, path: str | os.PathLike[str], category_ids: ClassIDs) -> None:
    """Writes the present branches, the rows of the last convolution by ascending category id, for `bags train --init` and the
    rest."""
    if not isinstance(detector.head.classification_head.cls_logits, nn.Conv2d):
        raise ValueError("the detector scores with a head that was installed into it; that head's own file is the one to take")
    rows = _rows(detector, category_ids)
    tensors = {f"head.{name}": tensor for name, tensor in detector.head.state_dict().items()}
    for part in ("weight", "bias"):
        tensors[f"{LAYER}.{part}"] = tensors[f"{LAYER}.{part}"][rows]
    groups = _norm_groups(detector)
    texts = {"norm_groups": str(groups)} if groups else {}
    write_safetensors({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, texts, path)


def install_layer(detector: RetinaNet, path: str | os.PathLike[str], category_ids: ClassIDs) -> None:
    """Puts a trained dense head into a detector, in place: the last convolution of its classification branch, and those below
    it and the regression branch where they were trained too; what was not stays.

    A head that scores each class by a sigmoid is loaded into the detector's own layer. Any other takes that layer's place,
    with a scoring of its own: for inference.
    """
    head = HeadFile.read(path)
    if head.weight.dim() != 4:
        raise ValueError(f"{path}: is a head for RoIs; a RetinaNet takes one that was trained on feature maps")
    own = detector.head.classification_head
    count = detector.anchor_generator.num_anchors_per_location()[0]
    if len(head.bias) % count or head.weight.shape[1] != own.cls_logits.weight.shape[1]:
        raise ValueError(f"{path}: is {list(head.weight.shape)}, which does not fit {count} anchors a location")
    state = _branch_state(detector, head, path)
    if head.layout == "sigmoid":
        rows = _rows(detector, category_ids)
        if len(rows) != len(head.bias):
            raise ValueError(f"{path}: has {len(head.bias)} rows, the detector has {len(rows)} for its categories")
        with torch.no_grad():
            own.cls_logits.weight[rows] = head.weight.to(own.cls_logits.weight)
            own.cls_logits.bias[rows] = head.bias.to(own.cls_logits.bias)
        detector.head.load_state_dict(state, strict=False)
        return
    detector.head.load_state_dict(state, strict=False)
    own.cls_logits = DenseScores(head, _labels(detector, category_ids), count).to(own.cls_logits.weight.device).eval()


def _branch_state(detector: RetinaNet, head: HeadFile, path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The trained layers of a head beside its last convolution, by the names that the detector's head has for them."""
    state: dict[str, Tensor] = {}
    for name, tensor in head.branches.items():
        branch, *rest = name.split(".")
        if branch == "fc_reg":
            key = f"regression_head.bbox_reg.{rest[0]}"
        else:
            place = {"cls_tower": "classification_head", "box_tower": "regression_head"}[branch]
            key = f"{place}.conv.{rest[0]}.{int(rest[1] == 'norm')}.{rest[-1]}"
        state[key] = tensor
    own = detector.head.state_dict()
    for key, tensor in state.items():
        if key not in own or own[key].shape != tensor.shape:
            has = list(own[key].shape) if key in own else "none"
            raise ValueError(f"{path}: its {key} is {list(tensor.shape)}, the detector has {has}")
    trained = {key.rsplit(".", 1)[0].split(".conv.")[0] for key in state if ".conv." in key}
    for key in own:
        if key.split(".conv.")[0] in trained and ".conv." in key and key not in state:
            raise ValueError(f"{path}: has no {key}, which the detector has: its branches are of other layers")
    return state


def _norm_groups(detector: RetinaNet) -> int:
    """The groups of GroupNorm in the branches; 0 where there is none."""
    for module in detector.head.modules():
        if isinstance(module, nn.GroupNorm):
            return module.num_groups
        if isinstance(module, nn.modules.batchnorm._NormBase):
            raise ValueError("the branches have BatchNorm; branches without norm and with GroupNorm are known")
    return 0


def _labels(detector: RetinaNet, category_ids: ClassIDs) -> list[int | None]:
    """The category of each of the detector's labels, from 0 on."""
    ids, count = checked_ids(category_ids), detector.head.classification_head.num_classes
    if len(ids) == count - 1:
        return [None, *ids]
    if len(ids) != count:
        raise ValueError(f"there are {len(ids)} category ids for the detector's {count} labels; one for each is expected")
    return list(ids)


def _order(detector: RetinaNet, category_ids: ClassIDs) -> list[int]:
    """The labels by ascending category id."""
    return order_of(_labels(detector, category_ids))


def _rows(detector: RetinaNet, category_ids: ClassIDs) -> list[int]:
    """The rows of the last convolution by anchor, then by ascending category id."""
    count = detector.head.classification_head.num_classes
    anchors = detector.anchor_generator.num_anchors_per_location()[0]
    return [anchor * count + label for anchor in range(anchors) for label in _order(detector, category_ids)]


def _anchor_texts(detector: RetinaNet, images: Tensor, pyramid: list[Tensor], tower: int) -> dict[str, str]:
    """Strides and anchors as a set of feature maps states them."""
    generator = detector.anchor_generator
    if any(ratios != generator.aspect_ratios[0] for ratios in generator.aspect_ratios):
        raise ValueError("the levels' anchors have different aspect ratios, which a set of feature maps cannot state")
    strides = [round(images.shape[-1] / level.shape[-1]) for level in pyramid]
    return {
        "strides": ",".join(map(str, strides)),
        "anchor_sizes": ";".join(",".join(f"{size:g}" for size in sizes) for sizes in generator.sizes),
        "anchor_ratios": ",".join(f"{ratio:g}" for ratio in generator.aspect_ratios[0]),
        "anchor_convention": "torchvision",
        "tower": str(tower),
    }

"""detectron2's RetinaNet (`meta_arch.retinanet`): feature maps out, the last convolution of its classification branch out
and in.

`detectron2_detector` calls these for such a model; `category_ids` has the category id of each of its classes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from .annotations import Annotations
from .classes import ClassIDs, checked_ids
from .dense_export import ImageMaps, anchor_texts, export_dense, flat_deltas
from .dense_layers import DenseLayer


def dense_model_in(model: Any) -> Any | None:
    """The RetinaNet that a model is or holds; `None` where there is none."""
    if not isinstance(model, nn.Module):
        return None
    for module in model.modules():
        if hasattr(module, "head_in_features") and hasattr(getattr(module, "head", None), "cls_subnet"):
            return module
    return None


def export_maps(
    model: Any,
    load_input: Callable[[int], Mapping[str, Any]],
    folder: str | os.PathLike[str],
    category_ids: ClassIDs,
    annotations: Annotations | None = None,
    *,
    tower: int = 0,
    **options: Any,
) -> int:
    """Writes the input of the layers that are trained, for every location of the images, as a set of feature maps.

    Args:
        model: A RetinaNet in evaluation mode.
        load_input: What the model takes of an image, by its id: a dictionary with `image`, `height` and `width`.
        folder: Where the set goes; a set that was cut off is gone on with.
        category_ids: As above.
        annotations: Gives the images where `image_ids` does not.
        tower: The convolutions below the last one that are to be trained too: 0 for the classification tower's output,
            which the last layer alone sees; as many as there are (4) for the maps of the pyramid.
        options: As `MapOptions` has them.

    Returns:
        The number of images written by this call.
    """
    head = model.head
    depth = sum(isinstance(layer, nn.Conv2d) for layer in head.cls_subnet)
    if tower not in (0, depth):
        raise ValueError(f"tower is 0, for the tower's output, or {depth}, for the pyramid's maps; not {tower}")
    anchors = _anchor_count(model)
    dense_layer(model, category_ids)
    stds = [1 / float(weight) for weight in model.box2box_transform.weights]

    def maps_of(image_id: int) -> ImageMaps:
        given = load_input(image_id)
        if not isinstance(given, Mapping) or not isinstance(given.get("image"), Tensor):
            raise TypeError(
                f"image {image_id}: load_input gave a {type(given).__name__}; the detector takes a dict with a tensor "
                "`image`, `height` and `width`, as DatasetMapper(cfg, is_train=False) makes it"
            )
        images = model.preprocess_image([given])
        features = model.backbone(images.tensor)
        pyramid = [features[name] for name in model.head_in_features]
        maps = pyramid if tower else [head.cls_subnet(level) for level in pyramid]
        deltas = [head.bbox_pred(head.bbox_subnet(level))[0] for level in pyramid]
        height, width = images.image_sizes[0]
        scale = (width / given.get("width", width), height / given.get("height", height))
        return ImageMaps(
            [level[0] for level in maps], flat_deltas(deltas, anchors, stds), (height, width), scale, _anchors(model, tower)
        )

    return export_dense(model, maps_of, folder, category_ids, annotations, **options)


def dense_layer(model: Any, category_ids: ClassIDs) -> DenseLayer:
    """The last convolution of the classification branch, for a head file or to put one in its place."""
    head, ids = model.head, list(checked_ids(category_ids))
    if len(ids) != model.num_classes:
        raise ValueError(f"there are {len(ids)} category ids for the detector's {model.num_classes} classes")
    return DenseLayer("head.cls_score", "head.bbox_pred", head.cls_score, head.bbox_pred, ids, _anchor_count(model))


def _anchor_count(model: Any) -> int:
    counts = {len(cells) for cells in model.anchor_generator.cell_anchors}
    if len(counts) != 1:
        raise ValueError(f"the levels have {sorted(counts)} anchors a location; as many on each are expected")
    return counts.pop()


def _anchors(model: Any, tower: int) -> dict[str, str]:
    """`DefaultAnchorGenerator` keeps the anchors that it made, ratio after ratio of each size, not sizes and ratios."""
    generator = model.anchor_generator
    shapes = [(cells[:, 2:] - cells[:, :2]).double() for cells in generator.cell_anchors]
    ratios: list[float] = []
    for width, height in shapes[0].tolist():
        if any(abs(height / width - ratio) < 1e-4 * ratio for ratio in ratios):
            break
        ratios.append(float(f"{height / width:.6g}"))
    sizes = [level.prod(1).sqrt()[:: len(ratios)].tolist() for level in shapes]
    for level, widths in zip(sizes, shapes, strict=True):
        expected = [(size / ratio**0.5, size * ratio**0.5) for size in level for ratio in ratios]
        if len(expected) != len(widths) or (widths - widths.new_tensor(expected)).abs().max() > 1e-2:
            raise ValueError("the anchors are not sizes with the same ratios on every level")
    texts = anchor_texts(sizes, ratios, [int(stride) for stride in generator.strides], "detectron2", tower)
    return texts | ({"anchor_offset": repr(float(generator.offset))} if generator.offset else {})

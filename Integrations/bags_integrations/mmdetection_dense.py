"""mmdetection 3's RetinaNet (`RetinaHead`): feature maps out, the last convolution of its classification branch out and in.

`mmdetection_detector` calls these for a detector with such a head; `category_ids` has the category id of each of its
classes. Nothing of mmdetection is imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from .annotations import Annotations
from .classes import ClassIDs, checked_ids
from .dense_export import ImageMaps, anchor_texts, export_dense, flat_deltas
from .dense_layers import DenseLayer


def dense_model_in(model: Any) -> Any | None:
    """The detector with a RetinaHead that a model is or holds; `None` where there is none."""
    if not isinstance(model, nn.Module):
        return None
    for module in model.modules():
        if hasattr(getattr(module, "bbox_head", None), "retina_cls"):
            return module
    return None


def export_maps(
    model: Any,
    run: Callable[[int], Any],
    folder: str | os.PathLike[str],
    category_ids: ClassIDs,
    annotations: Annotations | None = None,
    *,
    tower: int = 0,
    **options: Any,
) -> int:
    """Writes the input of the layers that are trained, for every location of the images, as a set of feature maps.

    Args:
        model: A detector with a RetinaHead, in evaluation mode.
        run: Runs it on an image by its id; what it returns is not looked at.
        folder: Where the set goes; a set that was cut off is gone on with.
        category_ids: As above.
        annotations: Gives the images where `image_ids` does not.
        tower: The convolutions below the last one that are to be trained too: 0 for the classification tower's output,
            which the last layer alone sees; as many as there are (4) for the maps of the pyramid.
        options: As `MapOptions` has them.

    Returns:
        The number of images written by this call.
    """
    head = model.bbox_head
    if tower not in (0, len(head.cls_convs)):
        raise ValueError(
            f"tower is 0, for the tower's output, or {len(head.cls_convs)}, for the pyramid's maps; not {tower}"
        )
    dense_layer(model, category_ids)
    stds, means = [list(map(float, getattr(head.bbox_coder, name))) for name in ("stds", "means")]
    if any(means):
        raise ValueError(f"the deltas have means of {means}, which a set of feature maps cannot state; 0 is expected")
    with _capture(model) as caught:

        def maps_of(image_id: int) -> ImageMaps:
            caught.clear()
            run(image_id)
            if not caught.deltas or caught.meta is None:
                raise RuntimeError(f"image {image_id}: the model did not come to its bbox head")
            maps = caught.pyramid if tower else caught.inputs
            if any(len(level) != 1 for level in maps):
                raise ValueError("run the model on one image at a time")
            size, scale = caught.meta["img_shape"], caught.meta.get("scale_factor", (1.0, 1.0))
            return ImageMaps(
                [level[0] for level in maps],
                flat_deltas([level[0] for level in caught.deltas], _anchor_count(head), stds),
                (int(size[0]), int(size[1])),
                (float(scale[0]), float(scale[1])),
                _anchors(head, tower),
            )

        return export_dense(model, maps_of, folder, category_ids, annotations, **options)


def dense_layer(model: Any, category_ids: ClassIDs) -> DenseLayer:
    """The last convolution of the classification branch, for a head file or to put one in its place."""
    head, ids = model.bbox_head, list(checked_ids(category_ids))
    if not head.use_sigmoid_cls:
        raise ValueError("the head scores its classes by a softmax; a RetinaHead with use_sigmoid=True is expected")
    if len(ids) != head.num_classes:
        raise ValueError(f"there are {len(ids)} category ids for the detector's {head.num_classes} classes")
    return DenseLayer(
        "bbox_head.retina_cls", "bbox_head.retina_reg", head.retina_cls, head.retina_reg, ids, _anchor_count(head)
    )


def _anchor_count(head: Any) -> int:
    return int(head.prior_generator.num_base_priors[0])


def _anchors(head: Any, tower: int) -> dict[str, str]:
    generator = head.prior_generator
    if generator.center_offset or generator.centers is not None:
        raise ValueError("the anchors have a centre of their own, which a set of feature maps cannot state")
    if not generator.scale_major:
        raise ValueError("the anchors are ordered by scale last; scale_major=True is expected")
    scales = [float(scale) for scale in generator.scales]
    sizes = [[float(base) * scale for scale in scales] for base in generator.base_sizes]
    strides = [int(stride[0]) for stride in generator.strides]
    return anchor_texts(sizes, [float(ratio) for ratio in generator.ratios], strides, "mmdetection", tower)


@dataclass
class _Caught:
    """What went through the head of a model on one image, by level."""

    pyramid: list[Tensor] = field(default_factory=list)
    inputs: list[Tensor] = field(default_factory=list)
    deltas: list[Tensor] = field(default_factory=list)
    meta: dict[str, Any] | None = None

    def clear(self) -> None:
        self.pyramid, self.inputs, self.deltas, self.meta = [], [], [], None


@contextmanager
def _capture(model: Any) -> Iterator[_Caught]:
    """Catches what goes through the head while the model runs on one image."""
    caught = _Caught()
    head = model.bbox_head
    hooks = [
        head.register_forward_pre_hook(lambda _, inputs: caught.pyramid.extend(level.detach() for level in inputs[0])),
        head.retina_cls.register_forward_pre_hook(lambda _, inputs: caught.inputs.append(inputs[0].detach())),
        head.retina_reg.register_forward_hook(lambda _, inputs, output: caught.deltas.append(output.detach())),
    ]
    method = head.predict_by_feat

    def wrapped(*arguments: Any, **keywords: Any) -> Any:
        names = ["cls_scores", "bbox_preds", "score_factors", "batch_img_metas"]
        given = dict(zip(names, arguments, strict=False)) | keywords
        if len(given["batch_img_metas"]) != 1:
            raise ValueError("run the model on one image at a time")
        caught.meta = dict(given["batch_img_metas"][0])
        return method(*arguments, **keywords)

    head.predict_by_feat = wrapped
    try:
        yield caught
    finally:
        for hook in hooks:
            hook.remove()
        del head.predict_by_feat

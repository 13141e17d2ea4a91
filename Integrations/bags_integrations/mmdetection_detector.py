"""mmdetection's two-stage detectors, versions 2 and 3 (`StandardRoIHead`): features out, heads in.

    from mmdet.apis import inference_detector
    from bags_integrations import mmdetection_detector as mm

    run = lambda image_id: inference_detector(model, paths[image_id])
    mm.export_features(model, run, "features/train", category_ids, annotations)
    mm.export_head(model, "detector_head.safetensors", category_ids)
    mm.install_head(model, "runs/bags", category_ids)

Nothing of mmdetection is imported: the modules are found by their names in the model, which both versions share.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .annotations import Annotations
from .export import ImageRoIs, deltas_by_class, export_rois, order_of
from .heads import HeadFile, HeadScorer, write_head


def export_features(
    model: Any,
    run: Callable[[int], Any],
    folder: str | os.PathLike[str],
    category_ids: Sequence[int],
    annotations: Annotations | None = None,
    image_ids: Iterable[int] | None = None,
    box_deltas: bool = True,
    dtype: torch.dtype = torch.float16,
    rows_per_shard: int = 100_000,
    progress: bool = True,
) -> int:
    """Runs a detector over images and writes what goes into its last layers as a feature set.

    Args:
        model: A two-stage detector in evaluation mode.
        run: Runs the model on an image by its id; what it returns is not looked at.
        folder: Where the set goes; a set that was cut off is gone on with.
        category_ids: The category id of each class of the detector, from class 0 on.
        annotations: Gives labels, and the images where `image_ids` does not.
        image_ids: Which images.
        box_deltas: Whether to write the predicted deltas.
        dtype: What features are stored as.
        rows_per_shard: A shard is written once it holds so many RoIs.
        progress: Whether to show how far it is, on a terminal.

    Returns:
        The number of images written by this call.
    """
    if model.training:
        raise ValueError("the detector is in training mode; call model.eval() first")
    if image_ids is None:
        if annotations is None:
            raise ValueError("give annotations or image_ids")
        image_ids = annotations.image_ids
    order = order_of(category_ids)
    head = _bbox_head(model)
    stds = [float(std) for std in head.bbox_coder.stds]
    with _capture(head) as caught:

        def rois(image_id: int, _: Tensor) -> ImageRoIs:
            caught.clear()
            run(image_id)
            if "features" not in caught or "boxes" not in caught:
                raise RuntimeError(f"image {image_id}: the model did not come to its bbox head")
            deltas = None
            if box_deltas and caught["deltas"] is not None:
                deltas = deltas_by_class(caught["deltas"], order, background_first=False, stds=stds)
            return ImageRoIs(caught["features"].flatten(1), caught["boxes"] / caught["scale"], deltas)

        return export_rois(
            rois, image_ids, folder, annotations, dtype=dtype, rows_per_shard=rows_per_shard, progress=progress
        )


def export_head(model: Any, path: str | os.PathLike[str], category_ids: Sequence[int]) -> None:
    """Writes a detector's present last layers as a head file: for `bags train --init`, `bags predict --box-head` and
    `bags report weightnorms`.

    Args:
        category_ids: The category id of each class of the detector, from class 0 on.
    """
    head = _bbox_head(model)
    write_head(
        path,
        category_ids,
        (head.fc_cls.weight, head.fc_cls.bias),
        (head.fc_reg.weight, head.fc_reg.bias) if head.with_reg else None,
        background_first=False,
        background_deltas=False,
        stds=[float(std) for std in head.bbox_coder.stds],
        box_coder="mmdetection2",
    )


def install_head(model: Any, path: str | os.PathLike[str], category_ids: Sequence[int]) -> None:
    """Puts a trained head into a detector, in place; its box regressor stays.

    A softmax head is loaded into the detector's own layer. Any other takes that layer's place, and the scores are made
    from its logits where mmdetection asks a head's loss for its activation (`custom_cls_channels`).

    Args:
        path: A run of `bags train`, or a head file.
        category_ids: The category id of each class of the detector, from class 0 on.
    """
    bbox_head = _bbox_head(model)
    head = HeadFile.read(path)
    scorer = HeadScorer(head, category_ids)
    if head.is_softmax and isinstance(bbox_head.fc_cls, nn.Linear):
        if bbox_head.fc_cls.weight.shape != head.weight.shape:
            raise ValueError(
                f"the head is {list(head.weight.shape)}, the detector's {list(bbox_head.fc_cls.weight.shape)}"
            )
        rows = torch.cat([1 + scorer.order, torch.zeros(1, dtype=torch.int64)])
        with torch.no_grad():
            bbox_head.fc_cls.weight.copy_(head.weight[rows])
            bbox_head.fc_cls.bias.copy_(head.bias[rows])
        return
    device = next(bbox_head.parameters()).device
    bbox_head.fc_cls = _Logits(scorer).to(device)
    bbox_head.loss_cls = BagsActivation(scorer).to(device)


class _Logits(nn.Module):
    """Stands where `fc_cls` stood."""

    def __init__(self, scorer: HeadScorer) -> None:
        super().__init__()
        self.scorer = scorer

    def forward(self, x: Tensor) -> Tensor:
        return self.scorer.logits(x)


class BagsActivation(nn.Module):
    """Stands where `loss_cls` stood, and turns logits into scores, as mmdetection's Seesaw loss does; for inference."""

    custom_cls_channels = True
    custom_activation = True
    use_sigmoid = False

    def __init__(self, scorer: HeadScorer) -> None:
        super().__init__()
        self.scorer = scorer

    def get_activation(self, cls_score: Tensor) -> Tensor:
        """[N, C + 1] of [N, K]; the last column is background's, which no detection uses, and 0."""
        return nn.functional.pad(self.scorer.scores(cls_score), (0, 1))

    def forward(self, *_: Any, **__: Any) -> Tensor:
        raise NotImplementedError("a head of bags is trained with `bags train`, not in the detector")


@contextmanager
def _capture(head: Any) -> Iterator[dict[str, Any]]:
    """Catches a bbox head's features, RoIs, deltas and the image's scale while the model runs on one image."""
    caught: dict[str, Any] = {}
    hook = head.fc_cls.register_forward_pre_hook(lambda _, inputs: caught.update(features=inputs[0].detach()))
    # Version 3 has predict_by_feat, which takes lists over images; version 2 has get_bboxes, which takes one image.
    name = "predict_by_feat" if hasattr(head, "predict_by_feat") else "get_bboxes"
    method = getattr(head, name)

    def wrapped(*args: Any, **keywords: Any) -> Any:
        given = dict(zip(_ARGUMENTS[name], args, strict=False)) | keywords
        if name == "predict_by_feat":
            if len(given["rois"]) != 1:
                raise ValueError("run the model on one image at a time")
            rois, deltas = given["rois"][0], given["bbox_preds"][0]
            scale = given["batch_img_metas"][0]["scale_factor"]
        else:
            rois, deltas, scale = given["rois"], given["bbox_pred"], given["scale_factor"]
        factors = torch.as_tensor(scale, dtype=rois.dtype, device=rois.device).flatten()
        caught.update(
            boxes=rois[:, 1:].detach(),
            deltas=None if deltas is None else deltas.detach(),
            scale=factors if len(factors) == 4 else factors.repeat(4 // len(factors)),
        )
        return method(*args, **keywords)

    setattr(head, name, wrapped)
    try:
        yield caught
    finally:
        hook.remove()
        delattr(head, name)


_ARGUMENTS = {
    "predict_by_feat": ["rois", "cls_scores", "bbox_preds", "batch_img_metas", "rcnn_test_cfg", "rescale"],
    "get_bboxes": ["rois", "cls_score", "bbox_pred", "img_shape", "scale_factor", "rescale", "cfg"],
}


def _bbox_head(model: Any) -> Any:
    head = model.roi_head.bbox_head
    if isinstance(head, nn.ModuleList):
        raise ValueError("a cascade has a head for each stage; `bags convert` reads and writes its weights")
    return head

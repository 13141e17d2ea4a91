"""mmdetection's two-stage detectors, versions 2 and 3 (`StandardRoIHead`, `CascadeRoIHead`): features out, heads in.

    from mmdet.apis import inference_detector
    from bags_integrations import mmdetection_detector as mm

    run = lambda image_id: inference_detector(model, paths[image_id])
    mm.export_features(model, run, "features/train", category_ids, annotations)
    mm.export_head(model, "detector_head.safetensors", category_ids)
    mm.install_head(model, "runs/bags", category_ids)

In all of them `category_ids` has the category id of each class of the detector, from class 0 on; `None` where a class
is no category.

All three take version 3's RetinaNet too: `export_features` then writes feature maps, of which `mmdetection_dense` says more
(`tower=0`, the input of the last convolution, unless given).

Nothing of mmdetection is imported: the modules are found by their names in the model, which both versions share.

A cascade has a classifier for each of S stages: its feature sets are [N, S, D], and heads for it are trained with
`bags train --stages S`. Boxes and deltas are the last stage's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .annotations import Annotations
from .classes import ClassIDs
from .dense_export import map_options
from .export import ExportOptions, ImageRoIs, export_rois
from .heads import HeadFile
from .last_layers import LastLayers
from .mmdetection_dense import dense_layer, dense_model_in, export_maps
from .models import detector_in
from .saved import own_weights, saved_scorer
from .scorer import HeadLogits, HeadScorer, refuse_training

if TYPE_CHECKING:
    from typing_extensions import Unpack


def export_features(
    model: Any,
    run: Callable[[int], Any],
    folder: str | os.PathLike[str],
    category_ids: ClassIDs,
    annotations: Annotations | None = None,
    *,
    pooled: bool = False,
    tower: int | None = None,
    **options: Unpack[ExportOptions],
) -> int:
    """Runs a detector over images and writes what goes into its last layers as a feature set: `export_rois` says how.

    Args:
        model: A two-stage detector, or a RetinaNet, in evaluation mode.
        run: Runs the model on an image by its id; what it returns is not looked at.
        folder: Where the set goes; a set that was cut off is gone on with.
        category_ids: As above.
        annotations: Gives labels, and the images where `image_ids` does not.
        pooled: Whether features are the pooled maps [N, C, 7, 7] below the shared fully connected layers, which
            `bags train --hidden 1024,1024` then trains too; of a detector with one stage.
        tower: Of a RetinaNet: 0 for the input of the last convolution, 4 for the pyramid's maps; see `export_maps`.
        options: Which images, how to store them: `ExportOptions`, without `add_ground_truth`.

    Returns:
        The number of images written by this call.
    """
    if dense := dense_model_in(model):
        given = map_options(dict(options) | ({"pooled": True} if pooled else {}))
        return export_maps(dense, run, folder, category_ids, annotations, tower=tower or 0, **given)
    if tower is not None:
        raise TypeError("tower: is for a RetinaNet, not for a detector with RoIs")
    if options.get("add_ground_truth"):
        raise ValueError("mmdetection's RoIs are those that the model makes itself; add_ground_truth cannot be")
    model = detector_in(model, "roi_head")
    if not all(head.reg_class_agnostic for head in _bbox_heads(model)[:-1]):
        raise ValueError(
            "the cascade regresses boxes by class: the stages' RoIs, and so the features, would be others with another "
            "head; it must be one with reg_class_agnostic=True"
        )
    if pooled and len(_bbox_heads(model)) > 1:
        raise ValueError("a cascade pools maps anew for each stage; pooled is for a detector with one")
    with _capture(model) as caught:

        def rois(image_id: int, _: Tensor) -> ImageRoIs:
            caught.clear()
            run(image_id)
            if caught.boxes is None:
                raise RuntimeError(f"image {image_id}: the model did not come to its bbox head")
            stages = [features.flatten(1) for features in caught.features]
            # A mask head may use the same extractors, later.
            earlier = caught.earlier_boxes[: len(stages) - 1]
            return ImageRoIs(
                caught.pooled[0] if pooled else stages[0] if len(stages) == 1 else torch.stack(stages, 1),
                caught.boxes / caught.scale,
                caught.outputs,
                caught.deltas,
                earlier_boxes=[boxes / caught.scale for boxes in earlier],
            )

        return export_rois(model, _last_layers(model, category_ids), rois, folder, annotations, **options)


def export_head(model: Any, path: str | os.PathLike[str], category_ids: ClassIDs, *, pooled: bool = False) -> None:
    """Writes a detector's present last layers as a head file: for `bags train --init`, `bags predict --box-head` and
    `bags report weightnorms`; of a cascade the classifiers alone; with `pooled` the classifier and the shared fully
    connected layers below it, for pooled maps."""
    if dense := dense_model_in(model):
        return dense_layer(dense, category_ids).write(path)
    model = detector_in(model, "roi_head")
    layers = _last_layers(model, category_ids)
    if pooled:
        head = _bbox_heads(model)[0]
        names = [f"shared_fcs.{place}" for place in range(len(head.shared_fcs))]
        parts: dict[str, Any] = {name: getattr(head, name, []) for name in ("shared_convs", "shared_fcs", "cls_convs", "cls_fcs")}
        box_head = nn.ModuleDict({name: part for name, part in parts.items() if len(part)})
        layers = layers.with_hidden(box_head, names)
    if len(layers.classifiers) > 1:
        # `--box-head` applies a regressor to a RoI's one row of features.
        layers.regressor = None
    layers.write(path)


def install_head(model: Any, path: str | os.PathLike[str], category_ids: ClassIDs) -> None:
    """Puts a trained head, a run of `bags train` or a head file, into a detector, in place; its box regressor stays.

    A softmax head is loaded into the detector's own layer. Any other takes that layer's place, and the scores are made
    from its logits where mmdetection asks a head's loss for its activation (`custom_cls_channels`): for inference, and
    saved and loaded with `load_weights`.
    """
    if dense := dense_model_in(model):
        dense.bbox_head.retina_cls = dense_layer(dense, category_ids).installed(path)
        return
    stages = HeadFile.read_stages(path)
    model = detector_in(model, "roi_head")
    layers = _last_layers(model, category_ids)
    heads = _bbox_heads(model)
    if len(stages) != len(heads):
        raise ValueError(f"{path}: a head of {len(stages)} stages for a detector of {len(heads)}")
    for number, (bbox_head, stage) in enumerate(zip(heads, stages, strict=True)):
        if not layers.load(stage, number):
            _install(bbox_head, HeadScorer(stage, category_ids, getattr(bbox_head.fc_cls, "in_features", None)))


def load_weights(model: Any, saved: str | os.PathLike[str] | Mapping[str, Any]) -> None:
    """Loads the weights of a detector that a head was put into, into one as it was before: that head, of which the
    weights have everything, comes with them. mmdetection's own `init_detector` would leave the classifier as drawn.

    Args:
        model: Changed in place.
        saved: Its `state_dict()`, or a file of it: one of mmengine's `save_checkpoint`, torch.save or safetensors.
    """
    model = detector_in(model, "roi_head")
    weights = own_weights(saved, model)
    heads = _bbox_heads(model)
    for number, bbox_head in enumerate(heads):
        stage = f".{number}" if isinstance(model.roi_head.bbox_head, nn.ModuleList) else ""
        if scorer := saved_scorer(weights, f"roi_head.bbox_head{stage}.fc_cls.scorer."):
            _install(bbox_head, scorer)
    model.load_state_dict(weights)


def _install(bbox_head: Any, scorer: HeadScorer) -> None:
    device = next(bbox_head.parameters()).device
    bbox_head.fc_cls = HeadLogits(scorer).to(device).train(bbox_head.training)
    bbox_head.loss_cls = BagsActivation(scorer).train(bbox_head.training)


class BagsActivation(nn.Module):
    """Stands where `loss_cls` stood, and turns logits into scores, as mmdetection's Seesaw loss does; for inference."""

    custom_cls_channels = True
    custom_activation = True
    use_sigmoid = False

    def __init__(self, scorer: HeadScorer) -> None:
        super().__init__()
        # `fc_cls` has the scorer as a module of its own: weights that stand there twice could not be saved.
        self._scorer = (scorer,)

    def get_activation(self, cls_score: Tensor) -> Tensor:
        """[N, C + 1] of [N, K]; the last column is background's, which no detection uses, and 0."""
        return nn.functional.pad(self._scorer[0].scores(cls_score), (0, 1))

    def forward(self, *_: Any, **__: Any) -> Tensor:
        """Raises: the logits are not those that a loss of the detector is for."""
        refuse_training()


@dataclass
class _Caught:
    """What went through the bbox heads of a model on one image, in pixels of the image as the model had it."""

    #: [N, D], of every stage.
    features: list[Tensor] = field(default_factory=list)
    #: [N, C, H, W], of every stage.
    pooled: list[Tensor] = field(default_factory=list)
    #: [N, 4], of the stages before the last.
    earlier_boxes: list[Tensor] = field(default_factory=list)
    #: [N, 4] and the deltas that belong to them, of the last stage.
    boxes: Tensor | None = None
    deltas: Tensor | None = None
    #: The classifier's output for them, of a cascade the mean of all stages'.
    outputs: Tensor | None = None
    #: What the image's coordinates were multiplied by, [4].
    scale: Tensor = field(default_factory=lambda: torch.ones(4))

    def clear(self) -> None:
        self.pooled = []
        self.features, self.earlier_boxes, self.boxes, self.deltas, self.outputs = [], [], None, None, None


@contextmanager
def _capture(model: Any) -> Iterator[_Caught]:
    """Catches what goes through the bbox heads while the model runs on one image."""
    caught = _Caught()
    heads = _bbox_heads(model)
    head = heads[-1]
    hooks = [
        stage.fc_cls.register_forward_pre_hook(lambda _, inputs: caught.features.append(inputs[0].detach()))
        for stage in heads
    ]
    hooks += [head.register_forward_pre_hook(lambda _, inputs: caught.pooled.append(inputs[0].detach()))]
    hooks += [
        extractor.register_forward_pre_hook(lambda _, inputs: caught.earlier_boxes.append(inputs[1][:, 1:].detach()))
        for extractor in ([] if len(heads) == 1 else model.roi_head.bbox_roi_extractor[:-1])
    ]
    # Version 3 has predict_by_feat, which takes lists over images; version 2 has get_bboxes, which takes one image.
    name = "predict_by_feat" if hasattr(head, "predict_by_feat") else "get_bboxes"
    method = getattr(head, name)

    def wrapped(*args: Any, **keywords: Any) -> Any:
        given = dict(zip(_ARGUMENTS[name], args, strict=False)) | keywords
        if name == "predict_by_feat":
            if len(given["rois"]) != 1:
                raise ValueError("run the model on one image at a time")
            rois, deltas, outputs = given["rois"][0], given["bbox_preds"][0], given["cls_scores"][0]
            scale = given["batch_img_metas"][0]["scale_factor"]
        else:
            rois, deltas, outputs = given["rois"], given["bbox_pred"], given["cls_score"]
            scale = given["scale_factor"]
        factors = torch.as_tensor(scale, dtype=rois.dtype, device=rois.device).flatten()
        caught.boxes = rois[:, 1:].detach()
        caught.deltas = None if deltas is None else deltas.detach()
        caught.outputs = None if outputs is None else outputs.detach()
        caught.scale = factors if len(factors) == 4 else factors.repeat(4 // len(factors))
        return method(*args, **keywords)

    setattr(head, name, wrapped)
    try:
        yield caught
    finally:
        for hook in hooks:
            hook.remove()
        delattr(head, name)


_ARGUMENTS = {
    "predict_by_feat": ["rois", "cls_scores", "bbox_preds", "batch_img_metas", "rcnn_test_cfg", "rescale"],
    "get_bboxes": ["rois", "cls_score", "bbox_pred", "img_shape", "scale_factor", "rescale", "cfg"],
}


def _bbox_heads(model: Any) -> list[Any]:
    """The bbox head, or those of a cascade's stages."""
    head = model.roi_head.bbox_head
    return list(head) if isinstance(head, nn.ModuleList) else [head]


def _last_layers(model: Any, category_ids: ClassIDs) -> LastLayers:
    heads = _bbox_heads(model)
    stds = [float(std) for std in heads[-1].bbox_coder.stds]
    regressor = heads[-1].fc_reg if heads[-1].with_reg else None
    return LastLayers(category_ids, [head.fc_cls for head in heads], regressor, False, stds, "mmdetection2")

"""detectron2's Faster R-CNN and Mask R-CNN (`StandardROIHeads`): features out, heads in.

    from bags_integrations import detectron2_detector as d2

    d2.export_features(model, load_input, "features/train", category_ids, annotations, add_ground_truth=True)
    d2.export_head(model, "detector_head.safetensors", category_ids)
    d2.install_head(model, "runs/bags", category_ids)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from detectron2.modeling.roi_heads.fast_rcnn import FastRCNNOutputLayers
from detectron2.structures import Boxes
from torch import Tensor, nn

from .annotations import Annotations
from .export import ExportOptions, ImageRoIs, deltas_by_class, export_rois, order_of
from .heads import HeadFile, HeadLogits, HeadScorer, load_softmax, write_head

if TYPE_CHECKING:
    from typing_extensions import Unpack


def export_features(
    model: Any,
    load_input: Callable[[int], dict[str, Any]],
    folder: str | os.PathLike[str],
    category_ids: Sequence[int],
    annotations: Annotations | None = None,
    box_deltas: bool = True,
    add_ground_truth: bool = False,
    **options: Unpack[ExportOptions],
) -> int:
    """Runs a detector over images and writes what goes into its last layers as a feature set.

    Args:
        model: A `GeneralizedRCNN` in evaluation mode.
        load_input: What the model takes of an image, by its id: a dictionary with `image`, and `height` and `width` of
            the original, as `DatasetMapper(cfg, is_train=False)` makes it.
        folder: Where the set goes; a set that was cut off is gone on with.
        category_ids: The category id of each class of the detector, from class 0 on.
        annotations: Gives labels, and the images where `image_ids` does not.
        box_deltas: Whether to write the predicted deltas.
        add_ground_truth: Whether annotated boxes are RoIs too; for training sets.
        options: Which images, how to store them: `ExportOptions`.

    Returns:
        The number of images written by this call.
    """
    order = order_of(category_ids, annotations)

    def rois(image_id: int, extra: Tensor) -> ImageRoIs:
        return image_rois(model, load_input(image_id), order, extra, box_deltas)

    return export_rois(model, rois, folder, annotations, add_ground_truth, **options)


def image_rois(
    model: Any, image: dict[str, Any], order: Sequence[int], extra: Tensor, box_deltas: bool = True
) -> ImageRoIs:
    """What a detector's last layers see of one image: its proposals, and the boxes `extra` [M, 4] behind them."""
    heads = model.roi_heads
    layers = _output_layers(model)
    images = model.preprocess_image([image])
    maps = model.backbone(images.tensor)
    proposals, _ = model.proposal_generator(images, maps, None)
    height, width = images.image_sizes[0]
    own = proposals[0].proposal_boxes.tensor
    # The detector works on a resized image; annotations and results are in pixels of the original.
    original = (image.get("width", width), image.get("height", height))
    scale = torch.tensor([original[0] / width, original[1] / height] * 2, device=own.device)
    boxes = torch.cat([own, extra.to(own.device) / scale])
    pooled = heads.box_pooler([maps[name] for name in heads.box_in_features], [Boxes(boxes)])
    features = heads.box_head(pooled).flatten(1)
    deltas = None
    if box_deltas:
        stds = [1 / weight for weight in layers.box2box_transform.weights]
        deltas = deltas_by_class(layers.bbox_pred(features), order, background_first=False, stds=stds)
    return ImageRoIs(features=features, boxes=boxes * scale, box_deltas=deltas)


def export_head(model: Any, path: str | os.PathLike[str], category_ids: Sequence[int]) -> None:
    """Writes a detector's present last layers as a head file: for `bags train --init`, `bags predict --box-head` and
    `bags report weightnorms`.

    Args:
        category_ids: The category id of each class of the detector, from class 0 on.
    """
    layers = _output_layers(model)
    write_head(
        path,
        category_ids,
        [(layers.cls_score.weight, layers.cls_score.bias)],
        (layers.bbox_pred.weight, layers.bbox_pred.bias),
        background_first=False,
        background_deltas=False,
        stds=[1 / weight for weight in layers.box2box_transform.weights],
        box_coder="standard",
    )


def install_head(model: Any, path: str | os.PathLike[str], category_ids: Sequence[int]) -> None:
    """Puts a trained head into a detector, in place; its box regressor stays.

    A softmax head is loaded into the detector's own layer. Any other takes that layer's place, with a scoring of its
    own.

    Args:
        path: A run of `bags train`, or a head file.
        category_ids: The category id of each class of the detector, from class 0 on.
    """
    layers = _output_layers(model)
    head = HeadFile.read(path)
    if head.is_softmax and isinstance(layers.cls_score, nn.Linear):
        load_softmax(layers.cls_score, head, category_ids, background_first=False)
        return
    bbox_pred = layers.bbox_pred
    scorer = HeadScorer(head, category_ids, bbox_pred.in_features)
    layers.cls_score = HeadLogits(scorer).to(bbox_pred.weight.device)
    layers.__class__ = BagsOutputLayers


class BagsOutputLayers(FastRCNNOutputLayers):
    """`FastRCNNOutputLayers` whose class probabilities are those of a head of `bags train`; for inference."""

    def predict_probs(self, predictions: tuple[Tensor, Tensor], proposals: list[Any]) -> tuple[Tensor, ...]:
        """Scores of each image, [N, C + 1]; the last column is background's, which no detection uses, and 0."""
        logits, _ = predictions
        scores = nn.functional.pad(self.cls_score.scorer.scores(logits), (0, 1))
        return scores.split([len(proposal) for proposal in proposals])


def _output_layers(model: Any) -> Any:
    layers = model.roi_heads.box_predictor
    if isinstance(layers, nn.ModuleList):
        raise ValueError(
            "a cascade of detectron2 averages its stages' probabilities, where a head of `bags train --stages` averages "
            "logits; `bags convert` reads and writes its weights"
        )
    return layers

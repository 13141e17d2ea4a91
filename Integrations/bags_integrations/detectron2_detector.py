"""detectron2's Faster R-CNN and Mask R-CNN (`StandardROIHeads`): features out, heads in.

    from bags_integrations import detectron2_detector as d2

    d2.export_features(model, load_input, "features/train", category_ids, annotations, add_ground_truth=True)
    d2.export_head(model, "detector_head.safetensors", category_ids)
    d2.install_head(model, "runs/bags", category_ids)

In all of them `category_ids` has the category id of each class of the detector, from class 0 on; `None` where a class
is no category.

All three take a RetinaNet too: `export_features` then writes feature maps, of which `detectron2_dense` says more
(`tower=0`, the input of the last convolution, unless given).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from detectron2.modeling.roi_heads.fast_rcnn import FastRCNNOutputLayers
from detectron2.structures import Boxes
from torch import Tensor, nn

from .annotations import Annotations
from .classes import ClassIDs
from .dense_export import map_options
from .detectron2_dense import dense_layer, dense_model_in, export_maps
from .export import ExportOptions, ImageRoIs, export_rois
from .heads import HeadFile
from .last_layers import LastLayers
from .models import detector_in
from .saved import own_weights, saved_scorer
from .scorer import HeadLogits, HeadScorer, refuse_training

if TYPE_CHECKING:
    from typing_extensions import Unpack


def export_features(
    model: Any,
    load_input: Callable[[int], dict[str, Any]],
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
        model: A `GeneralizedRCNN` or a `RetinaNet` in evaluation mode.
        load_input: What the model takes of an image, by its id: a dictionary with `image`, and `height` and `width` of
            the original, as `DatasetMapper(cfg, is_train=False)` makes it.
        folder: Where the set goes; a set that was cut off is gone on with.
        category_ids: As above.
        annotations: Gives labels, and the images where `image_ids` does not.
        pooled: Whether features are the pooled maps [N, C, 7, 7] below the two fully connected layers, which
            `bags train --hidden 1024,1024` then trains too.
        tower: Of a RetinaNet: 0 for the input of the last convolution, 4 for the pyramid's maps; see `export_maps`.
        options: Which images, how to store them: `ExportOptions`.

    Returns:
        The number of images written by this call.
    """
    if dense := dense_model_in(model):
        given = map_options(dict(options) | ({"pooled": True} if pooled else {}))
        return export_maps(dense, load_input, folder, category_ids, annotations, tower=tower or 0, **given)
    if tower is not None:
        raise TypeError("tower: is for a RetinaNet, not for a detector with RoIs")
    model = detector_in(model, "roi_heads")

    def rois(image_id: int, extra: Tensor) -> ImageRoIs:
        image = load_input(image_id)
        if not isinstance(image, Mapping) or not isinstance(image.get("image"), Tensor):
            raise TypeError(
                f"image {image_id}: load_input gave a {type(image).__name__}; the detector takes a dict with a tensor "
                "`image`, `height` and `width`, as DatasetMapper(cfg, is_train=False) makes it"
            )
        return image_rois(model, image, extra, pooled)

    return export_rois(model, _last_layers(model, category_ids), rois, folder, annotations, **options)


def image_rois(model: Any, image: Mapping[str, Any], extra: Tensor, pooled: bool = False) -> ImageRoIs:
    """What a detector's last layers see of one image: its proposals, and the boxes `extra` [M, 4] behind them; their pooled
    maps where these are wanted."""
    heads = model.roi_heads
    images = model.preprocess_image([image])
    maps = model.backbone(images.tensor)
    proposals, _ = model.proposal_generator(images, maps, None)
    height, width = images.image_sizes[0]
    own = proposals[0].proposal_boxes.tensor
    # The detector works on a resized image; annotations and results are in pixels of the original.
    original = (image.get("width", width), image.get("height", height))
    scale = torch.tensor([original[0] / width, original[1] / height] * 2, device=own.device)
    boxes = torch.cat([own, extra.to(own.device) / scale])
    cut = heads.box_pooler([maps[name] for name in heads.box_in_features], [Boxes(boxes)])
    features = heads.box_head(cut).flatten(1)
    return ImageRoIs(cut if pooled else features, boxes * scale, *heads.box_predictor(features))


def export_head(model: Any, path: str | os.PathLike[str], category_ids: ClassIDs, *, pooled: bool = False) -> None:
    """Writes a detector's present last layers as a head file: for `bags train --init`, `bags predict --box-head` and
    `bags report weightnorms`; with `pooled` the classifier and the fully connected layers below it, for pooled maps."""
    if dense := dense_model_in(model):
        return dense_layer(dense, category_ids).write(path)
    model = detector_in(model, "roi_heads")
    layers = _last_layers(model, category_ids)
    if pooled:
        layers = layers.with_hidden(model.roi_heads.box_head, ["fc1", "fc2"])
    layers.write(path)


def install_head(model: Any, path: str | os.PathLike[str], category_ids: ClassIDs) -> None:
    """Puts a trained head, a run of `bags train` or a head file, into a detector, in place; its box regressor stays.

    A softmax head is loaded into the detector's own layer. Any other takes that layer's place, with a scoring of its
    own: for inference, and saved and loaded with `load_weights`.
    """
    if dense := dense_model_in(model):
        dense.head.cls_score = dense_layer(dense, category_ids).installed(path)
        return
    head = HeadFile.read(path)
    model = detector_in(model, "roi_heads")
    layers = _last_layers(model, category_ids)
    if not layers.load(head):
        _install(model, HeadScorer(head, category_ids, model.roi_heads.box_predictor.bbox_pred.in_features))


def load_weights(model: Any, saved: str | os.PathLike[str] | Mapping[str, Any]) -> None:
    """Loads the weights of a detector that a head was put into, into one as it was before: that head, of which the
    weights have everything, comes with them.

    Args:
        model: Changed in place.
        saved: Its `state_dict()`, or a file of it: one of `DetectionCheckpointer`, torch.save or safetensors.
    """
    model = detector_in(model, "roi_heads")
    weights = own_weights(saved, model)
    if scorer := saved_scorer(weights, "roi_heads.box_predictor.cls_score.scorer."):
        _install(model, scorer)
    model.load_state_dict(weights)


def _install(model: Any, scorer: HeadScorer) -> None:
    layers = model.roi_heads.box_predictor
    layers.cls_score = HeadLogits(scorer).to(layers.bbox_pred.weight.device).train(layers.training)
    layers.__class__ = BagsOutputLayers


class BagsOutputLayers(FastRCNNOutputLayers):
    """`FastRCNNOutputLayers` whose class probabilities are those of a head of `bags train`; for inference."""

    def predict_probs(self, predictions: tuple[Tensor, Tensor], proposals: list[Any]) -> tuple[Tensor, ...]:
        """Scores of each image, [N, C + 1]; the last column is background's, which no detection uses, and 0."""
        logits, _ = predictions
        scores = nn.functional.pad(self.cls_score.scorer.scores(logits), (0, 1))
        return scores.split([len(proposal) for proposal in proposals])

    def losses(self, *_: Any, **__: Any) -> dict[str, Tensor]:
        """Raises: the logits are not those that the detector's loss is for."""
        refuse_training()


def _last_layers(model: Any, category_ids: ClassIDs) -> LastLayers:
    layers = model.roi_heads.box_predictor
    if isinstance(layers, nn.ModuleList):
        raise ValueError(
            "a cascade of detectron2 averages its stages' probabilities, where a head of `bags train --stages` "
            "averages logits; `bags convert` reads and writes its weights"
        )
    stds = [1 / weight for weight in layers.box2box_transform.weights]
    return LastLayers(category_ids, [layers.cls_score], layers.bbox_pred, False, stds, "standard")

"""torchvision's Faster R-CNN (and Mask R-CNN): features out, heads in.

    from bags_integrations import torchvision_detector as tv

    tv.export_features(detector, load_image, "features/train", category_ids, annotations, add_ground_truth=True)
    tv.export_head(detector, "detector_head.safetensors", category_ids)
    tv.install_head(detector, "runs/bags", category_ids)

In all of them `category_ids` has the category id of each of the detector's labels, from label 1 on; `None` where a
label is no category, as ten of those of torchvision's COCO detectors.

All three take a RetinaNet too: `export_features` then writes feature maps, of which `torchvision_dense` says more
(`tower=0`, the input of the last convolution, unless given).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.ops import batched_nms, clip_boxes_to_image, remove_small_boxes

from .annotations import Annotations
from .classes import ClassIDs
from .export import ExportOptions, ImageRoIs, export_rois
from .heads import HeadFile
from .last_layers import LastLayers
from .models import detector_in
from .saved import own_weights, saved_scorer
from .scorer import HeadScorer, refuse_training
from .torchvision_dense import export_layer, export_maps, install_layer, retinanet_in

if TYPE_CHECKING:
    from typing_extensions import Unpack


def export_features(
    detector: nn.Module,
    load_image: Callable[[int], Tensor],
    folder: str | os.PathLike[str],
    category_ids: ClassIDs,
    annotations: Annotations | None = None,
    *,
    pooled: bool = False,
    tower: int | None = None,
    **options: Unpack[ExportOptions],
) -> int:
    """Writes what goes into a detector's last layers, for every RoI of the images, as a feature set; see `export_rois`.

    Args:
        detector: In evaluation mode.
        load_image: An image's pixels by its id, as the detector takes them: [3, height, width], 0 to 1.
        folder: Where the set goes; a set that was cut off is gone on with.
        category_ids: As above.
        annotations: Gives labels, and the images where `image_ids` does not.
        pooled: Whether features are the pooled maps [N, C, 7, 7] below the two fully connected layers, which
            `bags train --hidden 1024,1024` then trains too, an adversary where one is wanted.
        tower: Of a RetinaNet: 0 for the input of the last convolution, 4 for the pyramid's maps; see `export_maps`.
        options: Which images, how to store them: `ExportOptions`.

    Returns:
        The number of images written by this call.
    """
    if dense := retinanet_in(detector):
        given: dict[str, Any] = dict(options) | ({"pooled": True} if pooled else {})
        if unknown := given.keys() - {"box_deltas", "image_ids", "dtype", "progress"}:
            raise TypeError(f"{', '.join(sorted(unknown))}: is for RoIs, not for the feature maps of a RetinaNet")
        return export_maps(dense, load_image, folder, category_ids, annotations, tower=tower or 0, **given)
    if tower is not None:
        raise TypeError("tower: is for a RetinaNet, not for a detector with RoIs")
    detector = detector_in(detector, "roi_heads")
    device = next(detector.parameters()).device

    def rois(image_id: int, extra: Tensor) -> ImageRoIs:
        image: Any = load_image(image_id)
        if not isinstance(image, Tensor):
            raise TypeError(
                f"image {image_id}: load_image gave a {type(image).__name__}; the detector takes a tensor [3, height, "
                "width] from 0 to 1, as torchvision.transforms.functional.to_tensor(image) makes of a PIL image"
            )
        return image_rois(detector, image.to(device), extra.to(device), pooled)

    return export_rois(detector, _last_layers(detector, category_ids), rois, folder, annotations, **options)


def image_rois(detector: GeneralizedRCNN, image: Tensor, extra: Tensor, pooled: bool = False) -> ImageRoIs:
    """What a detector's last layers see of one image: its proposals, and the boxes `extra` [M, 4] behind them; their pooled
    maps where these are wanted."""
    heads: Any = detector.roi_heads
    images, _ = detector.transform([image])
    maps = detector.backbone(images.tensors)
    if isinstance(maps, Tensor):
        maps = {"0": maps}
    proposals, _ = detector.rpn(images, maps)
    # The detector works on a resized image; annotations and results are in pixels of the one given.
    size = images.image_sizes[0]
    scale = torch.tensor([image.shape[-1] / size[1], image.shape[-2] / size[0]] * 2, device=image.device)
    boxes = torch.cat([proposals[0], extra / scale])
    cut = heads.box_roi_pool(maps, [boxes], images.image_sizes)
    features = heads.box_head(cut)
    return ImageRoIs(cut if pooled else features.flatten(1), boxes * scale, *heads.box_predictor(features))


def export_head(
    detector: nn.Module, path: str | os.PathLike[str], category_ids: ClassIDs, *, pooled: bool = False
) -> None:
    """Writes a detector's present last layers as a head file: for `bags train --init`, `bags predict --box-head` and
    `bags report weightnorms`; with `pooled` the classifier and the fully connected layers below it, for pooled maps."""
    if dense := retinanet_in(detector):
        return export_layer(dense, path, category_ids)
    own = detector_in(detector, "roi_heads")
    layers = _last_layers(own, category_ids)
    if pooled:
        layers = layers.with_hidden(own.roi_heads.box_head, ["fc6", "fc7"])
    layers.write(path)


def install_head(detector: nn.Module, path: str | os.PathLike[str], category_ids: ClassIDs) -> None:
    """Puts a trained head, a run of `bags train` or a head file, into a detector, in place; its box regressor stays.

    A softmax head is loaded into the detector's own layer. Any other takes that layer's place, with a scoring of its
    own: for inference, and saved and loaded with `load_weights`.
    """
    if dense := retinanet_in(detector):
        return install_layer(dense, path, category_ids)
    head = HeadFile.read(path)
    own = detector_in(detector, "roi_heads")
    if not _last_layers(own, category_ids).load(head):
        _install(own, HeadScorer(head, category_ids, own.roi_heads.box_predictor.bbox_pred.in_features))


def load_weights(detector: nn.Module, saved: str | os.PathLike[str] | Mapping[str, Any]) -> None:
    """Loads the weights of a detector that a head was put into, into one as it was before: that head, of which the
    weights have everything, comes with them.

    Args:
        detector: Changed in place.
        saved: Its `state_dict()`, or a file of it that torch.save or safetensors wrote.
    """
    detector = detector_in(detector, "roi_heads")
    weights = own_weights(saved, detector)
    if scorer := saved_scorer(weights, "roi_heads.box_predictor.scorer."):
        _install(detector, scorer)
    detector.load_state_dict(weights)


def _install(detector: Any, scorer: HeadScorer) -> None:
    heads = detector.roi_heads
    bbox_pred = heads.box_predictor.bbox_pred
    heads.box_predictor = BagsPredictor(scorer, bbox_pred).to(bbox_pred.weight.device).train(heads.training)
    heads.__class__ = BagsRoIHeads


class BagsPredictor(nn.Module):
    """Takes the place of `FastRCNNPredictor`: class scores and box deltas of RoI features.

    Its first output is scores [N, 1 + C], not logits, the first column being 0: `BagsRoIHeads` knows.
    """

    def __init__(self, scorer: HeadScorer, bbox_pred: nn.Linear) -> None:
        super().__init__()
        self.scorer = scorer
        self.bbox_pred = bbox_pred

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.training:
            refuse_training()
        x = x.flatten(1)
        scores = self.scorer(x)
        return nn.functional.pad(scores, (1, 0)), self.bbox_pred(x)


class BagsRoIHeads(RoIHeads):
    """`RoIHeads` whose predictor gives scores: those of groups sum to no fixed number, so no softmax follows."""

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        if self.training:
            refuse_training()
        return super().forward(*arguments, **keywords)

    def postprocess_detections(
        self,
        class_logits: Tensor,
        box_regression: Tensor,
        proposals: list[Tensor],
        image_shapes: list[tuple[int, int]],
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Threshold, decode, clip, leave out empty boxes, suppress within each class, keep the best."""
        all_boxes, all_scores, all_labels = [], [], []
        counts = [len(boxes) for boxes in proposals]
        decoded = self.box_coder.decode(box_regression, proposals).split(counts)
        for boxes, scores, size in zip(decoded, class_logits.split(counts), image_shapes, strict=True):
            rows, classes = torch.nonzero(scores[:, 1:] > self.score_thresh, as_tuple=True)
            labels = classes + 1
            found = clip_boxes_to_image(boxes[rows, labels] if boxes.shape[1] > 1 else boxes[rows, 0], size)
            kept = remove_small_boxes(found, min_size=1e-2)
            confidences = scores[rows, labels][kept]
            found, labels = found[kept], labels[kept]
            best = batched_nms(found, confidences, labels, self.nms_thresh)[: self.detections_per_img]
            all_boxes.append(found[best])
            all_scores.append(confidences[best])
            all_labels.append(labels[best])
        return all_boxes, all_scores, all_labels


def _last_layers(detector: Any, category_ids: ClassIDs) -> LastLayers:
    heads = detector.roi_heads
    classifier = getattr(heads.box_predictor, "cls_score", heads.box_predictor)
    stds = [1 / weight for weight in heads.box_coder.weights]
    return LastLayers(category_ids, [classifier], heads.box_predictor.bbox_pred, True, stds, "standard")

"""torchvision's Faster R-CNN (and Mask R-CNN): features out, heads in.

    from bags_integrations import torchvision_detector as tv

    tv.export_features(detector, load_image, "features/train", category_ids, annotations, add_ground_truth=True)
    tv.export_head(detector, "detector_head.safetensors", category_ids)
    tv.install_head(detector, "runs/bags", category_ids)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.ops import batched_nms, clip_boxes_to_image, remove_small_boxes

from .annotations import Annotations
from .export import ExportOptions, ImageRoIs, deltas_by_class, export_rois, order_of
from .heads import HeadFile, HeadScorer, load_softmax, write_head

if TYPE_CHECKING:
    from typing_extensions import Unpack


def export_features(
    detector: GeneralizedRCNN,
    load_image: Callable[[int], Tensor],
    folder: str | os.PathLike[str],
    category_ids: Sequence[int],
    annotations: Annotations | None = None,
    box_deltas: bool = True,
    add_ground_truth: bool = False,
    **options: Unpack[ExportOptions],
) -> int:
    """Runs a detector over images and writes what goes into its last layers as a feature set.

    Args:
        detector: In evaluation mode.
        load_image: An image's pixels by its id, as the detector takes them: [3, height, width], 0 to 1.
        folder: Where the set goes; a set that was cut off is gone on with.
        category_ids: The category id of each of the detector's labels, from label 1 on.
        annotations: Gives labels, and the images where `image_ids` does not.
        box_deltas: Whether to write the predicted deltas, four numbers for every class; without them give
            `export_head`'s file to `bags predict --box-head`.
        add_ground_truth: Whether annotated boxes are RoIs too; for training sets.
        options: Which images, how to store them: `ExportOptions`.

    Returns:
        The number of images written by this call.
    """
    order = order_of(category_ids, annotations)
    device = next(detector.parameters()).device

    def rois(image_id: int, extra: Tensor) -> ImageRoIs:
        return image_rois(detector, load_image(image_id).to(device), order, extra.to(device), box_deltas)

    return export_rois(detector, rois, folder, annotations, add_ground_truth, **options)


def image_rois(
    detector: GeneralizedRCNN, image: Tensor, order: Sequence[int], extra: Tensor, box_deltas: bool = True
) -> ImageRoIs:
    """What a detector's last layers see of one image: its proposals, and the boxes `extra` [M, 4] behind them."""
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
    pooled = heads.box_roi_pool(maps, [boxes], images.image_sizes)
    features = heads.box_head(pooled)
    deltas = None
    if box_deltas:
        _, raw = heads.box_predictor(features)
        stds = [1 / weight for weight in heads.box_coder.weights]
        deltas = deltas_by_class(raw, order, background_first=True, stds=stds)
    return ImageRoIs(features=features.flatten(1), boxes=boxes * scale, box_deltas=deltas)


def export_head(detector: GeneralizedRCNN, path: str | os.PathLike[str], category_ids: Sequence[int]) -> None:
    """Writes a detector's present last layers as a head file: for `bags train --init`, `bags predict --box-head` and
    `bags report weightnorms`.

    Args:
        category_ids: The category id of each of the detector's labels, from label 1 on.
    """
    heads: Any = detector.roi_heads
    predictor = heads.box_predictor
    write_head(
        path,
        category_ids,
        [(predictor.cls_score.weight, predictor.cls_score.bias)],
        (predictor.bbox_pred.weight, predictor.bbox_pred.bias),
        background_first=True,
        background_deltas=True,
        stds=[1 / weight for weight in heads.box_coder.weights],
        box_coder="standard",
    )


def install_head(detector: GeneralizedRCNN, path: str | os.PathLike[str], category_ids: Sequence[int]) -> None:
    """Puts a trained head into a detector, in place; its box regressor stays.

    A softmax head is loaded into the detector's own layer. Any other takes that layer's place, with a scoring of its
    own.

    Args:
        path: A run of `bags train`, or a head file.
        category_ids: The category id of each of the detector's labels, from label 1 on.
    """
    head = HeadFile.read(path)
    heads: Any = detector.roi_heads
    predictor = heads.box_predictor
    if head.is_softmax and hasattr(predictor, "cls_score"):
        load_softmax(predictor.cls_score, head, category_ids, background_first=True)
        return
    bbox_pred = predictor.bbox_pred
    scorer = HeadScorer(head, category_ids, bbox_pred.in_features)
    heads.box_predictor = BagsPredictor(scorer, bbox_pred).to(bbox_pred.weight.device)
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
        x = x.flatten(1)
        scores = self.scorer(x)
        return nn.functional.pad(scores, (1, 0)), self.bbox_pred(x)


class BagsRoIHeads(RoIHeads):
    """`RoIHeads` whose predictor gives scores: those of groups sum to no fixed number, so no softmax follows."""

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

"""transformers' query detectors, DETR and its kin: features out, heads in.

    from bags_integrations import transformers_detector as tf

    tf.export_features(model, processor, load_image, "features/train", category_ids, annotations)
    tf.export_head(model, "detector_head.safetensors", category_ids)
    tf.install_head(model, "runs/bags", category_ids)

For DETR, Conditional DETR, Deformable DETR, RT-DETR (v1 and v2), D-FINE and RF-DETR; others with their class heads (DAB-DETR,
LW-DETR) are taken, and not tested. In all of them `category_ids` has the category id of each of the model's labels, from label 0 on; `None` where a
label is no category: `annotations.category_ids([model.config.id2label[label] for label in range(model.config.num_labels)])`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .annotations import Annotations
from .classes import ClassIDs, checked_ids, order_of
from .export import _image_ids, _Progress
from .features import FeatureSetWriter
from .files import write_safetensors
from .heads import HeadFile
from .label_check import LabelCheck
from .query_heads import QualityScores, QueryFeatures, QueryHead, QueryScores
from .query_matching import QueryMatcher, corners
from .query_recall import QueryRecall
from .saved import own_weights, saved_scorer
from .scorer import HeadScorer


def export_features(
    model: nn.Module,
    processor: Callable[..., Any],
    load_image: Callable[[int], Any],
    folder: str | os.PathLike[str],
    category_ids: ClassIDs,
    annotations: Annotations | None = None,
    *,
    image_ids: Iterable[int] | None = None,
    batch_size: int = 1,
    dtype: torch.dtype = torch.float16,
    rows_per_shard: int = 100_000,
    progress: bool = True,
) -> int:
    """Writes what goes into a detector's class head, for every query of the images, as a set of queries.

    Each query is labelled by the model's own matcher, one to one; the others are background. With annotations, standard
    error tells at the end how many of the objects have a query at all, by group.

    Args:
        model: In evaluation mode, on any device.
        processor: Its image processor: `processor(images=[...], return_tensors="pt")`.
        load_image: An image by its id, as the processor takes it: a PIL image, or an array [height, width, 3].
        folder: Where the set goes; a set that was cut off is gone on with.
        category_ids: As above.
        annotations: Gives labels, and the images where `image_ids` does not.
        image_ids: Which images.
        batch_size: Images at once. Those of different sizes are padded, which changes what some models see a little.
        dtype: What features are stored as.
        rows_per_shard: A shard is written once it holds so many queries.
        progress: Whether to show how far it is, where standard error is a terminal, and the objects with a query.

    Returns:
        The number of images written by this call.

    Raises:
        ValueError: If the model is in training mode, or labels, annotations and images do not fit each other.
    """
    head = QueryHead.of(model)
    if head.detector.training:
        raise ValueError("the model is in training mode; call eval() first")
    ids = checked_ids(category_ids)
    order_of(ids, annotations)
    is_softmax = head.is_softmax(len(ids))
    matcher = QueryMatcher.of(head.detector.config, is_softmax)
    places = {category: place for place, category in enumerate(ids) if category is not None}
    wanted = _image_ids(image_ids, annotations)
    check = LabelCheck(ids, annotations) if annotations is not None else None
    recall = QueryRecall(annotations) if annotations is not None else None
    if batch_size < 1:
        raise ValueError(f"the batch size is {batch_size}; at least one image is needed")
    written = 0
    with FeatureSetWriter(folder, dtype, rows_per_shard, _metadata(head, is_softmax)) as writer:
        last = writer.last_image_id
        rest = wanted if last is None else [image_id for image_id in wanted if image_id > last]
        bar = _Progress(len(wanted), len(wanted) - len(rest), progress and sys.stderr.isatty())
        for found in _queries(head, processor, load_image, rest, batch_size):
            boxes = corners(found.boxes.double()) * torch.tensor([*found.size, *found.size], dtype=torch.float64)
            columns: dict[str, Tensor] = {}
            if annotations is not None and check is not None and recall is not None:
                objects = annotations.objects(found.image_id)
                matched = matcher.match(found.logits, found.boxes, objects, places, found.size)
                columns = {"labels": matched.labels, "ious": matched.ious, "gt_boxes": matched.gt_boxes}
                recall.add(boxes, objects)
                best = found.logits[:, : len(ids)].argmax(1)
                bar.warn(check.add(len(objects.boxes), matched.labels, matched.ious, best))
            writer.append(found.image_id, found.features, boxes=boxes, **columns)
            written += 1
            bar.advance()
        bar.warn(check.finish() if check is not None else None)
        bar.finish()
    if progress and recall is not None and (text := recall.report()):
        print(text, file=sys.stderr)
    return written


def export_head(model: nn.Module, path: str | os.PathLike[str], category_ids: ClassIDs) -> None:
    """Writes a detector's present class head as a head file: for `bags train --init`, `bags predict` and
    `bags report weightnorms`."""
    write_safetensors(*QueryHead.of(model).write_tensors(category_ids), path)


def install_head(model: nn.Module, path: str | os.PathLike[str], category_ids: ClassIDs) -> None:
    """Puts a trained head, a run of `bags train` or a head file, into a detector, in place.

    A head of the detector's own kind, softmax or sigmoid, is loaded into its layer. Any other takes that layer's place with
    a scoring of its own, for inference, as does every head of D-FINE, whose quality is one of its features.

    Where the layers share one class head, all get a plain one, so that the model is saved and loaded as before; but never
    the one by which an encoder chooses queries.
    """
    file, head, ids = HeadFile.read(path), QueryHead.of(model), checked_ids(category_ids)
    is_softmax = head.is_softmax(len(ids))
    module = head.module
    if file.layout == ("softmax" if is_softmax else "sigmoid") and isinstance(module, nn.Linear) and not head.quality:
        file.check(ids, module.in_features)
        _load(head, file, [len(ids)] * is_softmax + order_of(ids))
        return
    inputs = _inputs(head)
    _install(head, HeadScorer(file, ids, inputs), is_softmax)


def load_weights(model: nn.Module, saved: str | os.PathLike[str] | Mapping[str, Any]) -> None:
    """Loads the weights of a detector that a head was put into, into one as it was before: that head, of which the
    weights have everything, comes with them.

    Args:
        model: Changed in place.
        saved: Its `state_dict()`, or a file of it that torch.save or safetensors wrote.
    """
    head = QueryHead.of(model)
    weights = own_weights(saved, head.detector)
    place = head.quality or head.name
    if scorer := saved_scorer(weights, f"{place}.scorer."):
        classes = len(scorer.order)
        _install(head, scorer, head.is_softmax(classes))
    elif head.encoders:
        # Saved apart from the one that chooses queries, to which it was tied.
        _untie(head)
    head.detector.load_state_dict(weights)


@dataclass
class _ImageQueries:
    """The queries of an image."""

    image_id: int
    #: [Q, D].
    features: Tensor
    #: [Q, K].
    logits: Tensor
    #: cx, cy, width, height as fractions of the image, [Q, 4].
    boxes: Tensor
    #: Width and height of the image.
    size: tuple[int, int]


def _queries(
    head: QueryHead,
    processor: Callable[..., Any],
    load_image: Callable[[int], Any],
    image_ids: list[int],
    batch_size: int,
) -> Iterator[_ImageQueries]:
    """Runs the detector, several images at a time."""
    parameter = next(head.detector.parameters())
    for start in range(0, len(image_ids), batch_size):
        ids = image_ids[start : start + batch_size]
        images = [load_image(image_id) for image_id in ids]
        inputs = {
            name: value.to(parameter.device, parameter.dtype if value.is_floating_point() else None)
            for name, value in processor(images=images, return_tensors="pt").items()
            if isinstance(value, Tensor)
        }
        with _Inputs(head) as seen, torch.inference_mode():
            outputs = head.detector(**inputs)
            features = seen.features()
            if not isinstance(head.module, (QueryScores, QueryFeatures)):
                logits = head.module(features[..., : head.module.in_features])
                logits = logits + features[..., -1:] if head.quality else logits
                if not torch.allclose(logits, outputs.logits, rtol=1e-3, atol=1e-3):
                    raise ValueError(f"{head.name} does not make the model's logits; its class head is another")
        for place, image_id in enumerate(ids):
            yield _ImageQueries(
                image_id,
                features[place].cpu(),
                outputs.logits[place].cpu(),
                outputs.pred_boxes[place].cpu().float(),
                _size(images[place]),
            )


class _Inputs:
    """What the class head is given in a run of the detector."""

    def __init__(self, head: QueryHead) -> None:
        self._head = head
        self._seen: list[Tensor] = []
        self._qualities: list[Tensor] = []

    def __enter__(self) -> _Inputs:
        def see(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            self._seen.append(inputs[0])

        def see_corners(module: Any, inputs: tuple[Tensor, Tensor]) -> None:
            scores, edges = inputs
            own = module.own if isinstance(module, QualityScores) else module
            # Called past its hooks.
            self._qualities.append(own.forward(torch.zeros_like(scores[..., :1]), edges))

        self._handles = [self._head.module.register_forward_pre_hook(see)]
        if self._head.quality:
            quality = self._head.detector.get_submodule(self._head.quality)
            self._handles.append(quality.register_forward_pre_hook(see_corners))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def features(self) -> Tensor:
        """[B, Q, D], of the last call: the head is run for earlier layers first, where they share it."""
        features = self._seen[-1]
        return torch.cat([features, self._qualities[-1]], -1) if self._qualities else features


def _metadata(head: QueryHead, is_softmax: bool) -> dict[str, str]:
    """What `bags predict` does with the queries, as the model's image processor does."""
    config = head.detector.config
    count = int(config.num_queries)
    texts = {"kind": "queries", "model": str(getattr(config, "model_type", ""))}
    if is_softmax:
        return {**texts, "per_query": "best", "max_detections": str(count)}
    # Conditional and Deformable DETR keep 100, the later ones as many as there are queries.
    keeps_hundred = config.model_type in ("conditional_detr", "deformable_detr", "dab_detr")
    return {**texts, "per_query": "all", "max_detections": str(100 if keeps_hundred else count)}


def _size(image: Any) -> tuple[int, int]:
    """Width and height."""
    if hasattr(image, "convert"):  # PIL
        return image.size
    shape = tuple(image.shape)
    if len(shape) == 3 and shape[0] in (1, 3) and shape[2] not in (1, 3):
        return shape[2], shape[1]
    return shape[1], shape[0]


def _inputs(head: QueryHead) -> int | None:
    """D, with D-FINE's quality; `None` where a head was installed."""
    module = head.module
    return module.in_features + bool(head.quality) if isinstance(module, nn.Linear) else None


def _load(head: QueryHead, file: HeadFile, rows: list[int]) -> None:
    """Loads plain rows into the detector's own layer, and into those of its twins that are not tied to it."""
    _untie(head)
    for name in [head.name, *head.twins]:
        module: Any = head.detector.get_submodule(name)
        with torch.no_grad():
            module.weight[rows] = file.weight.to(module.weight)
            module.bias[rows] = file.bias.to(module.bias)


def _untie(head: QueryHead) -> None:
    """Gives the layer numbers of its own where an encoder chooses queries by the same."""
    if head.encoders is None:
        return
    module, other = head.module, head.detector.get_submodule(head.encoders)
    if isinstance(module, nn.Linear) and module.weight is other.weight:
        own = nn.Linear(module.in_features, module.out_features)
        own.load_state_dict(module.state_dict())
        head.replace(head.name, own.to(module.weight).train(module.training))


def _install(head: QueryHead, scorer: HeadScorer, is_softmax: bool) -> None:
    """Puts a head with a scoring of its own into the place of the layer and its twins."""
    parameter = next(head.detector.parameters())
    if head.quality:
        own: Any = head.detector.get_submodule(head.quality)
        own = own.own if isinstance(own, QualityScores) else own
        head.replace(head.quality, QualityScores(scorer, own).to(parameter.device).eval())
        module: nn.Module = QueryFeatures().eval()
    else:
        module = QueryScores(scorer, is_softmax).to(parameter.device).eval()
    for name in [head.name, *head.twins]:
        head.replace(name, module)

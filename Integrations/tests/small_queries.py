"""Small query detectors of transformers, made from configurations: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from torch import Tensor

#: The categories of the labels: not ascending, and with two labels that are none.
IDS = [7, None, 3, 12, 5, None, 9]


#: Their signatures do not say all that the configurations take.
configs: Any = transformers


def resnet(out: list[str] | None = None) -> Any:
    return configs.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 12, 16, 24],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=out or ["stage4"],
    )


def _detr(name: str, **more: Any) -> Any:
    config = getattr(configs, f"{name}Config")(
        backbone_config=resnet(out=["stage2", "stage3", "stage4"] if name == "DeformableDetr" else None),
        d_model=32,
        num_queries=12,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        num_labels=len(IDS),
        **more,
    )
    return getattr(configs, f"{name}ForObjectDetection")(config)


def _rt_detr(name: str, **more: Any) -> Any:
    backbone = configs.RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 12, 16, 24],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    if name == "DFine":
        backbone = configs.HGNetV2Config(
            stem_channels=[3, 8, 8],
            stage_in_channels=[8, 8, 12, 16],
            stage_mid_channels=[8, 8, 8, 8],
            stage_out_channels=[8, 12, 16, 24],
            stage_num_blocks=[1, 1, 1, 1],
            stage_numb_of_layers=[1, 1, 1, 1],
            hidden_sizes=[8, 12, 16, 24],
            depths=[1, 1, 1, 1],
            out_features=["stage2", "stage3", "stage4"],
        )
        more = {"max_num_bins": 8, "lqe_hidden_dim": 8, "top_prob_values": 2, "hidden_size": 32} | more
    config = getattr(configs, f"{name}Config")(
        backbone_config=backbone,
        encoder_hidden_dim=32,
        encoder_in_channels=[12, 16, 24],
        encoder_layers=1,
        encoder_ffn_dim=32,
        encoder_attention_heads=2,
        d_model=32,
        num_queries=12,
        decoder_in_channels=[32, 32, 32],
        decoder_layers=3,
        decoder_ffn_dim=32,
        decoder_attention_heads=2,
        decoder_n_points=[2, 2, 2] if name == "DFine" else 2,
        num_denoising=0,
        num_labels=len(IDS),
        **more,
    )
    return getattr(configs, f"{name}ForObjectDetection")(config)


def _rf_detr(name: str) -> Any:
    backbone = configs.RfDetrDinov2Config(
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=2,
        mlp_ratio=2,
        image_size=64,
        patch_size=8,
        num_windows=2,
        out_features=["stage1", "stage3"],
    )
    config = getattr(configs, f"{name}Config")(
        backbone_config=backbone,
        d_model=32,
        num_queries=12,
        group_detr=2,
        decoder_layers=2,
        decoder_ffn_dim=32,
        decoder_self_attention_heads=2,
        decoder_cross_attention_heads=2,
        num_labels=len(IDS),
    )
    return getattr(configs, f"{name}ForObjectDetection")(config)


@dataclass
class Kind:
    """A model class: how to make a small one, and the processor whose post-processing is its own."""

    make: Callable[[], Any]
    processor: str
    arguments: dict[str, Any]


_SIZE = {"size": {"height": 64, "width": 96}}
_SQUARE = {"size": {"height": 64, "width": 64}}
_PADDED = {"size": {"shortest_edge": 64, "longest_edge": 96}}

KINDS = {
    "detr": Kind(lambda: _detr("Detr"), "DetrImageProcessor", _PADDED),
    "conditional_detr": Kind(lambda: _detr("ConditionalDetr"), "ConditionalDetrImageProcessor", _PADDED),
    "deformable_detr": Kind(lambda: _detr("DeformableDetr"), "DeformableDetrImageProcessor", _PADDED),
    "deformable_detr_refined": Kind(
        lambda: _detr("DeformableDetr", with_box_refine=True), "DeformableDetrImageProcessor", _PADDED
    ),
    "deformable_detr_two_stage": Kind(
        lambda: _detr("DeformableDetr", with_box_refine=True, two_stage=True, two_stage_num_proposals=12),
        "DeformableDetrImageProcessor",
        _PADDED,
    ),
    "rt_detr": Kind(lambda: _rt_detr("RTDetr"), "RTDetrImageProcessor", _SIZE),
    "rt_detr_v2": Kind(lambda: _rt_detr("RTDetrV2"), "RTDetrImageProcessor", _SIZE),
    "d_fine": Kind(lambda: _rt_detr("DFine"), "RTDetrImageProcessor", _SIZE),
    "rf_detr": Kind(lambda: _rf_detr("RfDetr"), "RfDetrImageProcessor", _SQUARE),
}


def make(kind: str) -> tuple[Any, Any]:
    """A model with weights far enough from 0 for scores and boxes to differ, and its image processor."""
    torch.manual_seed(3)
    entry = KINDS[kind]
    model = entry.make().eval()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            heads = ("class_embed", "class_labels_classifier", "reg_conf", "query_position_embeddings")
            if any(part in name for part in heads):
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.5)
            elif "bbox_embed" in name or "bbox_predictor" in name:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model, getattr(configs, entry.processor)(**entry.arguments)


def image(image_id: int) -> Tensor:
    """Noise in blocks, [3, height, width] of bytes; sizes differ."""
    generator = torch.Generator().manual_seed(image_id)
    height, width = (80, 120) if image_id % 2 else (72, 100)
    blocks = torch.randint(0, 256, (3, height // 8 + 1, width // 8 + 1), generator=generator)
    return blocks.repeat_interleave(8, 1).repeat_interleave(8, 2)[:, :height, :width].to(torch.uint8)

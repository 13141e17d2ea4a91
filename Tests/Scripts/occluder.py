"""Golden values of A-Fast-RCNN's adversaries: the published definitions, stated again in torch, with autograd's gradients.

    python Tests/Scripts/occluder.py Tests/TestSupport/Golden/adversaries

The occluder follows xiaolonw/adversarial-frcnn (`ASDNPretrainDataLayer`, `ASDNPretrainLossLayer`, `ASDNDataLayer`,
`ASDNLossLayer`, train.prototxt) without their random parts: every cell gives a gradient, and as many cells are hidden as
may be. The deformer follows the paper: an angle for each block of channels, `affine_grid` and `grid_sample`.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS, SIDE, CLASSES, ROIS, WIDTH, HIDDEN = 4, 7, 8, [3, 4, 5], 3, [6, 5]
DROPPED, BLOCKS, DEGREES = 5, 2, 10.0


def linear(inputs: int, outputs: int, scale: float) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=scale)
    nn.init.normal_(layer.bias, std=0.1)
    return layer


def head() -> nn.Sequential:
    sizes = [CHANNELS * SIDE * SIDE, *HIDDEN]
    layers: list[nn.Module] = [nn.Flatten(1)]
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [linear(inputs, outputs, 0.3), nn.ReLU()]
    return nn.Sequential(*layers, linear(sizes[-1], CLASSES + 1, 1.0))


def occluder() -> nn.Sequential:
    layers: list[nn.Module] = []
    for index in range(5):
        inputs, outputs = CHANNELS if index == 0 else WIDTH, 1 if index == 4 else WIDTH
        layer = nn.Conv2d(inputs, outputs, 3, padding=1)
        nn.init.normal_(layer.weight, std=0.4)
        nn.init.normal_(layer.bias, std=0.1)
        layers += [layer] if index == 4 else [layer, nn.ReLU()]
    return nn.Sequential(*layers)


def parameters(module: nn.Module, names: list[str], gradients: bool = False) -> dict[str, list[float]]:
    layers = [layer for layer in module if isinstance(layer, (nn.Linear, nn.Conv2d))]  # type: ignore[union-attr]
    found = {}
    for name, layer in zip(names, layers, strict=True):
        for kind, tensor in (("weight", layer.weight), ("bias", layer.bias)):
            value = (torch.zeros_like(tensor) if tensor.grad is None else tensor.grad) if gradients else tensor
            found[f"{name}.{kind}"] = value.detach().flatten().tolist()
    return found


HEAD_NAMES = ["shared_fcs.0", "shared_fcs.1", "fc_cls"]
OCCLUDER_NAMES = [f"occluder.{index}" for index in range(5)]
DEFORMER_NAMES = ["deformer.0", "deformer.1", "deformer.angles"]


def windows() -> list[Tensor]:
    """1 inside, [H, W], in the order in which they are tried."""
    found = []
    for row in range(0, SIDE, 2):
        for column in range(0, SIDE, 2):
            top, left = min(row, SIDE - 2), min(column, SIDE - 2)
            mask = torch.zeros(SIDE, SIDE)
            mask[top : top + 2, left : left + 2] = 1
            found.append(mask)
    return found


def alone(head: nn.Module, occluder: nn.Module, x: Tensor, labels: Tensor) -> dict:
    """The loss of the occluder by itself, and what it learns from."""
    positive = labels > 0
    maps, classes = x[positive], labels[positive]
    tried = windows()
    with torch.no_grad():
        left = torch.stack([head(maps * (1 - mask)).softmax(1).gather(1, classes[:, None])[:, 0] for mask in tried])
    hardest = left.argmin(0)
    target = torch.stack([tried[index] for index in hardest])
    loss = functional.binary_cross_entropy_with_logits(occluder(maps)[:, 0], target)
    loss.backward()
    return {"windows": [mask.flatten().nonzero().flatten().tolist() for mask in tried], "hardest": hardest.tolist(),
            "loss": loss.item(), "gradients": parameters(occluder, OCCLUDER_NAMES, True)}


def both(head: nn.Module, occluder: nn.Module, x: Tensor, labels: Tensor) -> dict:
    """The losses of head and occluder on a batch of which every second image, the first included, is occluded."""
    images = torch.repeat_interleave(torch.arange(len(ROIS)), torch.tensor(ROIS))
    occluded = ((labels > 0) & (images % 2 == 0)).nonzero().flatten()
    logits = occluder(x[occluded])[:, 0]
    order = logits.detach().flatten(1).argsort(dim=1, descending=True, stable=True)[:, :DROPPED]
    mask = torch.zeros(len(occluded), SIDE * SIDE).scatter(1, order, 1).view(-1, 1, SIDE, SIDE)
    hidden = x.clone()
    hidden[occluded] *= 1 - mask
    output = head(hidden)
    loss = functional.cross_entropy(output, labels)
    own = labels[occluded][:, None]
    before = head(x[occluded]).softmax(1).gather(1, own)[:, 0]
    after = output[occluded].softmax(1).gather(1, own)[:, 0]
    teaches = (after + FALL < before).detach()
    each = functional.binary_cross_entropy_with_logits(logits, mask[:, 0], reduction="none")
    taught = each[teaches].sum() / (len(x) * SIDE * SIDE)
    (loss + WEIGHT * taught).backward()
    return {"masks": [sorted(cells) for cells in order.tolist()], "teaches": teaches.tolist(), "loss": loss.item(),
            "occluder_loss": WEIGHT * taught.item(), "head_gradients": parameters(head, HEAD_NAMES, True),
            "gradients": parameters(occluder, OCCLUDER_NAMES, True)}


FALL, WEIGHT = 0.02, 0.0025


def turned(maps: Tensor, angles: Tensor) -> Tensor:
    """Every block of channels by its angle, in radians [N, B]."""
    blocks = []
    for block, angle in zip(maps.chunk(BLOCKS, 1), angles.unbind(1)):
        cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
        theta = torch.stack([torch.stack([cosine, -sine, zero], 1), torch.stack([sine, cosine, zero], 1)], 1)
        grid = functional.affine_grid(theta, list(block.shape), align_corners=True)
        blocks.append(functional.grid_sample(block, grid, align_corners=True))
    return torch.cat(blocks, 1)


def deformed(head: nn.Module, x: Tensor, labels: Tensor) -> dict:
    """The head's loss on turned maps, and the gradients that make it larger, of a deformer alone."""
    sizes = [CHANNELS * SIDE * SIDE, *HIDDEN]
    deformer = nn.Sequential(
        nn.Flatten(1), linear(sizes[0], sizes[1], 1.0), nn.ReLU(), linear(sizes[1], sizes[2], 1.0), nn.ReLU(),
        linear(sizes[2], BLOCKS, 1.0),
    )
    # They start as the head's own.
    deformer[1].load_state_dict(head[1].state_dict())
    deformer[3].load_state_dict(head[3].state_dict())
    positive = labels > 0
    angles = math.radians(DEGREES) * deformer(x[positive]).tanh()
    changed = x.clone()
    changed[positive] = turned(x[positive], angles)
    loss = functional.cross_entropy(head(changed), labels)
    (-loss).backward()
    return {"parameters": parameters(deformer, DEFORMER_NAMES), "angles": angles.tolist(), "loss": loss.item(),
            "turned": turned(x[positive], angles).flatten().tolist(),
            "gradients": parameters(deformer, DEFORMER_NAMES, True)}


if __name__ == "__main__":
    torch.manual_seed(1)
    net, adversary = head(), occluder()
    count = sum(ROIS)
    maps = torch.randn(count, CHANNELS, SIDE, SIDE).relu()
    labels = torch.tensor([1, 0, 5, 2, 0, 8, 3, 4, 0, 7, 6, 0])
    case = {
        "shape": [CHANNELS, SIDE, SIDE], "rois_per_image": ROIS, "hidden": HIDDEN, "occluder_channels": WIDTH,
        "dropped": DROPPED, "fall": FALL, "blocks": BLOCKS, "degrees": DEGREES,
        "features": maps.flatten().tolist(), "labels": [int(label) - 1 for label in labels],
        "head": parameters(net, HEAD_NAMES), "occluder": parameters(adversary, OCCLUDER_NAMES),
    }
    for name, run in (("alone", alone), ("both", both)):
        net.zero_grad()
        adversary.zero_grad()
        case[name] = run(net, adversary, maps, labels)
    case["deformed"] = deformed(net, maps, labels)

    def rounded(value: object) -> object:
        if isinstance(value, float):
            return float(f"{value:.7g}")
        if isinstance(value, list):
            return [rounded(entry) for entry in value]
        return {name: rounded(entry) for name, entry in value.items()} if isinstance(value, dict) else value

    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adversaries.json").write_text(json.dumps(rounded(case), separators=(",", ":")) + "\n")
    print(folder / "adversaries.json", case["both"]["teaches"], case["alone"]["hardest"], case["alone"]["loss"])

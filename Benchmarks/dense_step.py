"""The training step of RetinaNet's last convolution in PyTorch: conv2d over every level, the focal loss as torchvision computes
it, backward, SGD with momentum and weight decay. With --mining ohem-1to3 the loss is that of all positives and the three
hardest background anchors for each; with random that of 512 anchors an image. With --tower N that many convolutions with ReLU
are trained below it. Prints the median of the steps as JSON, like `dense-step`."""
import argparse
import json
import time

import torch
from torch import nn
from torchvision.ops import sigmoid_focal_loss

parser = argparse.ArgumentParser()
parser.add_argument("--shape", choices=("glyphs", "coco"), default="glyphs")
parser.add_argument("--mining", choices=("ohem-1to3", "random"))
parser.add_argument("--tower", type=int, default=0)
parser.add_argument("--steps", type=int, default=10)
parser.add_argument("--warm-up", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()
torch.set_num_threads(args.threads)
torch.manual_seed(0)

COCO = args.shape == "coco"
CLASSES, CHANNELS, ANCHORS = (80, 256, 9) if COCO else (200, 64, 3)
SHAPES = ((100, 168), (50, 84), (25, 42), (13, 21), (7, 11)) if COCO else ((24, 24), (12, 12), (6, 6))
BATCH, POSITIVES = (1, 100) if COCO else (16, 74)
LOCATIONS = sum(height * width for height, width in SHAPES)

batches = []
for _ in range(4):
    maps = [torch.rand(BATCH, CHANNELS, *shape).mul(2).sub(1).relu() for shape in SHAPES]
    labels = torch.full((BATCH, LOCATIONS * ANCHORS), -1)
    for own in labels:
        own[torch.randperm(len(own))[:POSITIVES]] = torch.randint(0, CLASSES, (POSITIVES,))
    batches.append((maps, labels))
layers = [layer for _ in range(args.tower) for layer in (nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1), nn.ReLU())]
model = nn.Sequential(*layers, nn.Conv2d(CHANNELS, ANCHORS * CLASSES, 3, padding=1))
for module in model:
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)
nn.init.constant_(model[-1].bias, -4.595)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)


def chosen(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The anchors of each image that the loss is of."""
    rows, kept = [], []
    for own, label in zip(logits, labels, strict=True):
        if args.mining == "random":
            place = torch.randperm(len(label))[:512]
        else:
            positive = (label >= 0).nonzero().squeeze(1)
            with torch.no_grad():
                # Of a background anchor the loss grows with its largest logit.
                hardness = own.max(dim=1).values.masked_fill(label >= 0, -torch.inf)
            place = torch.cat([positive, hardness.topk(3 * len(positive)).indices])
        rows.append(own[place])
        kept.append(label[place])
    return torch.cat(rows), torch.cat(kept)


times = []
for step in range(args.steps + args.warm_up):
    maps, labels = batches[step % len(batches)]
    begin = time.perf_counter()
    outputs = [
        model(level).view(BATCH, ANCHORS, CLASSES, *level.shape[-2:]).permute(0, 3, 4, 1, 2).reshape(BATCH, -1, CLASSES)
        for level in maps
    ]
    logits = torch.cat(outputs, dim=1)
    positives = int((labels >= 0).sum())
    logits, label = chosen(logits, labels) if args.mining else (logits.view(-1, CLASSES), labels.view(-1))
    target = torch.zeros_like(logits)
    place = (label >= 0).nonzero().squeeze(1)
    target[place, label[place]] = 1
    loss = sigmoid_focal_loss(logits, target, reduction="sum") / positives
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    times.append((time.perf_counter() - begin) * 1000)
times = sorted(times[args.warm_up :])
print(json.dumps({"milliseconds": times[len(times) // 2], "minimum": times[0], "loss": loss.item()}))

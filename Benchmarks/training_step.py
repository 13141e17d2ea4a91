"""The training step of balanced group softmax in PyTorch, last layer only, as the official head computes it
(gs_bbox_head_with0.py): all logits for all RoIs, five cross-entropies with 0/1 weights, SGD with momentum, weight decay
and clipping. Prints the median of the steps as JSON, like `training-step`."""
import argparse
import json
import time

import numpy as np
import torch

parser = argparse.ArgumentParser()
parser.add_argument("--rois", type=int, default=1024)
parser.add_argument("--features", type=int, default=1024)
parser.add_argument("--classes", type=int, default=1203)
parser.add_argument("--steps", type=int, default=100)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="bf16: torch.autocast")
args = parser.parse_args()
torch.set_num_threads(args.threads)
rng = np.random.default_rng(0)

bounds = [(200, 1, 10), (412, 10, 100), (334, 100, 1000), (257, 1000, 50000)]
counts = np.concatenate([
    (low * (high / low) ** rng.random(round(share / 1203 * args.classes))).astype(int) for share, low, high in bounds])
rng.shuffle(counts)
group = np.searchsorted([10, 100, 1000], counts, side="right")
starts, lengths, position = [0], [2], np.zeros(len(counts), int)
for g in range(4):
    members = np.flatnonzero(group == g)
    position[members] = np.arange(1, len(members) + 1)
    starts.append(starts[-1] + lengths[-1])
    lengths.append(len(members) + 1)

batches = 8
labels = [np.where(rng.random(args.rois) < 0.25, rng.choice(len(counts), args.rois, p=counts / counts.sum()), -1)
          for _ in range(batches)]
features = [torch.rand(args.rois, args.features) for _ in range(batches)]
layer = torch.nn.Linear(args.features, sum(lengths))
torch.nn.init.normal_(layer.weight, 0, 0.01)
torch.nn.init.zeros_(layer.bias)
optimizer = torch.optim.SGD(layer.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)


def targets_and_weights(label):
    yield torch.from_numpy((label >= 0).astype(np.int64)), torch.ones(len(label))
    for g in range(4):
        positive = (label >= 0) & (group[np.maximum(label, 0)] == g)
        target = np.where(positive, position[np.maximum(label, 0)], 0)
        weight = np.zeros(len(label), np.float32)
        wanted = int(positive.sum() * 8)
        others = np.flatnonzero(~positive)
        if wanted > 0:
            weight[:] = positive
            weight[others if wanted >= len(others) else rng.choice(others, wanted, replace=False)] = 1
        yield torch.from_numpy(target), torch.from_numpy(weight)


times = []
for step in range(args.steps + 10):
    if step == 10:
        warm = time.process_time()
    begin = time.perf_counter()
    x, label = features[step % batches], labels[step % batches]
    loss = 0
    with torch.autocast("cpu", torch.bfloat16, enabled=args.precision == "bf16"):
        logits = layer(x)
        for (target, weight), start, length in zip(targets_and_weights(label), starts, lengths):
            rows = torch.nn.functional.cross_entropy(logits[:, start:start + length], target, reduction="none")
            loss = loss + (rows * weight).sum() / max(weight.sum().item(), 1.0)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(layer.parameters(), 35)
    optimizer.step()
    if step >= 10:
        times.append((time.perf_counter() - begin) * 1000)
processor_time = (time.process_time() - warm) * 1000 / args.steps
times.sort()
median = times[len(times) // 2]
print(json.dumps({"milliseconds": round(median, 3), "minimum": round(times[0], 3),
                  "cpu_milliseconds": round(processor_time, 3), "rois_per_second": round(args.rois / median * 1000), "logits": sum(lengths)}))

"""Inference beside PyTorch: the same head on the same feature set, from shards to a results file.

    python Benchmarks/inference.py make /tmp/inference --images 100
    bags train --features /tmp/inference/train --annotations /tmp/inference/train.json --learning-rate 0.1 \
        --output /tmp/inference/run
    python Benchmarks/inference.py compare /tmp/inference --rounds 5 [--precision bf16]

`make` writes a feature set of LVIS's shape: 1,203 classes with a long tail, 1,000 RoIs an image of which about a third
lie near objects, 1,024 features as F16, class-agnostic box deltas. `peer` is what detectron2 does
(`fast_rcnn_inference_single_image`) with the official grouped scores: linear layer, softmax in each group, threshold,
decoding, clipping, torchvision's `batched_nms`, the best 300, JSON. `compare` runs `bags predict` and the peer in turn,
checks that both found the same, and prints the ratio of their times with its spread: of the whole commands, of their CPU
time, and of the peer's stages alone, without its start, to the whole of `bags predict`.

Needs torch, torchvision (the CPU build), numpy and safetensors."""
import argparse
import json
import math
import pathlib
import resource
import subprocess
import sys
import time

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

CLASSES, FEATURES, ROIS, WIDTH, HEIGHT = 1203, 1024, 1000, 640, 480


def class_counts(rng):
    bounds = [(200, 1, 10), (412, 10, 100), (334, 100, 1000), (257, 1000, 50000)]
    counts = np.concatenate([(low * (high / low) ** rng.random(n)).astype(int) for n, low, high in bounds])
    rng.shuffle(counts)
    return counts


def iou(boxes, objects):
    low = np.maximum(boxes[:, None, :2], objects[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], objects[None, :, 2:])
    inter = np.prod(np.clip(high - low, 0, None), axis=2)
    area = lambda b: np.prod(b[:, 2:] - b[:, :2], axis=1)
    return inter / (area(boxes)[:, None] + area(objects)[None] - inter)


def random_boxes(rng, count):
    size = np.exp(rng.uniform(math.log(16), math.log(300), (count, 2)))
    corner = rng.random((count, 2)) * np.clip([WIDTH, HEIGHT] - size, 1, None)
    return np.concatenate([corner, np.minimum(corner + size, [WIDTH, HEIGHT])], axis=1)


def image_rois(rng, prototypes, probabilities, rois):
    objects = random_boxes(rng, 12)
    classes = rng.choice(CLASSES, 12, p=probabilities)
    near = rois // 3
    source = objects[rng.integers(0, 12, near)]
    size = source[:, 2:] - source[:, :2]
    jitter = rng.normal(0, 1, (near, 4)) * np.tile(size, 2) * rng.uniform(0, 0.25, (near, 1))
    boxes = np.clip(np.concatenate([source + jitter, random_boxes(rng, rois - near)]), 0, [WIDTH, HEIGHT] * 2)
    boxes = np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:] - 1), boxes[:, 2:]], axis=1)
    overlap = iou(boxes, objects)
    match, best = overlap.argmax(1), overlap.max(1)
    noise = rng.standard_normal((rois, FEATURES), dtype=np.float32)
    strength = np.clip(best, 0, 1)[:, None].astype(np.float32) * 1.0
    features = np.maximum(strength * prototypes[classes[match]] + noise, 0)
    target = objects[match]
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    centers = lambda b: ((b[:, 0] + b[:, 2]) / 2, (b[:, 1] + b[:, 3]) / 2)
    (bx, by), (tx, ty) = centers(boxes), centers(target)
    deltas = np.stack([(tx - bx) / width, (ty - by) / height, np.log((target[:, 2] - target[:, 0]) / width),
                       np.log((target[:, 3] - target[:, 1]) / height)], axis=1)
    deltas = np.where(best[:, None] > 0.3, deltas, 0) + rng.normal(0, 0.05, deltas.shape)
    labels = np.where(best >= 0.5, classes[match] + 1, -1)
    return features.astype(np.float16), boxes.astype(np.float32), deltas.astype(np.float32), labels, objects, classes


def make(folder, images, rois, name, first_id, rng, prototypes, counts, per_shard=250):
    shards = folder / name
    shards.mkdir(parents=True, exist_ok=True)
    probabilities = counts / counts.sum()
    annotations, listed = [], []
    for start in range(0, images, per_shard):
        parts = []
        for image in range(start, min(start + per_shard, images)):
            parts.append(image_rois(rng, prototypes, probabilities, rois))
            listed.append({"id": first_id + image, "width": WIDTH, "height": HEIGHT})
            for box, label in zip(*parts[-1][4:]):
                x1, y1, x2, y2 = box.tolist()
                annotations.append({"id": len(annotations) + 1, "image_id": first_id + image, "area": (x2 - x1) * (y2 - y1),
                                    "category_id": int(label) + 1, "bbox": [x1, y1, x2 - x1, y2 - y1]})
        ids = np.repeat(np.arange(first_id + start, first_id + start + len(parts)), rois)
        columns = [np.concatenate([part[k] for part in parts]) for k in range(4)]
        save_file(dict(zip(["features", "boxes", "box_deltas", "labels", "image_ids"], columns + [ids])),
                  shards / f"shard-{start // per_shard}.safetensors")
    categories = [{"id": k + 1, "name": f"class {k + 1}", "instance_count": int(n), "image_count": int(n)}
                  for k, n in enumerate(counts)]
    (folder / f"{name}.json").write_text(
        json.dumps({"images": listed, "annotations": annotations, "categories": categories}))


def peer(folder, head_path, output, threads):
    torch.set_num_threads(threads)
    from torchvision.ops import batched_nms
    stages = dict.fromkeys(["read", "linear", "scores", "candidates", "decode", "nms", "json"], 0.0)
    clock = time.perf_counter
    with safe_open(head_path, "pt") as file:
        weight, bias = file.get_tensor("fc_cls.weight"), file.get_tensor("fc_cls.bias")
        metadata = file.metadata()
    layout = metadata["layout"]
    categories = json.loads(metadata["groups"])["categories"]
    group_of = torch.tensor([c["group"] - 1 for c in categories])
    start, slices = (1 if layout == "grouped-sigmoid" else 2), []
    for g in range(int(group_of.max()) + 1):
        members = torch.nonzero(group_of == g)[:, 0]
        slices.append((start, start + len(members) + 1, members))
        start += len(members) + 1
    ids = [c["id"] for c in categories]

    def class_scores(logits):
        if layout == "softmax":
            return logits.softmax(1)[:, 1:]
        foreground = logits[:, 0].sigmoid() if layout == "grouped-sigmoid" else logits[:, :2].softmax(1)[:, 1]
        scores = logits.new_empty(len(logits), len(ids))
        for low, high, members in slices:
            scores[:, members] = logits[:, low:high].softmax(1)[:, 1:]
        return scores.mul_(foreground[:, None])

    results = []
    for shard in sorted((folder / "val").glob("*.safetensors"), key=lambda p: int(p.stem.split("-")[1])):
        with safe_open(shard, "pt") as file:
            image_ids = file.get_tensor("image_ids")
            boxes, deltas = file.get_tensor("boxes"), file.get_tensor("box_deltas")
            features = file.get_slice("features")
            images, counts = torch.unique_consecutive(image_ids, return_counts=True)
            begin = 0
            for image, count in zip(images.tolist(), counts.tolist()):
                rows = slice(begin, begin + count)
                begin += count
                t0 = clock()
                x = features[rows].float()
                t1 = clock()
                logits = torch.nn.functional.linear(x, weight, bias)
                t2 = clock()
                scores = class_scores(logits)
                t3 = clock()
                kept = scores > 1e-4
                roi, label = kept.nonzero(as_tuple=True)
                scores = scores[kept]
                t4 = clock()
                box, delta = boxes[rows], deltas[rows]
                size, center = box[:, 2:] - box[:, :2], (box[:, 2:] + box[:, :2]) / 2
                center = center + delta[:, :2] * size
                half = 0.5 * size * delta[:, 2:].clamp(max=math.log(1000 / 16)).exp()
                box = torch.cat([center - half, center + half], 1)
                box = torch.minimum(box.clamp(min=0), torch.tensor([WIDTH, HEIGHT, WIDTH, HEIGHT]))
                box = box[roi]
                t5 = clock()
                keep = batched_nms(box, scores, label, 0.5)[:300]
                t6 = clock()
                box, scores, label = box[keep], scores[keep].tolist(), label[keep].tolist()
                box[:, 2:] -= box[:, :2]
                results += [{"image_id": image, "category_id": ids[l], "bbox": b, "score": s}
                            for b, s, l in zip(box.tolist(), scores, label)]
                t7 = clock()
                for stage, seconds in zip(stages, [t1 - t0, t2 - t1, t3 - t2, t4 - t3, t5 - t4, t6 - t5, t7 - t6]):
                    stages[stage] += seconds
    t0 = clock()
    with open(output, "w") as file:
        json.dump(results, file)
    stages["json"] += clock() - t0
    number = len({r["image_id"] for r in results})
    print(json.dumps({"images": number, "milliseconds_an_image":
                      {stage: round(seconds / number * 1000, 3) for stage, seconds in stages.items()}}))


def run(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    out = subprocess.run(command, check=True, capture_output=True, text=True)
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, out.stdout.strip()


def same(first, second, tolerance):
    """How many of the peer's detections are ours too: image, category, box to .02 px, score to the tolerance: relative
    for single precision, absolute for bf16."""
    relative, absolute = tolerance
    def key(r):
        return r["image_id"], r["category_id"]
    ours = {}
    for r in first:
        ours.setdefault(key(r), []).append(r)
    found = sum(any(abs(r["score"] - o["score"]) <= relative * r["score"] + absolute
                    and all(abs(a - b) < 0.02 for a, b in zip(r["bbox"], o["bbox"])) for o in ours.get(key(r), []))
                for r in second)
    return found / max(1, len(second))


def compare(folder, head, rounds, bags, threads, precision):
    head_file = str(pathlib.Path(head) / "head.safetensors") if pathlib.Path(head).is_dir() else head
    commands = {
        "bags": [bags, "predict", head, "--features", str(folder / "val"), "--annotations", str(folder / "val.json"),
                 "--output", str(folder / "bags.json"), "--overwrite", "--threads", str(threads),
                 "--precision", precision],
        "peer": [sys.executable, __file__, "peer", str(folder), "--head", head_file, "--output",
                 str(folder / "peer.json"), "--threads", str(threads)]}
    ratios, stages = [], ""
    for _ in range(rounds):
        (wall, cpu, _), (peer_wall, peer_cpu, stages) = run(commands["bags"]), run(commands["peer"])
        found = json.loads(stages)
        work = found["images"] * sum(found["milliseconds_an_image"].values()) / 1000
        ratios.append((peer_wall / wall, peer_cpu / cpu, work / wall))
        print(f"bags {wall:.2f} s ({cpu:.2f} CPU), peer {peer_wall:.2f} s ({peer_cpu:.2f} CPU), its stages {work:.2f} s",
              flush=True)
    share = same(*(json.loads((folder / f"{name}.json").read_text()) for name in ["bags", "peer"]),
                 (1e-4, 1e-7) if precision == "fp32" else (0, 1e-3))
    for k, name in enumerate(["wall clock", "CPU time", "the peer's stages beside the whole of bags"]):
        values = sorted(r[k] for r in ratios)
        print(f"{name}: {values[len(values) // 2]:.2f} (from {values[0]:.2f} to {values[-1]:.2f})")
    print(f"of the peer's detections {share:.4%} are ours too\npeer: {stages}")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("what", choices=["make", "peer", "compare"])
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--images", type=int, default=500)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--head", help="a run or a head file (default: FOLDER/run)")
parser.add_argument("--bags", default=".build/release/bags")
parser.add_argument("--output")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"], help="that of bags; the peer's is fp32")
args = parser.parse_args()
if args.what == "make":
    generator = np.random.default_rng(0)
    prototypes = np.maximum(generator.standard_normal((CLASSES, FEATURES), dtype=np.float32), 0)
    counts = class_counts(generator)
    make(args.folder, 1600, 64, "train", 1, generator, prototypes, counts)
    make(args.folder, args.images, ROIS, "val", 1_000_001, generator, prototypes, counts)
elif args.what == "peer":
    peer(args.folder, args.head, args.output, args.threads)
else:
    compare(args.folder, args.head or str(args.folder / "run"), args.rounds, args.bags, args.threads, args.precision)

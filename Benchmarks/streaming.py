"""Training on more features than memory: a sparse feature set of any size, and the peak resident memory of an epoch.

    python Benchmarks/streaming.py --gigabytes 100 --memory-limit 3G [--bags .build/release/bags] [--folder DIR]

The features are holes in their files, which read as zeros and take no disk; boxes, labels and image ids are real. Prints
what was read, the time and the peak resident memory, which counts mapped pages too. Needs numpy."""
import argparse
import json
import pathlib
import resource
import shutil
import struct
import subprocess
import tempfile
import time

import numpy as np

FEATURES, ROIS, CLASSES = 1024, 512, 80

parser = argparse.ArgumentParser()
parser.add_argument("--gigabytes", type=float, default=100)
parser.add_argument("--memory-limit", default="3G")
parser.add_argument("--bags", default=".build/release/bags")
parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "bags-streaming")
args = parser.parse_args()


def write_shard(path, first_image, images, rng):
    rois = images * ROIS
    corner = rng.uniform(0, 400, (rois, 2)).astype(np.float32)
    size = rng.uniform(10, 100, (rois, 2)).astype(np.float32)
    labels = np.where(rng.random(rois) < 0.25, rng.integers(1, CLASSES + 1, rois), -1)
    small = [("boxes", "F32", np.concatenate([corner, corner + size], 1)),
             ("image_ids", "I64", np.repeat(np.arange(first_image, first_image + images), ROIS)), ("labels", "I64", labels)]
    header, offset = {}, 0
    for name, kind, values in small:
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [offset, offset + values.nbytes]}
        offset += values.nbytes
    end = offset + rois * FEATURES * 2
    header["features"] = {"dtype": "F16", "shape": [rois, FEATURES], "data_offsets": [offset, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, values in small:
            file.write(values.tobytes())
        file.truncate(8 + len(text) + end)


shutil.rmtree(args.folder, ignore_errors=True)
(args.folder / "set").mkdir(parents=True)
images = round(args.gigabytes * 1e9 / (ROIS * FEATURES * 2))
generator = np.random.default_rng(0)
for shard, start in enumerate(range(1, images + 1, 4000)):
    write_shard(args.folder / "set" / f"{shard}.safetensors", start, min(4000, images + 1 - start), generator)
counts = np.geomspace(5, 100_000, CLASSES).astype(int)
(args.folder / "groups-of.json").write_text(json.dumps({
    "images": [], "annotations": [],
    "categories": [{"id": k + 1, "name": f"class {k + 1}", "instance_count": int(n), "image_count": int(n)}
                   for k, n in enumerate(counts)]}))
groups = str(args.folder / "groups.json")
subprocess.run([args.bags, "group", str(args.folder / "groups-of.json"), "--output", groups], check=True,
               capture_output=True)
begin = time.perf_counter()
subprocess.run([args.bags, "train", "--features", str(args.folder / "set"), "--groups", groups, "--epochs", "1",
                "--memory-limit", args.memory_limit, "--output", str(args.folder / "run")], check=True)
seconds = time.perf_counter() - begin
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
size = sum(path.stat().st_size for path in (args.folder / "set").iterdir()) / 1e9
print(f"{size:.1f} GB, {images * ROIS:,} RoIs of {images:,} images: {seconds:.0f} s an epoch, {size / seconds:.2f} GB/s, "
      f"peak resident {peak:.2f} GB with --memory-limit {args.memory_limit}")
shutil.rmtree(args.folder)

"""Checks safetensors files both ways with the real library. Run by hand:

    pip install safetensors numpy
    python Tests/Scripts/safetensors_roundtrip.py [--bags .build/release/bags]

The library writes a feature set and a head, `bags predict` reads them, and its detections are what NumPy finds; `bags
train` writes a head, the library reads it, and writing its tensors again gives the same bytes behind the header's
metadata, whose order the library does not fix. Exits with 1 at the first difference."""
import argparse
import json
import pathlib
import struct
import subprocess
import tempfile

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save, save_file

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--bags", default=".build/release/bags")
bags = str(pathlib.Path(parser.parse_args().bags).resolve())
CLASSES, FEATURES, ROIS, IMAGES = 6, 16, 20, 8


def run(*arguments):
    done = subprocess.run([bags, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, f"bags {' '.join(map(str, arguments))}\n{done.stderr}"


def write_set(folder, rng, dtype):
    count = ROIS * IMAGES
    features = rng.standard_normal((count, FEATURES)).astype(dtype)
    # A grid without overlap: suppression has nothing to do.
    corner = np.stack([np.arange(count) % ROIS * 10, np.zeros(count)], 1).astype(np.float32)
    tensors = {"features": features, "boxes": np.concatenate([corner, corner + 8], 1),
               "image_ids": np.repeat(np.arange(1, IMAGES + 1), ROIS), "labels": rng.integers(0, CLASSES + 1, count)}
    folder.mkdir()
    half = count // 2 + 3  # an image goes on in the next shard
    for name, rows in {"2": slice(0, half), "10": slice(half, None)}.items():
        save_file({k: np.ascontiguousarray(v[rows]) for k, v in tensors.items()}, folder / f"{name}.safetensors")
    return tensors


def check_reading(folder, rng, dtype):
    tensors = write_set(folder / np.dtype(dtype).name, rng, dtype)
    weight = rng.standard_normal((CLASSES + 1, FEATURES)).astype(np.float32)
    bias = rng.standard_normal(CLASSES + 1).astype(np.float32)
    save_file({"fc_cls.weight": weight, "fc_cls.bias": bias}, folder / "head.safetensors", metadata={"by": "numpy"})
    results = folder / "results.json"
    run("predict", folder / "head.safetensors", "--features", folder / np.dtype(dtype).name, "--annotations",
        folder / "annotations.json", "--output", results, "--overwrite")
    logits = tensors["features"].astype(np.float64) @ weight.T.astype(np.float64) + bias
    scores = np.exp(logits - logits.max(1, keepdims=True))
    scores = (scores / scores.sum(1, keepdims=True))[:, 1:]
    expected = {(int(tensors["image_ids"][r]), int(tensors["boxes"][r, 0]), c + 1): scores[r, c]
                for r, c in zip(*np.nonzero(scores > 1.001e-4))}
    found = {(d["image_id"], int(d["bbox"][0]), d["category_id"]): d["score"] for d in json.loads(results.read_text())}
    missing = expected.keys() - found.keys()
    assert not missing, f"{len(missing)} detections are missing"
    assert all(abs(found[key] - score) < 1e-5 for key, score in expected.items()), "scores differ"
    print(f"the library's {np.dtype(dtype).name} feature set and head: {len(found)} detections as NumPy finds them")


def check_writing(folder):
    run("train", "--features", folder / "float32", "--annotations", folder / "annotations.json", "--epochs", 1,
        "--output", folder / "run", "--overwrite")
    path = folder / "run" / "head.safetensors"
    with safe_open(path, "np") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    assert tensors["fc_cls.weight"].shape[1] == FEATURES and np.isfinite(tensors["fc_cls.weight"]).all()

    def parts(data):
        length = struct.unpack("<Q", data[:8])[0]
        assert length % 8 == 0, "the header is not padded to 8"
        return json.loads(data[8:8 + length]), data[8 + length:]
    ours, library = parts(path.read_bytes()), parts(save(tensors, metadata=metadata))
    assert ours[0] == library[0] and list(ours[0]) == list(library[0]), "the headers differ"
    assert ours[1] == library[1], "the tensors' bytes differ"
    print("a head that bags wrote: the library reads it, and writes the same header and bytes")


with tempfile.TemporaryDirectory() as name:
    folder, rng = pathlib.Path(name), np.random.default_rng(0)
    (folder / "annotations.json").write_text(json.dumps({
        "images": [{"id": i + 1, "width": 10 * ROIS, "height": 8} for i in range(IMAGES)],
        "annotations": [{"id": i + 1, "image_id": i + 1, "category_id": i % CLASSES + 1, "bbox": [0, 0, 8, 8],
                         "area": 64} for i in range(IMAGES)],
        "categories": [{"id": c + 1, "name": f"class {c + 1}"} for c in range(CLASSES)]}))
    for kind in [np.float32, np.float16]:
        check_reading(folder, rng, kind)
    check_writing(folder)

"""A dense head's training step and `bags predict` beside PyTorch's and torchvision's, alternately in one run, as Markdown.

    python Benchmarks/dense.py [--rounds 3] [--detector DIR]

Steps: 16 images of 192 × 192 (64 channels, 3 × 200 outputs) and one image of COCO's shape (22,400 locations, 256 channels, 9 ×
80 outputs), all anchors, OHEM 1:3 and 512 random anchors an image; and whole towers of four convolutions. The last column
compares the rate of the multiplications that are left, by Winograd's filtering or of the chosen anchors alone, with that of a
large SGEMM on as many threads. With --detector, a folder with model.py, retinanet.safetensors, a set of its maps
`maps` (`export_features(…, tower=0)`) and its annotations `annotations.json`: the time of `bags predict`, process and
files included, beside the detector's own last convolution and its post-processing in one process.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
BUILT = HERE / ".build" / "release"


def measured(command: list[str]) -> dict:
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    fields = dict(tuple(part.strip() for part in line.split(":", 1)) for line in lines if ":" in line)
    return f"{fields.get('model name', 'unknown')} (family {fields.get('cpu family')}, model {fields.get('model')})"


def steps(rounds: int, threads: int, shapes: list[str], towers: list[int]) -> None:
    roofline = measured([str(BUILT / "roofline"), "--threads", str(threads)])
    peak = roofline["sgemm_own_gflops"]
    print(f"\n{threads} thread{'s' if threads > 1 else ''}; SGEMM: {peak} GFLOP/s; {json.dumps(roofline)}\n")
    print("| maps | convolutions | anchors | PyTorch, ms | bags, ms | times as fast | of SGEMM's rate |")
    print("|---|---:|---|---:|---:|---:|---:|", flush=True)
    for tower in towers:
        for shape in shapes:
            for mining in (None, "ohem-1to3", "random") if tower == 0 else (None,):
                options = ["--shape", shape, "--tower", str(tower), "--threads", str(threads)]
                options += ["--steps", "3", "--warm-up", "1"] if shape == "coco" else ["--steps", "10"]
                options += ["--mining", mining] if mining else []
                peer, own = [], []
                for _ in range(rounds):
                    peer.append(measured([sys.executable, str(HERE / "dense_step.py"), *options])["milliseconds"])
                    own.append(measured([str(BUILT / "dense-step"), *options]))
                ratios = sorted(a / b["milliseconds"] for a, b in zip(peer, own, strict=True))
                time = statistics.median(b["milliseconds"] for b in own)
                print(
                    f"| {shape} | {tower + 1} | {mining or 'all'} | {statistics.median(peer):.1f} | {time:.1f} | "
                    f"**{statistics.median(ratios):.1f}** ({ratios[0]:.1f} to {ratios[-1]:.1f}) | "
                    f"{100 * own[0]['gflop'] * 1000 / time / peak:.0f} % |",
                    flush=True,
                )


def predictions(folder: Path, rounds: int, threads: int, bags: Path) -> None:
    sys.path.insert(0, str(folder))
    import torch
    from model import load_model
    from safetensors import safe_open
    from torchvision.models.detection.image_list import ImageList

    torch.set_num_threads(threads)
    detector = load_model(str(folder / "retinanet.safetensors"))
    images = []
    for path in sorted((folder / "maps").glob("*.safetensors")):
        with safe_open(path, framework="pt") as shard:
            features, deltas = shard.get_tensor("features").float(), shard.get_tensor("box_deltas")
            shapes, sizes = shard.get_tensor("level_shapes"), shard.get_tensor("image_sizes")
        first, anchors = 0, len(deltas) // len(features)
        for levels, size in zip(shapes.tolist(), sizes.tolist(), strict=True):
            maps, start = [], first
            for height, width in levels:
                maps.append(features[start : start + height * width].T.reshape(1, -1, height, width).contiguous())
                start += height * width
            images.append((maps, deltas[first * anchors : start * anchors][None], tuple(size)))
            first = start

    def peer() -> float:
        branch, begin = detector.head.classification_head, time.perf_counter()
        with torch.inference_mode():
            for maps, deltas, size in images:
                logits = []
                for level in maps:
                    own = branch.cls_logits(level)
                    own = own.view(1, -1, branch.num_classes, *level.shape[-2:]).permute(0, 3, 4, 1, 2)
                    logits.append(own.reshape(1, -1, branch.num_classes))
                anchors = detector.anchor_generator(ImageList(torch.zeros(1, 3, *size), [size]), maps)
                counts = [part.shape[1] for part in logits]
                outputs = {"cls_logits": logits, "bbox_regression": list(deltas.split(counts, dim=1))}
                detector.postprocess_detections(outputs, [list(anchors[0].split(counts))], [size])
        return time.perf_counter() - begin

    own_times, peer_times = [], []
    with tempfile.TemporaryDirectory() as temporary:
        command = [str(bags), "predict", str(folder / "retinanet.safetensors"), "--features", str(folder / "maps")]
        command += ["--annotations", str(folder / "annotations.json"), "--output", f"{temporary}/r.json", "--overwrite"]
        command += ["--threads", str(threads)]
        for _ in range(rounds + 1):
            peer_times.append(peer())
            begin = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            own_times.append(time.perf_counter() - begin)
    peer_times, own_times = peer_times[1:], own_times[1:]
    ratios = sorted(a / b for a, b in zip(peer_times, own_times, strict=True))
    print(
        f"\n{threads} thread{'s' if threads > 1 else ''}: `bags predict` of {len(images)} images "
        f"{statistics.median(own_times):.2f} s, torchvision's last convolution and post-processing "
        f"{statistics.median(peer_times):.2f} s: **{statistics.median(ratios):.1f} times** as fast "
        f"({ratios[0]:.1f} to {ratios[-1]:.1f})."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, min(2, os.cpu_count() or 1)}))
    parser.add_argument("--shapes", nargs="+", choices=("glyphs", "coco"), default=["glyphs", "coco"])
    parser.add_argument("--towers", type=int, nargs="+", default=[0, 4])
    parser.add_argument("--detector", type=Path)
    parser.add_argument("--bags", type=Path, default=HERE.parent / ".build" / "release" / "bags")
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("--no-steps", action="store_true")
    arguments = parser.parse_args()
    if not arguments.no_steps and not arguments.no_build:
        for product in ("dense-step", "roofline"):
            build = ["swift", "build", "--package-path", str(HERE), "-c", "release", "--product", product]
            subprocess.run(build, check=True, stdout=sys.stderr)
    print(f"{processor()}; {arguments.rounds} rounds", flush=True)
    for count in arguments.threads:
        if not arguments.no_steps:
            steps(arguments.rounds, count, arguments.shapes, arguments.towers)
        if arguments.detector:
            predictions(arguments.detector, arguments.rounds, count, arguments.bags)

"""How much AP a way to choose learning rates loses to the best of the rates, on images that it does not see.

For every method, heads are trained at every rate of a grid and scored on the validation images. Then the program chooses a
rate without them. The regret is the best AP of the grid, or of the chosen rate if that is better, less the AP at the chosen
rate. With --subset the training set is that many of the images, drawn anew for each of --draws.

    python regret.py --bags bags --set DIR [--init HEAD] [--subset 300 --draws 3] [--old OLD_BAGS]

DIR holds train/, val/, annotations_train.json and annotations_val.json. Needs numpy and safetensors. --old is a program of
an earlier version, whose choice is measured beside; heads then start from random weights.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

RATES = ["0.0001", "0.000316", "0.001", "0.00316", "0.01", "0.0316", "0.1", "0.316", "1"]


def subset(source: Path, folder: Path, count: int, seed: int) -> None:
    """Writes the features and annotations of so many training images."""
    annotations = json.loads((source / "annotations_train.json").read_text())
    ids = numpy.array([image["id"] for image in annotations["images"]])
    kept = set(numpy.random.default_rng(seed).permutation(ids)[:count].tolist())
    annotations["images"] = [image for image in annotations["images"] if image["id"] in kept]
    annotations["annotations"] = [a for a in annotations["annotations"] if a["image_id"] in kept]
    # Counts that the file states are those of all images.
    for category in annotations["categories"]:
        for name in ("image_count", "instance_count", "frequency"):
            category.pop(name, None)
    (folder / "train").mkdir()
    (folder / "annotations_train.json").write_text(json.dumps(annotations))
    for shard in sorted((source / "train").glob("*.safetensors")):
        columns = load_file(shard)
        rows = numpy.isin(columns["image_ids"], list(kept))
        with safe_open(shard, "numpy") as file:
            metadata = file.metadata()
        if rows.any():
            save_file({n: v[rows] for n, v in columns.items()}, folder / "train" / shard.name, metadata=metadata)


def compare(program: str, train: Path, val: Path, methods: list[str], output: Path, extra: list[str]) -> dict[str, Any]:
    """The document of a comparison."""
    inputs = ["--features", train / "train", "--annotations", train / "annotations_train.json"]
    inputs += ["--val", val / "val", "--val-annotations", val / "annotations_val.json"]
    command = [program, "compare", *inputs, "--methods", ",".join(methods), "--output", output, *extra]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr[-2000:]}")
    document: dict[str, Any] = json.loads((output / "comparison.json").read_text())
    return document


def rows(document: dict[str, Any]) -> dict[str, float]:
    """AP in points by the method as it was asked for."""
    return {m["method"]: 100 * m["metrics"]["AP"]["mean"] for m in document["methods"] if "AP" in m["metrics"]}


def with_rate(method: str, rate: str) -> str:
    first, *rest = method.split("+")
    return "+".join([f"{first}:learning-rate={rate}", *rest])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bags", required=True)
    parser.add_argument("--old")
    parser.add_argument("--set", type=Path, required=True)
    parser.add_argument("--init")
    parser.add_argument("--subset", type=int)
    parser.add_argument("--draws", type=int, default=1)
    parser.add_argument("--methods", default="softmax,softmax+class-balanced,reweight,balanced-softmax,seesaw,bags")
    parser.add_argument("--options", default="--warmup-steps 0", help="Options of every comparison.")
    parser.add_argument("--tuning", default="", help="Options of the tuned comparison.")
    arguments = parser.parse_args()
    methods = arguments.methods.split(",")
    options = arguments.options.split()
    start = ["--init", arguments.init] if arguments.init else []
    ways = {"now": (arguments.bags, [*start, *arguments.tuning.split()])}
    if arguments.old:
        ways = {"before": (arguments.old, []), **ways}
    regrets: dict[str, dict[str, list[float]]] = {way: {m: [] for m in methods} for way in ways}
    over_default: dict[str, list[float]] = {way: [] for way in ways}
    for draw in range(arguments.draws):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            train = arguments.set
            if arguments.subset:
                train = folder / "subset"
                train.mkdir()
                subset(arguments.set, train, arguments.subset, draw)
            grid = [with_rate(method, rate) for method in methods for rate in RATES]
            scores = rows(compare(arguments.bags, train, arguments.set, grid, folder / "grid", ["--replicates", "0", *start, *options]))
            for way, (program, extra) in ways.items():
                document = compare(program, train, arguments.set, methods, folder / way, ["--tune", *extra, *options])
                chosen = rows(document)
                for method in methods:
                    if method not in chosen:
                        continue
                    tried = [scores[row] for rate in RATES if (row := with_rate(method, rate)) in scores]
                    regrets[way][method].append(max([chosen[method], *tried]) - chosen[method])
                    default = scores.get(with_rate(method, "0.01"))
                    if default is not None:
                        over_default[way].append(chosen[method] - default)
    print(f"| method | {' | '.join(f'regret {way}' for way in ways)} |")
    print(f"| --- | {' | '.join('---:' for _ in ways)} |")
    for method in methods:
        print(f"| {method} | " + " | ".join(f"{numpy.mean(regrets[way][method]):.2f}" for way in ways) + " |")
    means = [numpy.mean([v for values in regrets[way].values() for v in values]) for way in ways]
    print("| mean | " + " | ".join(f"{mean:.2f}" for mean in means) + " |")
    leads = [numpy.mean(values) if values else numpy.nan for values in over_default.values()]
    print("| AP over the rate .01 | " + " | ".join(f"{lead:+.2f}" for lead in leads) + " |")


if __name__ == "__main__":
    main()

"""Reads the event files of `bags train --tensorboard` with TensorBoard's own readers. Run by hand:

    pip install tensorboard
    python Tests/Scripts/tensorboard_events.py [--bags .build/release/bags]

A run on the built-in set is interrupted, killed and resumed. The event accumulator must then give every scalar of
metrics.jsonl, rounded to single precision as the format has it, once a step and in order, and a histogram of weight
norms a group and epoch whose counts are the classes of the group and whose last one spans the head's norms. The event
file loader checks the sums of every record. Exits with 1 at the first difference."""
import argparse
import json
import pathlib
import signal
import struct
import subprocess
import tempfile
import time

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--bags", default=".build/release/bags")
bags = str(pathlib.Path(parser.parse_args().bags).resolve())


def single(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def stopped(folder, words, how, after):
    process = subprocess.Popen([bags, *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after)
    process.send_signal(how)
    process.wait()


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    words = ["train", "--epochs", "60", "--tensorboard", "logs", "--output", "runs/a", "--checkpoint-interval", "0.3"]
    stopped(folder, words, signal.SIGINT, 2)
    assert (folder / "runs/a.partial/checkpoint.safetensors").exists(), "the run ended before it was interrupted"
    stopped(folder, ["train", "--resume", "runs/a", "--checkpoint-interval", "0.3"], signal.SIGKILL, 2)
    done = subprocess.run([bags, "train", "--resume", "runs/a"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    files = sorted((folder / "logs/a").iterdir())
    assert len(files) == 3, files
    records = sum(len(list(EventFileLoader(str(path)).Load())) for path in files)

    lines = [json.loads(line) for line in (folder / "runs/a/metrics.jsonl").read_text().splitlines()]
    events = EventAccumulator(str(folder / "logs/a"), size_guidance={"scalars": 0, "histograms": 0})
    events.Reload()
    tags = events.Tags()
    expected = {"loss", "learning_rate", "gradient_norm", "rois_per_second", "others_share"} | {
        f"loss/{part}" for part in lines[0]["losses"]}
    assert set(tags["scalars"]) == expected, set(tags["scalars"]) ^ expected
    for tag in sorted(expected):
        wanted = [(line["step"], single(line["losses"][tag[5:]] if tag.startswith("loss/") else line[tag]))
                  for line in lines]
        # Wall-clock rates of the steps that were taken twice are those of the second time, as in metrics.jsonl.
        found = [(event.step, event.value) for event in events.Scalars(tag)]
        assert found == wanted, f"{tag}: {len(found)} values, {len(wanted)} expected"

    groups = json.loads((folder / "runs/a/groups.json").read_text())
    sizes = {}
    for category in groups["categories"]:
        sizes[category["group"]] = sizes.get(category["group"], 0) + 1
    histograms = {}
    for tag in tags["histograms"]:
        values = events.Histograms(tag)
        assert [v.step for v in values] == sorted({v.step for v in values}) and len(values) == 60, tag
        histograms[tag] = [v.histogram_value for v in values]
        for h in histograms[tag]:
            assert sum(h.bucket) == h.num and h.bucket_limit[-1] == h.max >= h.min
    assert sorted(int(h[-1].num) for h in histograms.values()) == sorted(sizes.values()), "not a histogram a group"
    subprocess.run([bags, "report", "weightnorms", "runs/a"], cwd=folder, check=True, capture_output=True)
    rows = [line.split(",") for line in (folder / "runs/a/weightnorms.csv").read_text().splitlines()[1:]]
    for tag, values in histograms.items():
        norms = [float(row[-1]) for row in rows if row[-2] == tag.split("/")[1]]
        last = values[-1]
        assert (last.min, last.max) == (min(norms), max(norms)), tag
        assert abs(last.sum - sum(norms)) < 1e-9 * last.sum, tag
    print(f"{len(files)} files, {records} records, {len(expected)} scalars of {len(lines)} steps, "
          f"{sum(map(len, histograms.values()))} histograms: as written")

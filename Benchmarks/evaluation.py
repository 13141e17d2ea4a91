"""Runs hotcoco and `bags evaluate` alternately on one set of data, and prints one table.

Wall time is a whole process's for bags; for hotcoco it is the time from the first call to the last, without Python's own
start. Peak memory is the operating system's, of the whole process, for both.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def run(command):
    """Runs a process; returns its output, wall time and peak resident memory in bytes."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        sys.exit(f"{' '.join(command)}: failed")
    return output.decode(), seconds, usage.ru_maxrss * 1024


def warm(path):
    """Reads a file once, so that both find it in memory."""
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 24):
            pass


def count(path, word):
    """How often a word stands in a file."""
    total, rest = 0, b""
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(1 << 24):
            total += (rest + chunk).count(word)
            rest = chunk[1 - len(word):]
    return total


def measure_peer(python, annotations, results, iou_type):
    command = [python, os.path.join(HERE, "evaluation_peer.py"), annotations, results, iou_type]
    output, _, peak = run(command)
    answer = json.loads(output.strip().splitlines()[-1])
    return answer["metrics"], answer["seconds"], peak


def measure_bags(bags, annotations, results, iou_type):
    command = [bags, "evaluate", "--annotations", annotations, "--results", results, "--iou-type", iou_type]
    output, seconds, peak = run(command + ["--format", "json"])
    return json.loads(output), seconds, peak


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", help="gt.json, dt_bbox.json and dt_segm.json in each")
    parser.add_argument("--bags", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--iou-types", default="bbox,segm")
    arguments = parser.parse_args()
    print("| | detections | results | hotcoco | bags | times as fast | hotcoco | bags | memory | largest difference in a metric |")
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for iou_type in arguments.iou_types.split(","):
        for folder in arguments.folders:
            annotations, results = os.path.join(folder, "gt.json"), os.path.join(folder, f"dt_{iou_type}.json")
            detections = count(results, b'"image_id"')
            peers, ours = [], []
            for _ in range(arguments.rounds):
                for path in (annotations, results):
                    warm(path)
                peers.append(measure_peer(sys.executable, annotations, results, iou_type))
                ours.append(measure_bags(arguments.bags, annotations, results, iou_type))
            ratios = sorted(peer[1] / own[1] for peer, own in zip(peers, ours))
            seconds = [statistics.median(row[1] for row in rows) for rows in (peers, ours)]
            peaks = [max(row[2] for row in rows) for rows in (peers, ours)]
            difference = max(abs(peers[0][0][name] - value) for name, value in ours[0][0].items())
            print(
                f"| {iou_type} | {detections:,} | {os.path.getsize(results) / 1e6:,.0f} MB | {seconds[0]:.2f} s |"
                f" {seconds[1]:.2f} s | {statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f}) |"
                f" {peaks[0] / 1e6:,.0f} MB | {peaks[1] / 1e6:,.0f} MB | {100 * peaks[1] / peaks[0]:.0f} % |"
                f" {difference:.1g} |", flush=True)


if __name__ == "__main__":
    main()

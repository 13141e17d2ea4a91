"""Runs the peers, bags' Python module and `bags evaluate` alternately on sets of data, and prints one table.

For the peers and the module wall and CPU time are from the first call to the last, without Python's own start and imports;
for the program they are the whole process's. Peak memory is the operating system's, of the whole process, for all. CPU seconds say more than
wall time where other programs run beside.
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
    """Runs a process; returns its output, wall and CPU seconds and peak resident memory; `None` where it failed."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    return (output.decode(), seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024) if status == 0 else None


def warm(path):
    """Reads a file once, so that all find it in memory."""
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


def measure(name, arguments, protocol, annotations, results, iou_type):
    """Metrics, wall seconds, CPU seconds and peak memory of one evaluation."""
    if name == "bags":
        answer = run([
            arguments.bags, "evaluate", "--annotations", annotations, "--results", results, "--iou-type", iou_type,
            "--protocol", protocol, "--format", "json"])
        return answer and (json.loads(answer[0]), *answer[1:])
    answer = run([
        sys.executable, os.path.join(HERE, "evaluation_peer.py"), name, protocol, annotations, results, iou_type])
    if answer is None:
        return None
    measured = json.loads(answer[0].strip().splitlines()[-1])
    return measured["metrics"], measured["seconds"], measured["cpu_seconds"], answer[3]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", help="PROTOCOL:IOU_TYPE:FOLDER with gt.json and dt_IOU_TYPE.json")
    parser.add_argument("--bags", help="the program; without it the last of the peers is what others are held against")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default="hotcoco,ultrafast,vernier,faster,module")
    arguments = parser.parse_args()
    names = arguments.peers.split(",") + (["bags"] if arguments.bags else [])
    own_name = names[-1]
    print("| protocol | | detections | | CPU seconds | of bags' | seconds | of bags' | memory | of bags' | largest difference |")
    print("|---|---|---:|---|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    for text in arguments.sets:
        protocol, iou_type, folder = text.split(":", 2)
        annotations, results = os.path.join(folder, "gt.json"), os.path.join(folder, f"dt_{iou_type}.json")
        detections = count(results, b'"image_id"')
        warm(annotations)
        warm(results)
        rows = {name: [] for name in names}
        for _ in range(arguments.rounds):
            for name in names:
                if name in rows and (row := measure(name, arguments, protocol, annotations, results, iou_type)):
                    rows[name].append(row)
                elif rows.pop(name, None) is not None:
                    print(f"{name} fails on {text}", file=sys.stderr)
        median = {name: [statistics.median(row[place] for row in own) for place in (1, 2, 3)] for name, own in rows.items()}
        ours = median[own_name]
        for name in rows:
            wall, cpu, peak = median[name]
            difference = max(
                abs(value - rows[name][0][0].get(metric, value)) for metric, value in rows[own_name][0][0].items()
                if isinstance(value, float))
            print(
                f"| {protocol} | {iou_type} | {detections:,} | {name} | {cpu:.2f} | {cpu / ours[1]:.1f} | {wall:.2f} |"
                f" {wall / ours[0]:.1f} | {peak / 1e6:,.0f} MB | {peak / ours[2]:.1f} | {difference:.0e} |", flush=True)


if __name__ == "__main__":
    main()

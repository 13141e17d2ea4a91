#!/usr/bin/env bash
# The training step beside PyTorch's, alternately, and the ratio of the medians with its spread.
#   Benchmarks/training-step.sh [ROUNDS] [OPTIONS for both, such as --rois 512]
# PYTHON names an interpreter that has torch and numpy (default: python3).
set -euo pipefail
cd "$(dirname "$0")"
rounds=${1:-5}
[ $# -gt 0 ] && shift
swift build -c release --product training-step 2>&1 | tail -n 1 >&2
for _ in $(seq "$rounds"); do
  "${PYTHON:-python3}" training_step.py "$@"
  .build/release/training-step "$@"
done | "${PYTHON:-python3}" -c '
import json, statistics, sys
lines = [json.loads(line) for line in sys.stdin]
peer, ours = lines[0::2], lines[1::2]
def ratios(key): return sorted(p[key] / o[key] for p, o in zip(peer, ours))
print("| | ms a step, median | CPU ms a step | RoIs/s |\n|---|---|---|---|")
for name, rows in (("PyTorch", peer), ("bags", ours)):
    print("| {} | {:.1f} | {:.1f} | {:,.0f} |".format(name, *(statistics.median(r[key] for r in rows)
          for key in ("milliseconds", "cpu_milliseconds", "rois_per_second"))))
for key, what in (("milliseconds", "is {:.1f} times as fast"), ("cpu_milliseconds", "takes 1/{:.1f} of the CPU time")):
    values = ratios(key)
    print("\nbags {} ({:.1f} to {:.1f} over {} rounds).".format(
        what.format(statistics.median(values)), values[0], values[-1], len(values)))
'

#!/usr/bin/env bash
# How the cost of a training step grows with RoIs, classes, features and groups, as Markdown, beside what the machine
# gives. Each row changes one number of the reference step: 1,024 RoIs, 1,203 classes, 1,024 features, 4 groups.
#   Benchmarks/growth.sh
set -euo pipefail
cd "$(dirname "$0")"
swift build -c release --product training-step 2>&1 | tail -n 1 >&2
swift build -c release --product roofline 2>&1 | tail -n 1 >&2
echo "machine: $(.build/release/roofline)"
echo
echo "| | | ms a step | RoIs/s | GFLOP | GFLOP/s |"
echo "|---|---|---|---|---|---|"
row() {
  .build/release/training-step "--$1" "$2" --steps "$3" |
    sed -E 's/.*"milliseconds": ([0-9.]+).*"rois_per_second": ([0-9]+).*"gflop": ([0-9.]+), "gflops": ([0-9.]+).*/| '"$1 | $2"' | \1 | \2 | \3 | \4 |/'
}
for n in 256 512 1024 2048 4096; do row rois "$n" 50; done
for n in 1000 3000 10000 30000 100000; do row classes "$n" 10; done
for n in 256 512 1024 2048 4096; do row features "$n" 30; done
for n in 1 2 4 8 16; do row groups "$n" 50; done

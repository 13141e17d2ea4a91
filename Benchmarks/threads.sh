#!/usr/bin/env bash
# How a training step scales with threads, beside how a large SGEMM scales on the same machine, and PyTorch's same step.
#   Benchmarks/threads.sh ["1 2 4 8 16"] [ROUNDS]
# Every round measures all of them one after another; the best of the rounds counts, since another process can only slow
# one down. PYTHON names an interpreter (default: python3); PyTorch's column stays empty where it has no torch.
set -euo pipefail
cd "$(dirname "$0")"
counts=${1:-"1 2"}
rounds=${2:-3}
python=${PYTHON:-python3}
swift build -c release --product training-step 2>&1 | tail -n 1 >&2
swift build -c release --product roofline 2>&1 | tail -n 1 >&2
has_torch=yes
"$python" -c 'import torch' 2>/dev/null || { has_torch=; echo "no torch: its column stays empty" >&2; }
for _ in $(seq "$rounds"); do
  for threads in $counts; do
    echo "sgemm $threads 0 $(.build/release/roofline --threads "$threads")"
    for rois in 1024 8192; do
      steps=$((rois == 1024 ? 100 : 20))
      echo "bags $threads $rois $(.build/release/training-step --threads "$threads" --rois "$rois" --steps "$steps")"
      if [ -n "$has_torch" ]; then
        echo "torch $threads $rois $("$python" training_step.py --threads "$threads" --rois "$rois" --steps $((steps / 4)))"
      fi
    done
  done
done | "$python" threads.py

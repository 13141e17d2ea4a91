#!/usr/bin/env bash
# bags evaluate beside hotcoco (Rust), alternately, on data the size of LVIS v1 val, a tenth and a hundredth of it.
#   Benchmarks/evaluation.sh [ROUNDS] [FOLDER of the data, made where it is not there; default: /tmp/lvis-like]
# SCALES="0.01 0.1" leaves the full size out: it takes ten minutes to make, 3 GB of disk and 4 GB of memory.
# PYTHON names an interpreter that has hotcoco, numpy and pycocotools; without it a virtual environment gets them.
set -euo pipefail
cd "$(dirname "$0")"
rounds=${1:-3}
data=${2:-/tmp/lvis-like}
if [ -z "${PYTHON:-}" ]; then
  peers=${PEERS:-/tmp/bags-peers}
  [ -x "$peers/bin/python" ] || python3 -m venv "$peers"
  "$peers/bin/pip" install --quiet hotcoco==1.3.0 numpy pycocotools
  PYTHON=$peers/bin/python
fi
swift build --package-path .. -c release --product bags 2>&1 | tail -n 1 >&2
folders=()
for scale in ${SCALES:-0.01 0.1 1}; do
  folder=$data/$scale
  if [ ! -e "$folder/complete" ]; then
    echo "making $folder" >&2
    "$PYTHON" make_lvis_like.py --out "$folder" --scale "$scale" --segm >&2
    touch "$folder/complete"
  fi
  folders+=("$folder")
done
"$PYTHON" evaluation.py --bags ../.build/release/bags --rounds "$rounds" "${folders[@]}"

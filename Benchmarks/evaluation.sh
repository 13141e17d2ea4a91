#!/usr/bin/env bash
# bags evaluate and bags' Python module beside hotcoco, ultrafast-pycocotools, vernier and faster-coco-eval, alternately:
# by COCO's rules on data the size of COCO val, by LVIS's on a tenth of LVIS v1 val and on all of it.
#   Benchmarks/evaluation.sh [ROUNDS] [FOLDER of the data, made where it is not there; default: /tmp/lvis-like]
# SETS names some of coco lvis0.1 lvis: the last takes ten minutes to make, 3 GB of disk and 4 GB of memory.
# PYTHON names an interpreter that has the peers, numpy and pycocotools; without it a virtual environment gets them.
set -euo pipefail
cd "$(dirname "$0")"
rounds=${1:-3}
data=${2:-${TMPDIR:-/tmp}/lvis-like}
if [ -z "${PYTHON:-}" ]; then
  peers=${PEERS:-/tmp/bags-peers}
  [ -x "$peers/bin/python" ] || python3 -m venv "$peers"
  "$peers/bin/pip" install --quiet hotcoco==1.3.0 ultrafast-pycocotools==0.1.14 vernier==0.5.4 \
    faster-coco-eval==1.8.0 numpy pycocotools
  PYTHON=$peers/bin/python
fi
for product in bags BagsEvaluation; do
  swift build --package-path .. -c release --product "$product" 2>&1 | tail -n 1 >&2
done
sets=()
for name in ${SETS:-coco lvis0.1 lvis}; do
  folder=$data/$name
  case $name in coco) options=--coco ;; lvis) options= ;; *) options="--scale ${name#lvis}" ;; esac
  if [ ! -e "$folder/complete" ]; then
    echo "making $folder" >&2
    # shellcheck disable=SC2086
    "$PYTHON" make_lvis_like.py --out "$folder" --segm $options >&2
    touch "$folder/complete"
  fi
  for kind in bbox segm; do sets+=("$([ "$name" = coco ] && echo coco || echo lvis):$kind:$folder"); done
done
"$PYTHON" evaluation.py --bags ../.build/release/bags --rounds "$rounds" --peers \
  "${NAMES:-hotcoco,ultrafast,vernier,faster,module}" "${sets[@]}"

#!/usr/bin/env bash
# Runs the tests of Integrations against the real torch, torchvision and transformers, 20 minutes at most. They are installed
# from PyPI into a virtual environment of its own in the user's cache, where the next run finds them; without Python, or where
# PyPI cannot be reached, the tests are skipped with a word. `Integrations/check.sh` does more: mmdetection, ONNX, types and the
# walk-through.
#
#   Tests/Scripts/integrations.sh      BAGS names a built program, VENV an environment to make or use
set -euo pipefail
cd "$(dirname "$0")/../.."
bags=$(realpath -m "${BAGS:-.build/release/bags}")
venv=${VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/bags/integrations}
packages=(torch torchvision "transformers>=5" scipy safetensors numpy pillow pytest pycocotools)

skip() {
  echo "the integrations' tests are skipped: $1"
  exit 0
}

python3 -c "import venv, ensurepip" 2>/dev/null || skip "there is no Python 3 with venv and pip"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
if ! "$venv/bin/python" -c "import torch, torchvision, transformers, scipy, safetensors, PIL, pytest, pycocotools" 2>/dev/null; then
  place=$(mktemp -d)
  trap 'rm -rf "$place"' EXIT
  timeout 120 "$venv/bin/pip" download --quiet --no-deps --dest "$place" safetensors >/dev/null 2>&1 ||
    skip "PyPI cannot be reached"
  status=0
  timeout 600 "$venv/bin/pip" install --quiet "${packages[@]}" || status=$?
  [ $status -ne 124 ] || skip "PyPI gave no packages within ten minutes"
  [ $status -eq 0 ] || skip "pip ended with status $status, see above"
fi
[ -x "$bags" ] || swift build -c release --product bags
[ -e .build/release/libBagsEvaluation.so ] || swift build -c release --product BagsEvaluation
export BAGS_EVALUATION_LIBRARY=$PWD/.build/release/libBagsEvaluation.so
# The sources are tested as they stand here, not as they may be installed.
cd Integrations/tests
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$PWD/.. BAGS=$bags HF_HUB_OFFLINE=1 timeout 600 "$venv/bin/python" -m pytest --quiet \
  -p no:cacheprovider --ignore=test_checkpoints.py --ignore=test_mmdetection.py --ignore=test_mmdetection_dense.py \
  --ignore=test_pooled.py --ignore=test_onnx.py --ignore=test_onnx_dense.py .

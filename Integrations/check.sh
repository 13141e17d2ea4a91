#!/usr/bin/env bash
# From nothing: builds bags, makes a virtual environment with the real packages, checks types, runs the tests, and runs
# every line of the walk-through in README.md. BAGS names a built program, VENV an environment to make or use: a new one
# takes torch with CUDA from PyPI, gigabytes of it.
set -euo pipefail
cd "$(dirname "$0")"
source=$PWD
export BAGS=${BAGS:-$source/../.build/release/bags}
[ -x "$BAGS" ] || (cd .. && swift build -c release --product bags)
[ -e ../.build/release/libBagsEvaluation.so ] || (cd .. && swift build -c release --product BagsEvaluation)
export BAGS_EVALUATION_LIBRARY=$source/../.build/release/libBagsEvaluation.so
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
# The sources are copied: pip and Python leave files beside them.
cp -r bags_integrations examples tests pyproject.toml README.md "$work"
"$venv/bin/pip" install --quiet "$work[check]"
export PATH="$venv/bin:$(dirname "$BAGS"):$PATH"

cd "$work"
mypy
pytest --quiet

mkdir walk && cd walk
ln -s "$work" Integrations
python Integrations/tests/walk_through.py Integrations/README.md
echo "everything holds"

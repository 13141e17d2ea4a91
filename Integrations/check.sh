#!/usr/bin/env bash
# From nothing: builds bags, makes a virtual environment with the real packages, checks types, runs the tests, and runs
# every line of the walk-through in README.md. BAGS names a built program, VENV an environment to make or use.
set -euo pipefail
cd "$(dirname "$0")"
source=$PWD
export BAGS=${BAGS:-$source/../.build/release/bags}
[ -x "$BAGS" ] || (cd .. && swift build -c release --product bags)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
# The sources are copied: pip and Python leave files beside them.
cp -r bags_integrations examples tests pyproject.toml "$work"
"$venv/bin/pip" install --quiet "$work[check]"
export PATH="$venv/bin:$(dirname "$BAGS"):$PATH"

cd "$work"
mypy
pytest --quiet

# The walk-through: its bash blocks as they stand, its Python blocks one after the other in one session.
mkdir walk && cd walk
ln -s "$work" Integrations
python - "$source/README.md" <<'PYTHON'
import re
import subprocess
import sys

text = open(sys.argv[1], encoding="utf-8").read()
session: dict[str, object] = {}
for language, block in re.findall(r"```(bash|python)\n(.*?)```", text, re.DOTALL):
    print(f"--- {language}\n{block}", flush=True)
    if language == "bash":
        subprocess.run(["bash", "-euo", "pipefail", "-c", block], check=True)
    else:
        exec(compile(block, "README.md", "exec"), session)
PYTHON
echo "everything holds"

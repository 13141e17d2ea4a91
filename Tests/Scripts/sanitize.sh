#!/usr/bin/env bash
# Builds with a sanitizer and runs a short path: the readers' tests of damaged files, and the command from annotations to
# metrics. Anything the sanitizer reports ends it with an error.
#
#   Tests/Scripts/sanitize.sh [address|thread]     address unless given
#
# The thread sanitizer needs kernels for one instruction set alone: the loader picks among several by resolvers that run
# before the sanitizer is ready. BAGS_NO_MULTIVERSION=1 builds them so; this script sets it.
set -euo pipefail
cd "$(dirname "$0")/../.."
sanitizer=${1:-address}
export BAGS_NO_MULTIVERSION=1
export ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}
export TSAN_OPTIONS=halt_on_error=1:${TSAN_OPTIONS:-}
scratch=.build/sanitize-$sanitizer
swift build --scratch-path "$scratch" --sanitize "$sanitizer" --product bags
bags=$PWD/$scratch/debug/bags
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cases=$PWD/Tests/TestSupport/Cases

# Every file that went wrong once: read or refused, never a report.
for folder in "$cases"/*/; do
  for arguments in "group gt.json --output $work/groups.json --overwrite" \
    "evaluate --annotations gt.json --results dt.json --losses --errors --confusion" \
    "evaluate --annotations gt.json --results dt.json --iou-type segm"; do
    status=0
    # shellcheck disable=SC2086
    (cd "$folder" && "$bags" $arguments > "$work/out" 2> "$work/err") || status=$?
    if [ "$status" -gt 1 ] && [ "$status" -ne 64 ] || grep -q "Sanitizer" "$work/err"; then
      echo "sanitize.sh: bags $arguments in $folder: exit status $status" >&2
      cat "$work/err" >&2
      exit 1
    fi
  done
done

# The golden evaluation, masks and boundaries included.
golden=$PWD/Tests/TestSupport/Golden/evaluation
for type in bbox segm boundary; do
  "$bags" evaluate --annotations "$golden/edge_gt.json" --results "$golden/edge_dt_both.json" --iou-type "$type" \
    > "$work/out" 2> "$work/err" || { cat "$work/err" >&2; exit 1; }
done

# A short training, where there are kernels and threads.
(cd "$work" && "$bags" train --epochs 1 --output run > out 2> err) || { cat "$work/err" >&2; exit 1; }
! grep -q "Sanitizer" "$work/err" || { cat "$work/err" >&2; exit 1; }
echo "sanitize.sh: nothing found by the $sanitizer sanitizer"

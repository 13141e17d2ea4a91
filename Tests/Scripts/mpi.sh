#!/usr/bin/env bash
# Builds the program with MPI, and compares what two and three processes come to with what one comes to: trainings,
# detections and metrics are the same bytes, and a training that is interrupted or loses a process goes on with another
# number of them.
#
#   Tests/Scripts/mpi.sh [data folder]     that of a demo's report, Reports/demo/data unless given; a demo makes it otherwise
#
# Open MPI is installed where it is missing; without it and apt-get there is nothing to do.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
data=${1:-Reports/demo/data}
if ! command -v mpirun > /dev/null || ! command -v pgrep > /dev/null || ! pkg-config --exists ompi-c; then
  command -v apt-get > /dev/null || { echo "mpi.sh: skipped: there is neither Open MPI nor apt-get" >&2; exit 0; }
  apt-get update
  apt-get install -y libopenmpi-dev openmpi-bin pkg-config procps
fi
# BAGS names a program that was built with the trait already.
if [ -z "${BAGS:-}" ]; then
  swift build --traits MPI --scratch-path .build/mpi --product bags
  BAGS=.build/mpi/debug/bags
fi
bags=$(realpath "$BAGS")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -d "$data" ] || { "$bags" demo --output "$work/demo" > /dev/null; data=$work/demo/data; }
data=$(cd "$data" && pwd)
cd "$work"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

fail() {
  echo "mpi.sh: $*" >&2
  tail -n 20 "$work"/*.err >&2 || true
  exit 1
}
# ranks COUNT ARGUMENTS...: the program in so many processes on however few processors there are.
ranks() {
  local count=$1
  shift
  mpirun -n "$count" --oversubscribe --mca btl_vader_single_copy_mechanism none "$bags" "$@" 2> "$work/ranks.err"
}
same() { cmp "$1" "$2" || fail "$1 is not $2"; }

inputs=(--features "$data/train" --annotations "$data/annotations_train.json" --threads 1)
train() {
  local name=$1
  shift
  "$bags" train "${inputs[@]}" --shards 16 "$@" --output "one-$name" > /dev/null 2> one.err || fail "one process: $name"
  for count in 2 3; do
    ranks "$count" train "${inputs[@]}" "$@" --output "$name-$count" > "$name-$count.txt" || fail "$count processes: $name"
    same "one-$name/head.safetensors" "$name-$count/head.safetensors"
    grep -q "^$count processes, 16 shards: communication" "$name-$count.txt" || fail "$name: no share of communication"
  done
  echo "mpi.sh: $name: the same head from 1, 2 and 3 processes"
}
short=(--epochs 1 --images-per-batch 64)
train bags "${short[@]}" --method bags
train ghm "${short[@]}" --method ghm
train ohem "${short[@]}" --method softmax --mining ohem
train hidden "${short[@]}" --method bags --hidden 24
ranks 1 train "${inputs[@]}" "${short[@]}" --method bags --output bags-1 > /dev/null || fail "one process of MPI"
same one-bags/head.safetensors bags-1/head.safetensors

# Detections and metrics.
val=(--features "$data/val" --annotations "$data/annotations_val.json" --threads 1)
for name in results.json results.safetensors; do
  "$bags" predict one-bags "${val[@]}" --output "one-$name" > /dev/null 2> one.err || fail "predict"
  for count in 2 3; do
    ranks "$count" predict one-bags "${val[@]}" --output "$count-$name" > /dev/null || fail "predict with $count processes"
    same "one-$name" "$count-$name"
  done
done
scores=(evaluate --annotations "$data/annotations_val.json" --results one-results.json --losses --errors)
"$bags" "${scores[@]}" > one.txt 2> one.err || fail "evaluate"
for count in 2 3; do
  ranks "$count" "${scores[@]}" > "$count.txt" || fail "evaluate with $count processes"
  same one.txt "$count.txt"
done
echo "mpi.sh: the same detections and metrics from 1, 2 and 3 processes"

# An error is said once, and ends all.
if ranks 3 train --features nowhere --annotations nowhere.json > /dev/null; then fail "trained on nothing"; fi
[ "$(grep -c '^Error: ' ranks.err)" = 1 ] || fail "an error of all processes is not said once"

# Interrupted, and gone on with by another number of processes.
long=(--epochs 6 --images-per-batch 16 --checkpoint-interval 0.1)
"$bags" train "${inputs[@]}" "${long[@]}" --shards 16 --output whole > /dev/null 2> one.err || fail "the whole training"
# start NAME COUNT: begins it, and returns when there is a checkpoint.
start() {
  rm -rf "$1" "$1.partial"
  mpirun -n "$2" --oversubscribe --mca btl_vader_single_copy_mechanism none "$bags" train "${inputs[@]}" "${long[@]}" \
    --output "$1" > /dev/null 2> ranks.err &
  started=$!
  for _ in $(seq 600); do
    if [ -e "$1.partial/checkpoint.safetensors" ]; then return; fi
    sleep 0.1
  done
  fail "$1: no checkpoint"
}
start interrupted 3
kill -INT "$started"
if wait "$started"; then fail "an interrupted training ended as if it were done"; fi
[ "$(grep -c '^Error: ' ranks.err)" -le 1 ] || fail "an interruption is said by several processes"
ranks 2 train --resume interrupted > /dev/null || fail "resuming with 2 processes"
same whole/head.safetensors interrupted/head.safetensors
start lost 2
kill -KILL "$(pgrep -P "$started" | tail -n 1)"
if wait "$started"; then fail "a training that lost a process ended as if it were done"; fi
[ "$(grep -c '^Error: ' ranks.err)" -le 1 ] || fail "a lost process is said by several"
ranks 3 train --resume lost > /dev/null || fail "resuming with 3 processes"
same whole/head.safetensors lost/head.safetensors
echo "mpi.sh: a training that was interrupted or lost a process goes on with another number of them, to the same head"

# A program without MPI says so instead of doing the same work several times.
plain=$root/.build/release/bags
if [ -x "$plain" ]; then
  if mpirun -n 3 --oversubscribe "$plain" train > /dev/null 2> ranks.err; then fail "a program without MPI trained"; fi
  [ "$(grep -c '^Error: 3 processes were started together' ranks.err)" = 1 ] || fail "a program without MPI does not say so"
  [ ! -e runs ] || fail "a program without MPI trained"
fi
echo "mpi.sh: passed"

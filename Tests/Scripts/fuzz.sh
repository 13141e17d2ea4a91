#!/usr/bin/env bash
# Fuzzes the reader of records (Sources/CSimdJSON) with libFuzzer and the address and undefined-behaviour sanitizers.
#
#   Tests/Scripts/fuzz.sh [seconds]      60 unless given, for each of two builds
#
# CXX names a clang++ that has libFuzzer: the Swift toolchain's or Debian's (clang, libclang-rt-dev). What it finds is
# written to .build/fuzz/crash-…; the inputs worth keeping stay in .build/fuzz/corpus for the next run.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
swift=$(readlink -f "$(command -v swift 2>/dev/null)" 2>/dev/null || true)
cxx=${CXX:-}
for candidate in "${swift%/*}/clang++" clang++ clang++-{20,19,18,17,16,15,14}; do
  [ -n "$cxx" ] && break
  command -v "$candidate" > /dev/null 2>&1 || continue
  if echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char *, unsigned long) { return 0; }' |
    "$candidate" -fsanitize=fuzzer,address -x c++ - -o /dev/null 2> /dev/null; then
    cxx=$candidate
  fi
done
[ -n "$cxx" ] || { echo "fuzz.sh: no clang++ with libFuzzer; apt-get install clang libclang-rt-dev" >&2; exit 1; }

folder=.build/fuzz
mkdir -p "$folder/corpus"
# The reader as it is here, and as it is on processors without AVX2.
build() {
  "$cxx" -std=c++17 -O1 -g -DNDEBUG -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined "${@:2}" \
    -ISources/CSimdJSON/include -ISources/CSimdJSON Tests/Fuzzing/ReaderFuzzer.cpp Sources/CSimdJSON/*.cpp -lsimdjson \
    -o "$folder/$1"
}
build reader
build plain-reader -DCSIMDJSON_NO_WIDE

# One seed for each kind of record; the first byte is the kind and the options.
seed() { printf '%s' "$2" > "$folder/corpus/$1"; }
seed images $'\x04{"id": 1, "width": 640, "height": 480, "file_name": "a.jpg", "neg_category_ids": [1, 2], "not_exhaustive_category_ids": []}'
seed categories $'\x05{"id": 14695981039346656037, "name": 3, "frequency": "r", "instance_count": 7, "image_count": 2}'
seed annotations $'\x06{"id": 1, "image_id": 2, "category_id": 3, "bbox": [1, 2.5, 3, 4e0], "area": 5, "iscrowd": 0, "segmentation": [[1, 2, 3, 4, 5, 6]]}'
seed crowd $'\x06{"image_id": 2, "category_id": 3, "bbox": [], "iscrowd": true, "segmentation": {"size": [3, 4], "counts": [5, 7]}}'
seed detections $'\x07{"image_id": 2, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.25}, {"image_id": 2, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 1e-3}'
seed masks $'\x07{"image_id": 2, "category_id": 3, "score": 0.5, "segmentation": {"size": [3, 4], "counts": "5\\\\7"}}'
seed keys $'\x07{"image\\u005fid": 2, "category_id": 3, "score": 0.5, "bbox": [0, 0, 1, 1], "x": {"a": ["},{", null, true]}}'

for reader in reader plain-reader; do
  "$folder/$reader" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$folder/" "$folder/corpus"
done
echo "fuzz.sh: nothing found in twice $seconds s"

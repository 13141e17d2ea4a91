#!/usr/bin/env bash
# Trains with MPI over TCP, each process in a network namespace of its own on this machine, as if they were machines that
# share a disk. Times the training with 1, 2 and more processes, and checks that all heads are the same.
#
#   Benchmarks/mpi-namespaces.sh BAGS [COUNTS] [TRAIN OPTIONS…]     BAGS: a program built with --traits MPI
#   RATE=1gbit Benchmarks/mpi-namespaces.sh .build/release/bags "1 2" --images-per-batch 256
#
# RATE is what each node's link carries each way (tc's token bucket). As root, with iproute2 and Open MPI; no packet leaves
# the namespaces.
set -euo pipefail
bags=$(realpath "$1")
counts=${2:-"1 2"}
shift $(($# > 1 ? 2 : 1))
most=$(printf '%s\n' $counts | sort -n | tail -n 1)
work=$(mktemp -d)
prefix=bags$$
cleanup() {
  for node in $(seq "$most"); do ip netns delete "$prefix-$node" 2> /dev/null || true; done
  ip netns delete "$prefix-switch" 2> /dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

# A bridge in a namespace of its own, and a cable from it to each node.
ip netns add "$prefix-switch"
ip -n "$prefix-switch" link add bridge type bridge
ip -n "$prefix-switch" link set bridge up
for node in $(seq "$most"); do
  ip netns add "$prefix-$node"
  ip -n "$prefix-$node" link add eth0 type veth peer name "port$node" netns "$prefix-switch"
  ip -n "$prefix-$node" address add "10.77.0.$node/24" dev eth0
  ip -n "$prefix-$node" link set lo up
  ip -n "$prefix-$node" link set eth0 up
  ip -n "$prefix-switch" link set "port$node" master bridge up
  if [ -n "${RATE:-}" ]; then
    ip netns exec "$prefix-$node" tc qdisc add dev eth0 root tbf rate "$RATE" burst 1mb latency 50ms
  fi
done

# What mpirun starts its daemons with: in the place of ssh ADDRESS COMMAND, the command in the namespace of the address, which
# has a host name of its own.
cat > "$work/agent" <<AGENT
#!/usr/bin/env bash
while [ "\${1#-}" != "\$1" ]; do shift; done
node=\${1##*.}
shift
exec ip netns exec "$prefix-\$node" unshare --uts bash -c "hostname node\$node; \$*"
AGENT
chmod +x "$work/agent"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

for count in $counts; do
  hosts=$(for node in $(seq "$count"); do printf '10.77.0.%s:1,' "$node"; done)
  start=$(date +%s.%N)
  "$work/agent" 10.77.0.1 cd "$PWD" '&&' mpirun -n "$count" --host "${hosts%,}" \
    --mca plm_rsh_agent "$work/agent" --mca btl tcp,self --mca pml ob1 --mca btl_tcp_if_include 10.77.0.0/24 \
    --mca oob_tcp_if_include 10.77.0.0/24 --mca orte_keep_fqdn_hostnames 1 -x OMPI_ALLOW_RUN_AS_ROOT \
    -x OMPI_ALLOW_RUN_AS_ROOT_CONFIRM --bind-to none \
    "$bags" train --threads 1 "$@" --output "$work/run-$count" 2> "$work/error" || { cat "$work/error" >&2; exit 1; }
  echo "$count processes: $(echo "$(date +%s.%N) $start" | awk '{ printf "%.1f", $1 - $2 }') s with starting and ending"
done
set -- $counts
for count in "$@"; do
  cmp "$work/run-$1/head.safetensors" "$work/run-$count/head.safetensors"
done
echo "the same head, byte for byte, from $counts processes"

"""The tables of threads.sh: reads its lines `what threads rois {…}`, and takes the best of the rounds."""
import json
import sys

rounds = {}
for line in sys.stdin:
    what, threads, rois, values = line.split(" ", 3)
    rounds.setdefault((what, int(threads), int(rois)), []).append(json.loads(values))
counts = sorted({threads for _, threads, _ in rounds})


def best(what, threads, rois):
    """The fastest of the rounds; None where it was not measured."""
    found = rounds.get((what, threads, rois), [])
    return min(found, key=lambda values: values["milliseconds"]) if found else None


def sgemm(threads):
    return max(values["sgemm_own_gflops"] for values in rounds[("sgemm", threads, 0)])


print("| RoIs | threads | ms a step | RoIs/s | × one thread | SGEMM, GFLOP/s | × one thread | share of its scaling "
      "| PyTorch, RoIs/s | bags ÷ PyTorch |")
print("|---|---|---|---|---|---|---|---|---|---|")
for rois in (1024, 8192):
    alone = best("bags", counts[0], rois)["rois_per_second"]
    for threads in counts:
        step, peer = best("bags", threads, rois), best("torch", threads, rois)
        gain, bound = step["rois_per_second"] / alone, sgemm(threads) / sgemm(counts[0])
        print("| {:,} | {} | {:.2f} | {:,.0f} | {:.2f} | {:.0f} | {:.2f} | {:.0f} % | {} | {} |".format(
            rois, threads, step["milliseconds"], step["rois_per_second"], gain, sgemm(threads), bound,
            100 * gain / bound, "{:,.0f}".format(peer["rois_per_second"]) if peer else "–",
            "{:.1f}".format(step["rois_per_second"] / peer["rois_per_second"]) if peer else "–"))

# By Amdahl's law, from one thread and n: t(n) / t(1) = s + (1 − s) / n.
print("\n| RoIs | part | " + " | ".join(f"{threads} threads, ms" for threads in counts) + " | serial share |")
print("|---|---|" + "---|" * (len(counts) + 1))
for rois in (1024, 8192):
    for part in best("bags", counts[0], rois)["parts"]:
        times = [best("bags", threads, rois)["parts"][part] for threads in counts]
        ratio, most = counts[-1] / counts[0], times[-1] / times[0] if times[0] > 0 else 1
        serial = (most - 1 / ratio) / (1 - 1 / ratio) if ratio > 1 else 0
        print("| {:,} | {} | {} | {:.0f} % |".format(
            rois, part, " | ".join(f"{time:.3f}" for time in times), 100 * max(0, serial)))

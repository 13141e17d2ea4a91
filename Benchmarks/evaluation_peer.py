"""One evaluation by a peer: prints its metrics, and the wall and CPU seconds it took without Python's own start.

evaluation_peer.py PEER lvis|coco ANNOTATIONS RESULTS bbox|segm; PEER is hotcoco, ultrafast, vernier or faster, or
module, which is bags' own Python module.
"""

import io
import contextlib
import json
import sys
import time
from pathlib import Path

COCO_NAMES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR@1", "AR@10", "AR@100", "ARs@100", "ARm@100", "ARl@100"]
LVIS_NAMES = [
    "AP", "AP50", "AP75", "APs", "APm", "APl", "APr", "APc", "APf", "AR@300", "ARs@300", "ARm@300", "ARl@300"]


def named(stats, names):
    return {name: float(value) for name, value in zip(names, stats)}


def hotcoco(is_lvis, annotations, results, iou_type):
    import hotcoco as peer
    yield
    if is_lvis:
        truth = peer.LVIS(annotations)
        evaluation = peer.LVISeval(truth, peer.LVISResults(truth, results, max_dets=300), iou_type)
    else:
        truth = peer.COCO(annotations)
        evaluation = peer.COCOeval(truth, truth.load_res(results), iou_type)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    yield dict(evaluation.get_results()) if is_lvis else named(evaluation.stats, COCO_NAMES)


def ultrafast(is_lvis, annotations, results, iou_type):
    import ultrafast_pycocotools as peer
    yield
    truth = peer.COCO(annotations)
    evaluation = peer.COCOeval(truth, truth.loadRes(results), iou_type, lvis_style=is_lvis)
    evaluation.run()
    yield named(evaluation.stats, LVIS_NAMES if is_lvis else COCO_NAMES)


def vernier(is_lvis, annotations, results, iou_type):
    from vernier.instance import Bbox, CocoDataset, Evaluator, Segm
    yield
    read = CocoDataset.from_lvis_json if is_lvis else CocoDataset.from_json
    truth = read(Path(annotations).read_bytes())
    evaluator = Evaluator(
        iou=Bbox() if iou_type == "bbox" else Segm(), parity_mode="strict", max_dets=(300,) if is_lvis else None)
    summary = evaluator.evaluate(truth, Path(results).read_bytes(), num_threads=2)
    yield named(summary.stats, LVIS_NAMES if is_lvis else COCO_NAMES)


def faster(is_lvis, annotations, results, iou_type):
    import faster_coco_eval as peer
    yield
    truth = peer.COCO(annotations)
    evaluation = peer.COCOeval_faster(truth, truth.loadRes(results), iou_type, lvis_style=is_lvis)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    yield named(evaluation.stats, LVIS_NAMES if is_lvis else COCO_NAMES)


def module(is_lvis, annotations, results, iou_type):
    import os
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Integrations"))
    import bags_integrations.evaluation as peer
    peer.library.library()
    yield
    if is_lvis:
        evaluation = peer.LVISEval(annotations, results, iou_type)
        evaluation.run()
        yield dict(evaluation.results)
    truth = peer.COCO(annotations)
    evaluation = peer.COCOeval(truth, truth.loadRes(results), iou_type)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    yield named(evaluation.stats, COCO_NAMES)


def main():
    name, protocol, annotations, results, iou_type = sys.argv[1:6]
    steps = globals()[name](protocol == "lvis", annotations, results, iou_type)
    with contextlib.redirect_stdout(io.StringIO()):
        next(steps)
        start, cpu = time.perf_counter(), time.process_time()
        metrics = next(steps)
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    print("\n" + json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "metrics": metrics}))


if __name__ == "__main__":
    main()

"""One evaluation by hotcoco: prints its metrics and the seconds it took, without Python's own start."""

import json
import sys
import time

import hotcoco

annotations, results, iou_type = sys.argv[1:4]
start = time.perf_counter()
truth = hotcoco.LVIS(annotations)
detections = hotcoco.LVISResults(truth, results, max_dets=300)
evaluation = hotcoco.LVISeval(truth, detections, iou_type)
evaluation.evaluate()
evaluation.accumulate()
evaluation.summarize()
seconds = time.perf_counter() - start
print("\n" + json.dumps({"seconds": seconds, "metrics": evaluation.get_results()}))

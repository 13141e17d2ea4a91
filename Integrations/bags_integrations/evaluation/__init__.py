"""Scoring by LVIS's and COCO's rules: the interfaces of lvis-api and pycocotools over bags' own library.

    from bags_integrations.evaluation import COCO, COCOeval, LVIS, LVISEval, DetectionMetric

Numbers are those of lvis-api and pycocotools, to 1e-12. Numpy arrays go into the library as they are, and files are read
by it: no JSON is written, and none is read by Python. The library is `libBagsEvaluation`, which
`swift build -c release --product BagsEvaluation` makes; BAGS_EVALUATION_LIBRARY names it where it stands elsewhere than
beside this package's sources or the program `bags`.
"""

from .coco import COCO, COCOeval
from .library import EvaluationError
from .lvis import LVIS, LVISEval, LVISResults
from .metric import DetectionMetric

__all__ = ["COCO", "COCOeval", "DetectionMetric", "EvaluationError", "LVIS", "LVISEval", "LVISResults"]

"""Out of a detector and back into it: features for `bags train`, heads for inference.

One module for each framework: `torchvision_detector`, `detectron2_detector`, `mmdetection_detector`. What they share
stands in `features` (feature sets), `annotations` (labels), `export` (the loop over a data set) and `heads` (head files
and their scores).
"""

// Whoever evaluates reads ground truth and detections too: one import for both.
@_exported import LVISDatasets

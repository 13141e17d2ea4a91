// Whoever evaluates reads ground truth and detections too, and catches what reading throws: one import for all.
@_exported import DurableFiles
@_exported import LVISDatasets

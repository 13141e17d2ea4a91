// Whoever evaluates reads ground truth and detections too, and catches what reading throws: one import for all.
@_exported import struct DurableFiles.FileError
@_exported import LVISDatasets

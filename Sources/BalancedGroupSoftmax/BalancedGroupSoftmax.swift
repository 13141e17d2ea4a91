// One import for the whole library.
@_exported import Charts
@_exported import Communication
@_exported import DataChecks
@_exported import DenseLinearAlgebra
@_exported import DetectionHeads
@_exported import protocol DurableFiles.CodedError
@_exported import struct DurableFiles.FileError
@_exported import FeatureSets
@_exported import HeadInference
@_exported import HeadLosses
@_exported import HeadTraining
@_exported import LVISDatasets
@_exported import LVISEvaluation
@_exported import MethodComparison
@_exported import Reporting
@_exported import SyntheticData
@_exported import TensorFiles
@_exported import TrainingRuns

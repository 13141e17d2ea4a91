// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "bags",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "BalancedGroupSoftmax", targets: ["BalancedGroupSoftmax"]),
    .library(name: "LVISEvaluation", targets: ["LVISEvaluation"]),
    // Evaluation for C and what calls C, such as Python: CBagsEvaluation's header.
    .library(name: "BagsEvaluation", type: .dynamic, targets: ["EvaluationInterface"]),
    // Apart, so that who exports nothing builds no SwiftProtobuf.
    .library(name: "ModelExport", targets: ["ModelExport"]),
    .executable(name: "bags", targets: ["bags"]),
  ],
  traits: [
    .trait(name: "MPI", description: "Several processes train, predict and evaluate together (libopenmpi-dev).")
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-numerics", from: "1.1.1"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  targets: [
    // C libraries.
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas",
      providers: [.apt(["libopenblas-dev"]), .brew(["openblas"])]),
    // NDEBUG: simdjson's own assertions would end the process on malformed input in a debug build.
    .target(name: "CSimdJSON", cxxSettings: [.define("NDEBUG")], linkerSettings: [.linkedLibrary("simdjson")]),
    // BAGS_NO_MULTIVERSION=1 in the environment: kernels for one instruction set, for the sanitizers.
    .target(
      name: "CVectorKernels",
      cSettings: Context.environment["BAGS_NO_MULTIVERSION"] == nil ? [] : [.define("BAGS_NO_MULTIVERSION")]),

    // For .gz files. Swift's own toolchain needs the same package on Linux, so that it is there already.
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),

    .target(name: "CSignals"),
    .systemLibrary(name: "CMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"]), .brew(["open-mpi"])]),
    .target(name: "CBagsEvaluation"),

    // The library, lowest module first: nothing imports upwards, and evaluation never imports training.
    .target(name: "DurableFiles", dependencies: ["CSignals", "CZlib"]),
    .target(
      name: "DenseLinearAlgebra",
      dependencies: [
        "COpenBLAS", "CVectorKernels", .product(name: "RealModule", package: "swift-numerics"),
      ]),
    .target(name: "Communication", dependencies: [.target(name: "CMPI", condition: .when(traits: ["MPI"]))]),
    .target(name: "TensorFiles", dependencies: ["CVectorKernels", "DurableFiles"]),
    .target(name: "LVISDatasets", dependencies: ["CSimdJSON", "DurableFiles", "TensorFiles"]),
    .target(
      name: "FeatureSets",
      dependencies: [
        "CVectorKernels", "DenseLinearAlgebra", "DurableFiles", "LVISDatasets", "TensorFiles",
      ]),
    .target(
      name: "DetectionHeads",
      dependencies: [
        "CVectorKernels", "DenseLinearAlgebra", "DurableFiles", "LVISDatasets", "TensorFiles",
        .product(name: "RealModule", package: "swift-numerics"),
      ]),
    .target(
      name: "HeadLosses",
      dependencies: [
        "CVectorKernels", "DenseLinearAlgebra", "DetectionHeads", "DurableFiles", "FeatureSets", "LVISDatasets",
        .product(name: "RealModule", package: "swift-numerics"),
      ]),
    .target(
      name: "HeadInference",
      dependencies: [
        "CVectorKernels", "DenseLinearAlgebra", "DetectionHeads", "FeatureSets", "LVISDatasets",
      ]),
    .target(
      name: "HeadTraining",
      dependencies: [
        "CVectorKernels", "Communication", "DenseLinearAlgebra", "DetectionHeads", "DurableFiles", "FeatureSets",
        "HeadLosses", "LVISDatasets", "TensorFiles", .product(name: "RealModule", package: "swift-numerics"),
      ]),
    .target(
      name: "TrainingRuns",
      dependencies: [
        "DenseLinearAlgebra", "DetectionHeads", "DurableFiles", "FeatureSets", "HeadLosses", "HeadTraining",
        "LVISDatasets",
      ]),
    .target(
      name: "LVISEvaluation", dependencies: ["CVectorKernels", "Communication", "DurableFiles", "LVISDatasets"]),
    .target(name: "EvaluationInterface", dependencies: ["CBagsEvaluation", "LVISDatasets", "LVISEvaluation"]),
    .target(
      name: "DataChecks",
      dependencies: [
        "DetectionHeads", "DurableFiles", "FeatureSets", "HeadInference", "LVISDatasets", "LVISEvaluation",
        "TensorFiles",
      ]),
    .target(
      name: "MethodComparison",
      dependencies: [
        "DenseLinearAlgebra", "DetectionHeads", "DurableFiles", "FeatureSets", "HeadInference", "HeadLosses",
        "HeadTraining", "LVISDatasets", "LVISEvaluation", "TensorFiles", "TrainingRuns",
      ]),
    .target(name: "Charts", dependencies: ["DurableFiles"]),
    .target(
      name: "Reporting",
      dependencies: [
        "Charts", "DetectionHeads", "DurableFiles", "HeadLosses", "HeadTraining", "LVISDatasets", "LVISEvaluation",
        "MethodComparison", "TrainingRuns",
      ]),
    .target(
      name: "SyntheticData",
      dependencies: [
        "DenseLinearAlgebra", "DurableFiles", "FeatureSets", "LVISDatasets",
        .product(name: "RealModule", package: "swift-numerics"),
      ]),
    .target(
      name: "ModelExport",
      dependencies: [
        "CVectorKernels", "DenseLinearAlgebra", "DetectionHeads", "DurableFiles", "HeadTraining", "LVISDatasets",
        "TensorFiles", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      exclude: ["ONNX/onnx.proto", "TensorBoard/event.proto"]),
    .target(
      name: "BalancedGroupSoftmax",
      dependencies: [
        "Charts", "Communication", "DataChecks", "DenseLinearAlgebra", "DetectionHeads", "DurableFiles", "FeatureSets",
        "HeadInference", "HeadLosses", "HeadTraining", "LVISDatasets", "LVISEvaluation", "MethodComparison",
        "Reporting", "SyntheticData", "TensorFiles", "TrainingRuns",
      ]),

    // The command.
    .executableTarget(
      name: "bags",
      dependencies: [
        "BalancedGroupSoftmax", "CSignals", "Communication", "DurableFiles", "ModelExport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"), "Yams",
      ]),

    // Tests mirror the modules; `TestSupport` holds what they share.
    .target(
      name: "TestSupport",
      dependencies: [
        "Communication", "DenseLinearAlgebra", "DetectionHeads", "FeatureSets", "HeadLosses", "LVISDatasets",
        "SyntheticData", "TensorFiles",
      ],
      path: "Tests/TestSupport", resources: [.copy("Golden"), .copy("Cases")]),
    .testTarget(name: "PackageTests"),
    .testTarget(name: "DurableFilesTests", dependencies: ["DurableFiles", "TestSupport"]),
    .testTarget(
      name: "DenseLinearAlgebraTests", dependencies: ["CVectorKernels", "DenseLinearAlgebra", "TestSupport"]),
    .testTarget(
      name: "TensorFilesTests",
      dependencies: [
        "CVectorKernels", "DurableFiles", "TensorFiles", "TestSupport",
      ]),
    .testTarget(
      name: "LVISDatasetsTests",
      dependencies: [
        "DenseLinearAlgebra", "DurableFiles", "LVISDatasets", "TensorFiles", "TestSupport",
      ]),
    .testTarget(
      name: "FeatureSetsTests",
      dependencies: [
        "DenseLinearAlgebra", "DurableFiles", "FeatureSets", "LVISDatasets", "TensorFiles", "TestSupport",
      ]),
    .testTarget(
      name: "DetectionHeadsTests",
      dependencies: [
        "DenseLinearAlgebra", "DetectionHeads", "LVISDatasets", "TensorFiles", "TestSupport",
      ]),
    .testTarget(
      name: "HeadLossesTests",
      dependencies: [
        "DenseLinearAlgebra", "DetectionHeads", "FeatureSets", "HeadLosses", "HeadTraining", "LVISDatasets",
        "TestSupport",
      ]),
    .testTarget(
      name: "HeadInferenceTests",
      dependencies: [
        "DenseLinearAlgebra", "DetectionHeads", "FeatureSets", "HeadInference", "LVISDatasets", "TensorFiles",
        "TestSupport",
      ]),
    .testTarget(
      name: "HeadTrainingTests",
      dependencies: [
        "Communication", "DenseLinearAlgebra", "DetectionHeads", "DurableFiles", "FeatureSets", "HeadInference",
        "HeadLosses", "HeadTraining", "LVISDatasets", "SyntheticData", "TensorFiles", "TestSupport",
      ]),
    .testTarget(
      name: "TrainingRunsTests",
      dependencies: [
        "DenseLinearAlgebra", "DetectionHeads", "DurableFiles", "FeatureSets", "HeadLosses", "HeadTraining",
        "LVISDatasets", "TestSupport", "TrainingRuns",
      ]),
    .testTarget(
      name: "LVISEvaluationTests",
      dependencies: [
        "DurableFiles", "LVISDatasets", "LVISEvaluation", "Reporting", "TestSupport",
      ]),
    .testTarget(
      name: "EvaluationInterfaceTests",
      dependencies: ["CBagsEvaluation", "EvaluationInterface", "LVISDatasets", "LVISEvaluation", "TestSupport"]),
    .testTarget(
      name: "DataChecksTests",
      dependencies: [
        "DataChecks", "DenseLinearAlgebra", "DetectionHeads", "FeatureSets", "HeadInference", "LVISDatasets",
        "TensorFiles", "TestSupport",
      ]),
    .testTarget(
      name: "MethodComparisonTests",
      dependencies: [
        "DenseLinearAlgebra", "DetectionHeads", "FeatureSets", "HeadLosses", "HeadTraining", "LVISDatasets",
        "MethodComparison", "SyntheticData", "TestSupport", "TrainingRuns",
      ]),
    .testTarget(name: "ChartsTests", dependencies: ["Charts", "TestSupport"]),
    .testTarget(
      name: "ReportingTests",
      dependencies: [
        "Charts", "DenseLinearAlgebra", "DetectionHeads", "HeadLosses", "HeadTraining", "LVISDatasets",
        "LVISEvaluation", "MethodComparison", "Reporting", "TestSupport", "TrainingRuns",
      ]),
    .testTarget(
      name: "SyntheticDataTests",
      dependencies: [
        "FeatureSets", "LVISDatasets", "SyntheticData", "TestSupport",
      ]),
    .testTarget(
      name: "ModelExportTests",
      dependencies: [
        "DenseLinearAlgebra", "DetectionHeads", "DurableFiles", "HeadTraining", "LVISDatasets", "ModelExport",
        "TensorFiles", "TestSupport", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    .testTarget(
      name: "BagsCommandTests", dependencies: ["bags", "BalancedGroupSoftmax", "DurableFiles", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)

// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "bags",
  platforms: [.macOS(.v15)],
  products: [
    .library(
      name: "BalancedGroupSoftmax",
      targets: [
        "DenseLinearAlgebra", "TensorFiles", "LVISDatasets", "DetectionHeads", "LVISEvaluation", "MethodComparison",
        "Reporting", "ModelExport",
      ]),
    .executable(name: "bags", targets: ["bags"]),
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

    // The library, lowest module first: nothing imports upwards, and evaluation never imports training.
    .target(name: "DurableFiles"),
    .target(
      name: "DenseLinearAlgebra",
      dependencies: ["COpenBLAS", "CVectorKernels", .product(name: "RealModule", package: "swift-numerics")]),
    .target(name: "TensorFiles", dependencies: ["CVectorKernels", "DurableFiles"]),
    .target(name: "LVISDatasets", dependencies: ["CSimdJSON", "DurableFiles"]),
    .target(
      name: "DetectionHeads",
      dependencies: [
        "DenseLinearAlgebra", "CVectorKernels", "TensorFiles", "LVISDatasets", "DurableFiles",
        .product(name: "RealModule", package: "swift-numerics"),
      ]),
    .target(name: "LVISEvaluation", dependencies: ["LVISDatasets"]),
    .target(
      name: "MethodComparison",
      dependencies: ["DenseLinearAlgebra", "LVISDatasets", "DetectionHeads", "LVISEvaluation", "DurableFiles"]),
    .target(
      name: "Reporting",
      dependencies: ["MethodComparison", "DetectionHeads", "LVISEvaluation", "LVISDatasets", "DurableFiles"]),
    .target(
      name: "ModelExport",
      dependencies: [
        "DetectionHeads", "DenseLinearAlgebra", "TensorFiles", "CVectorKernels", "DurableFiles",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      exclude: ["ONNX/onnx.proto", "TensorBoard/event.proto"]),

    // The command.
    .executableTarget(
      name: "bags",
      dependencies: [
        "DenseLinearAlgebra", "TensorFiles", "LVISDatasets", "DetectionHeads", "LVISEvaluation", "MethodComparison",
        "Reporting", "ModelExport", "DurableFiles",
        .product(name: "ArgumentParser", package: "swift-argument-parser"), "Yams",
      ]),

    // Tests mirror the modules; `TestSupport` holds what they share.
    .target(name: "TestSupport", path: "Tests/TestSupport", resources: [.copy("Golden"), .copy("Cases")]),
    .testTarget(name: "DurableFilesTests", dependencies: ["DurableFiles", "TestSupport"]),
    .testTarget(name: "DenseLinearAlgebraTests", dependencies: ["DenseLinearAlgebra", "TestSupport"]),
    .testTarget(
      name: "TensorFilesTests", dependencies: ["TensorFiles", "CVectorKernels", "DurableFiles", "TestSupport"]),
    .testTarget(name: "LVISDatasetsTests", dependencies: ["LVISDatasets", "TestSupport"]),
    .testTarget(name: "DetectionHeadsTests", dependencies: ["DetectionHeads", "TestSupport"]),
    .testTarget(name: "LVISEvaluationTests", dependencies: ["LVISEvaluation", "TestSupport"]),
    .testTarget(
      name: "MethodComparisonTests",
      dependencies: [
        "MethodComparison", "DenseLinearAlgebra", "DetectionHeads", "LVISDatasets", "LVISEvaluation", "TestSupport",
      ]),
    .testTarget(
      name: "ReportingTests",
      dependencies: ["Reporting", "MethodComparison", "DetectionHeads", "DenseLinearAlgebra", "TestSupport"]),
    .testTarget(
      name: "ModelExportTests",
      dependencies: [
        "ModelExport", "DetectionHeads", "DenseLinearAlgebra", "TensorFiles", "DurableFiles", "TestSupport",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    .testTarget(
      name: "BagsCommandTests",
      dependencies: [
        "bags", "DetectionHeads", "DenseLinearAlgebra", "DurableFiles", "LVISDatasets", "TensorFiles", "TestSupport",
      ]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)

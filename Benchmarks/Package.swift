// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "bags-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "bags", path: ".."),
    // Without its traits: they count allocations by replacing the allocator, which needs packages that are not asked for.
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
  ],
  targets: [
    .executableTarget(
      name: "training-step",
      dependencies: [.product(name: "BalancedGroupSoftmax", package: "bags")]),
    .executableTarget(
      name: "dense-step",
      dependencies: [.product(name: "BalancedGroupSoftmax", package: "bags")]),
    .executableTarget(
      name: "roofline",
      dependencies: [.product(name: "BalancedGroupSoftmax", package: "bags")]),
    .executableTarget(
      name: "read-results",
      dependencies: [.product(name: "BalancedGroupSoftmax", package: "bags")]),
    .executableTarget(
      name: "Kernels",
      dependencies: [
        .product(name: "BalancedGroupSoftmax", package: "bags"), .product(name: "Benchmark", package: "benchmark"),
      ],
      path: "Benchmarks/Kernels",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
    .executableTarget(
      name: "inference",
      dependencies: [.product(name: "BalancedGroupSoftmax", package: "bags")]),
  ]
)

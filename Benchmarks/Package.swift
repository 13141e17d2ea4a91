// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "bags-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "bags", path: "..")
  ],
  targets: [
    .executableTarget(
      name: "training-step",
      dependencies: [.product(name: "BalancedGroupSoftmax", package: "bags")]),
    .executableTarget(
      name: "roofline",
      dependencies: [.product(name: "BalancedGroupSoftmax", package: "bags")]),
    .executableTarget(
      name: "inference",
      dependencies: [.product(name: "BalancedGroupSoftmax", package: "bags")]),
  ]
)

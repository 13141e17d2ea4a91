// swift-tools-version: 6.1
import PackageDescription

// A package that uses the library from outside: the code of the guides and of the README, which
// Tests/Scripts/library-package.sh extracts, and a program that runs it.
let package = Package(
  name: "library-package",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "bags", path: "../..")
  ],
  targets: [
    .target(name: "Guides", dependencies: [.product(name: "BalancedGroupSoftmax", package: "bags")]),
    // Whoever only evaluates imports one product alone.
    .target(name: "EvaluationAlone", dependencies: [.product(name: "LVISEvaluation", package: "bags")]),
    .executableTarget(
      name: "library-package",
      dependencies: ["EvaluationAlone", "Guides", .product(name: "BalancedGroupSoftmax", package: "bags")]),
  ],
  swiftLanguageModes: [.v6]
)

/// What the program calls itself where it leaves its name: in runs, reports and models.
enum Program {
  static let version = "0.1.0"
  static let name = "bags \(version)"
}

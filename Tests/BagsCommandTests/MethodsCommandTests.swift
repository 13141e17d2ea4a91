import DetectionHeads
import Foundation
import TestSupport
import Testing

@Suite struct MethodsCommandTests {
  @Test func listsEveryMethodWithItsOptions() throws {
    let run = try runBags(["methods"])
    #expect(run.status == 0 && run.error.isEmpty)
    for method in TrainingMethod.all {
      #expect(run.output.contains("\n\(method.name) "), "\(method.name)")
      #expect(run.output.contains(method.summary))
      for parameter in method.parameters { #expect(run.output.contains("--\(parameter.name) ")) }
    }
    #expect(run.output.contains("A-Fast-RCNN") && run.output.contains("7 x 7"))
  }

  @Test func describesOne() throws {
    let run = try runBags(["methods", "focal"])
    #expect(run.status == 0)
    #expect(run.output.hasPrefix("focal: ") && run.output.contains("Lin et al., ICCV 2017"))
    #expect(run.output.contains("--gamma") && run.output.contains("a number from 0 to 20"))
    let plain = try runBags(["methods", "softmax"])
    #expect(plain.output.contains("It has no options of its own."))
    #expect(try runBags(["methods", "disalign"]).output.contains("--init"))
  }

  @Test func printsJSON() throws {
    struct List: Decodable {
      struct Parameter: Decodable {
        var name: String
        var `default`: String
      }
      struct Method: Decodable {
        var name: String
        var source: String
        var parameters: [Parameter]
      }
      struct Unavailable: Decodable { var name: String }
      var methods: [Method]
      var unavailable: [Unavailable]?
    }
    let all = try JSONDecoder().decode(List.self, from: Data(try runBags(["methods", "--format", "json"]).output.utf8))
    #expect(all.methods.map(\.name) == TrainingMethod.all.map(\.name) && all.unavailable?.isEmpty == false)
    let one = try JSONDecoder().decode(
      List.self, from: Data(try runBags(["methods", "eqlv2", "--format", "json"]).output.utf8))
    #expect(one.methods.map(\.name) == ["eqlv2"])
    #expect(one.methods.first?.parameters.map(\.default) == ["12", "0.8", "4", "0.5"])
  }

  @Test func suggestsANameForAMistypedOne() throws {
    let run = try runBags(["methods", "focl"])
    #expect(run.status == 64 && run.error.contains("did you mean focal?") && run.output.isEmpty)
  }
}

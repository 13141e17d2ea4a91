import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

@Suite struct MethodsCommandTests {
  private let kinds: [(key: String, methods: [any NamedMethod])] = [
    ("methods", TrainingMethod.all), ("samplers", ImageSamplingMethod.all), ("mining", RoIMiningMethod.all),
    ("box_losses", BoxLossMethod.all), ("adversaries", AdversaryMethod.all), ("calibrations", CalibrationMethod.all),
  ]

  @Test func listsEveryMethodWithItsPaperAndItsOptions() throws {
    let run = try runBags(["methods"])
    #expect(run.status == 0 && run.error.isEmpty)
    let text = run.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    for method in kinds.flatMap(\.methods) {
      #expect(run.output.contains("\n\(method.name) "), "\(method.name)")
      #expect(text.contains("\(method.summary) (\(method.source))"), "\(method.name)")
      for parameter in method.parameters {
        #expect(run.output.contains("--\(parameter.name) \(parameter.defaultValue)"), "\(method.name)")
      }
    }
    #expect(text.contains("LOCE's memory-augmented feature sampling (Feng et al., ICCV 2021): it stores RoI features"))
    // Where there is no terminal: 80 columns.
    #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test func describesOne() throws {
    let run = try runBags(["methods", "focal"])
    #expect(run.status == 0)
    // Wherever the lines are folded.
    let text = run.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(text.hasPrefix("focal: ") && text.contains("Lin et al., ICCV 2017"))
    #expect(text.contains("--gamma 2") && text.contains("(a number from 0 to 20)"))
    #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    let plain = try runBags(["methods", "softmax"])
    #expect(plain.output.contains("It has no options of its own."))
    #expect(try runBags(["methods", "disalign"]).output.contains("It needs a trained softmax head: --init."))
    #expect(try runBags(["methods", "offline"]).output.contains("a head that was trained before: --mining-head."))
    #expect(try runBags(["methods", "ncm"]).output.contains("It needs the training examples."))
    // A sampler of images, and a way to choose RoIs.
    let random = try runBags(["methods", "random"]).output
    #expect(random.contains("--sampler") && random.contains("--rois-per-image 512"))
  }

  @Test func printsBibTeX() throws {
    let run = try runBags(["methods", "--bibtex", "rfs", "bags", "tail", "gol"])
    #expect(run.status == 0 && run.error.isEmpty)
    let keys = run.output.split(separator: "\n").filter { $0.hasPrefix("@") }.map { $0.drop { $0 != "{" }.dropFirst() }
    #expect(keys == ["li2020bags,", "alexandridis2022gol,", "hsieh2021droploss,", "gupta2019lvis,"])
    let all = try runBags(["methods", "--bibtex"])
    #expect(all.status == 0 && all.output.contains("title = {{Long-tail learning via logit adjustment}}"))
    #expect(try runBags(["methods", "--bibtex", "--format", "json"]).status == 64)
    let unknown = try runBags(["methods", "bags", "fokal"])
    #expect(unknown.status == 64 && unknown.error.contains("did you mean focal?"))
  }

  @Test func printsJSON() throws {
    struct Method: Decodable {
      struct Parameter: Decodable {
        var name: String
        var `default`: String
      }
      var name: String
      var source: String
      var needs: String?
      var parameters: [Parameter]
    }
    struct Unavailable: Decodable { var name: String }
    let all = Data(try runBags(["methods", "--format", "json"]).output.utf8)
    let object = try jsonObject(String(decoding: all, as: UTF8.self))
    #expect(Set(object.keys) == Set(kinds.map(\.key) + ["unavailable"]))
    struct Lists: Decodable {
      var methods: [Method]
      var calibrations: [Method]?
      var unavailable: [Unavailable]?
    }
    let lists = try JSONDecoder().decode(Lists.self, from: all)
    #expect(lists.methods.map(\.name) == TrainingMethod.all.map(\.name) && lists.unavailable?.isEmpty == false)
    #expect(lists.calibrations?.map(\.name) == CalibrationMethod.all.map(\.name))
    let one = try JSONDecoder().decode(
      Lists.self, from: Data(try runBags(["methods", "eqlv2", "--format", "json"]).output.utf8))
    #expect(one.methods.map(\.name) == ["eqlv2"])
    #expect(one.methods.first?.parameters.map(\.default) == ["12", "0.8", "4", "0.5"])
  }

  @Test func suggestsANameForAMistypedOne() throws {
    let run = try runBags(["methods", "focl"])
    #expect(run.status == 64 && run.error.contains("did you mean focal?") && run.output.isEmpty)
  }
}

import DenseLinearAlgebra
import LVISDatasets

extension LinearHead {
  /// The weights and biases of all layers as parameters: the classifier's first, then those of the layers below it, the
  /// lowest first, fully connected ones or convolutions.
  package var parameters: [Parameter] {
    [Parameter("fc_cls.weight", values: weight), Parameter("fc_cls.bias", values: bias)]
      + hidden.enumerated().flatMap { index, layer in
        [
          Parameter("shared_fcs.\(index).weight", values: layer.weight),
          Parameter("shared_fcs.\(index).bias", values: layer.bias),
        ]
      } + tower.parameters(prefix: "cls_tower")
  }

  /// A head with the values of parameters in the order of `parameters`; their arrays are shared, not copied.
  ///
  /// - Parameters:
  ///   - parameters: Weight and bias of the classifier and of each layer below, of shapes that fit.
  ///   - tower: The convolutions below, whose values are those of the last parameters.
  ///   - layout: Maps the logits to classes and scores.
  ///   - groups: The classes.
  ///   - method: The name of the method that trains it.
  package init(
    parameters: some Collection<Parameter>, tower: ConvolutionTower = ConvolutionTower(), layout: any LogitLayout,
    groups: CategoryGroups, method: String
  ) {
    let all = Array(parameters)
    var rest = all.dropLast(tower.parameterCount)
    func nextLayer() -> LinearRows {
      let weight = rest.removeFirst().values
      return LinearRows(weight: weight, bias: rest.removeFirst().values.storage)
    }
    let classifier = nextLayer()
    var hidden: [HiddenLayer] = []
    while !rest.isEmpty { hidden.append(HiddenLayer(nextLayer())) }
    self.init(
      classifier: classifier, hidden: hidden, tower: tower.with(all.suffix(tower.parameterCount)), layout: layout,
      groups: groups, method: method)
  }
}

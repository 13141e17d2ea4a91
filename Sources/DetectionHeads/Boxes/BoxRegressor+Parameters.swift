extension BoxRegressor {
  /// Weight and bias as parameters.
  package var parameters: [Parameter] {
    [Parameter("fc_reg.weight", values: weight), Parameter("fc_reg.bias", values: bias)]
  }

  /// The regressor with the values of parameters in the order of `parameters`.
  package func with(_ parameters: some Collection<Parameter>) -> BoxRegressor {
    let values = parameters.map(\.values)
    var regressor = self
    regressor.replace(weight: values[0], bias: values[1].storage)
    return regressor
  }
}

import DenseLinearAlgebra
import Foundation
import ModelExport

/// Runs the few operators that a head's ONNX graph has, in double precision, after the standard's text: a second opinion
/// on the graph where no ONNX runtime is at hand.
struct ONNXEvaluator {
  typealias Value = Matrix<Double>
  let graph: Onnx_GraphProto

  struct Fault: Error { let what: String }

  func callAsFunction(_ features: Value) throws -> Value {
    var values = ["features": features]
    for constant in graph.initializer {
      let sizes = constant.dims.map { Int($0) }
      let numbers: [Double] =
        switch constant.dataType {
        case 1: read(constant.rawData, Float.self).map { Double($0) }
        case 7: read(constant.rawData, Int64.self).map { Double($0) }
        case 10: read(constant.rawData, UInt16.self).map { half($0) }
        default: throw Fault(what: "element type \(constant.dataType)")
        }
      let columns = sizes.last ?? 1
      values[constant.name] = Value(rows: numbers.count / max(1, columns), columns: columns, values: numbers)
    }
    for node in graph.node {
      let inputs = try node.input.map { name in
        guard let value = values[name] else { throw Fault(what: "\(name) is used before it is made") }
        return value
      }
      for (name, value) in zip(node.output, try run(node, inputs)) { values[name] = value }
    }
    guard let name = graph.output.first?.name, let result = values[name] else { throw Fault(what: "no output") }
    return result
  }

  private func run(_ node: Onnx_NodeProto, _ inputs: [Value]) throws -> [Value] {
    let x = inputs[0]
    func attribute(_ name: String) -> Int? { node.attribute.first { $0.name == name }.map { Int($0.i) } }
    func integers(_ value: Value) -> [Int] { value.storage.map { Int($0) } }
    switch node.opType {
    // Features of several stages come here as they lie in memory, flat.
    case "Cast", "Flatten": return [x]
    case "Relu": return [x.mapped { Swift.max(0, $0) }]
    case "Gemm":
      guard attribute("transB") == 1 else { throw Fault(what: "Gemm without transB") }
      var result = Value(rows: x.rows, columns: inputs[1].rows)
      for row in 0..<x.rows {
        for column in 0..<inputs[1].rows {
          var sum = inputs.count > 2 ? inputs[2].storage[column] : 0
          for place in 0..<x.columns { sum += x[row, place] * inputs[1][column, place] }
          result[row, column] = sum
        }
      }
      return [result]
    case "Sigmoid": return [x.mapped { 1 / (1 + exp(-$0)) }]
    case "Neg": return [x.mapped { -$0 }]
    case "Exp": return [x.mapped { exp($0) }]
    case "Mul": return [broadcast(x, inputs[1], *)]
    case "Add": return [broadcast(x, inputs[1], +)]
    case "Sub": return [broadcast(x, inputs[1], -)]
    case "Div": return [broadcast(x, inputs[1], /)]
    case "Max": return [broadcast(x, inputs[1], Swift.max)]
    case "ReduceL2": return [Value(rows: x.rows, columns: 1, values: x.rowNorms)]
    case "LogSoftmax":
      return [
        eachRow(of: x, columns: x.columns) { row in
          let z = x.row(row)
          let largest = z.max() ?? 0
          let total = largest + log(z.reduce(0) { $0 + exp($1 - largest) })
          return z.map { $0 - total }
        }
      ]
    case "Softmax":
      return [
        eachRow(of: x, columns: x.columns) { row in
          let z = x.row(row)
          let largest = z.max() ?? 0
          let powers = z.map { exp($0 - largest) }
          let sum = powers.reduce(0, +)
          return powers.map { $0 / sum }
        }
      ]
    case "Slice":
      let (start, end) = (integers(inputs[1])[0], integers(inputs[2])[0])
      guard integers(inputs[3]) == [1] else { throw Fault(what: "Slice along another axis") }
      return [eachRow(of: x, columns: end - start) { row in Array(x.row(row)[start..<end]) }]
    case "Split":
      var start = 0
      return integers(inputs[1]).map { width in
        defer { start += width }
        let range = start..<start + width
        return eachRow(of: x, columns: width) { row in Array(x.row(row)[range]) }
      }
    case "ArgMax":
      return [
        eachRow(of: x, columns: 1) { row in
          let values = x.row(row)
          return [Double(values.firstIndex(of: values.max() ?? 0) ?? 0)]
        }
      ]
    case "Greater": return [broadcast(x, inputs[1]) { $0 > $1 ? 1 : 0 }]
    case "And": return [broadcast(x, inputs[1], *)]
    case "Where": return [eachRow(of: inputs[1], columns: inputs[1].columns) { inputs[x[$0, 0] == 1 ? 1 : 2].row($0) }]
    case "Gather" where attribute("axis") == 0: return [inputs[1].mapped { x.storage[Int($0)] }]
    case "Gather":
      let order = integers(inputs[1])
      return [
        eachRow(of: x, columns: order.count) { row in
          let values = x.row(row)
          return order.map { values[$0] }
        }
      ]
    case "Concat":
      let columns = inputs.map(\.columns).reduce(0, +)
      return [eachRow(of: x, columns: columns) { row in inputs.flatMap { $0.row(row) } }]
    default: throw Fault(what: "operator \(node.opType)")
    }
  }

  private func eachRow(of x: Value, columns: Int, _ body: (Int) -> [Double]) -> Value {
    Value(rows: x.rows, columns: columns, values: (0..<x.rows).flatMap { body($0) })
  }

  private func broadcast(_ a: Value, _ b: Value, _ operation: (Double, Double) -> Double) -> Value {
    let (rows, columns) = (max(a.rows, b.rows), max(a.columns, b.columns))
    return Value(
      rows: rows, columns: columns,
      values: (0..<rows).flatMap { row in
        (0..<columns).map { column in
          operation(
            a[a.rows == 1 ? 0 : row, a.columns == 1 ? 0 : column], b[b.rows == 1 ? 0 : row, b.columns == 1 ? 0 : column]
          )
        }
      })
  }

  private func read<Number>(_ data: Data, _: Number.Type) -> [Number] {
    data.withUnsafeBytes { bytes in
      (0..<bytes.count / MemoryLayout<Number>.size).map {
        bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Number>.size, as: Number.self)
      }
    }
  }

  private func half(_ bits: UInt16) -> Double {
    let exponent = Int(bits >> 10 & 31)
    let fraction = Double(bits & 1023) / 1024
    let size = exponent == 0 ? fraction * 0x1p-14 : (1 + fraction) * pow(2, Double(exponent - 15))
    return bits >> 15 == 1 ? -size : size
  }
}

extension Matrix<Double> {
  fileprivate func mapped(_ body: (Double) -> Double) -> Self {
    Matrix(rows: rows, columns: columns, values: storage.map(body))
  }
}

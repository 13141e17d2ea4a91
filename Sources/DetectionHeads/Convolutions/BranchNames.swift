import TensorFiles

/// What a framework calls the layers of one branch of a dense detector.
package struct BranchNames: Sendable {
  /// The last convolution, without `.weight`.
  package let last: String
  /// The convolution of a layer of the tower, without `.weight`; whether the tower is normalised moves it in some.
  package let convolution: @Sendable (_ index: Int, _ isNormalized: Bool) -> String
  /// The GroupNorm of a layer of the tower, without `.weight`.
  package let norm: @Sendable (_ index: Int) -> String

  /// This project's own classification branch.
  package static let classes = BranchNames(
    last: "fc_cls", convolution: { index, _ in "cls_tower.\(index)" }, norm: { "cls_tower.\($0).norm" })
  /// This project's own regression branch.
  package static let boxes = BranchNames(
    last: "fc_reg", convolution: { index, _ in "box_tower.\(index)" }, norm: { "box_tower.\($0).norm" })
}

/// The two branches of a dense detector as a framework names them.
package struct DenseDetectorNames: Sendable {
  package let classes: BranchNames
  package let boxes: BranchNames

  /// torchvision's RetinaNet (`Conv2dNormActivation`).
  package static let torchvision = DenseDetectorNames(
    classes: torchvisionBranch("head.classification_head", last: "cls_logits"),
    boxes: torchvisionBranch("head.regression_head", last: "bbox_reg"))
  /// detectron2's RetinaNet: convolution, norm where there is any, ReLU, one after another.
  package static let detectron2 = DenseDetectorNames(
    classes: detectron2Branch("head.cls_subnet", last: "head.cls_score"),
    boxes: detectron2Branch("head.bbox_subnet", last: "head.bbox_pred"))
  /// mmdetection's RetinaHead (`ConvModule`).
  package static let mmdetection = DenseDetectorNames(
    classes: mmdetectionBranch("bbox_head.cls_convs", last: "bbox_head.retina_cls"),
    boxes: mmdetectionBranch("bbox_head.reg_convs", last: "bbox_head.retina_reg"))
  /// The names in this project's own head files.
  package static let own = DenseDetectorNames(classes: .classes, boxes: .boxes)

  /// The names that the frameworks' own files have, by which a detector's file is recognised.
  package static let frameworks = [torchvision, detectron2, mmdetection]

  private static func torchvisionBranch(_ module: String, last: String) -> BranchNames {
    BranchNames(
      last: "\(module).\(last)", convolution: { index, _ in "\(module).conv.\(index).0" },
      norm: { "\(module).conv.\($0).1" })
  }

  private static func detectron2Branch(_ module: String, last: String) -> BranchNames {
    BranchNames(
      last: last, convolution: { index, isNormalized in "\(module).\((isNormalized ? 3 : 2) * index)" },
      norm: { "\(module).\(3 * $0 + 1)" })
  }

  private static func mmdetectionBranch(_ module: String, last: String) -> BranchNames {
    BranchNames(
      last: last, convolution: { index, _ in "\(module).\(index).conv" }, norm: { "\(module).\($0).gn" })
  }
}

import HeadLosses
import HeadTraining

/// The papers, and the programs where there is no paper, that losses, samplers, mining, box losses, adversaries and
/// calibrations come from.
public enum Bibliography {
  /// The sources of a method, the one that it is named after first; none for one that a program has added itself.
  public static func entries(for method: any NamedMethod) -> [BibliographyEntry] {
    sources[type(of: method).kind]?[method.name] ?? []
  }

  /// The sources of several methods, each once, in the order of the methods.
  public static func entries(for methods: [any NamedMethod]) -> [BibliographyEntry] {
    var seen: Set<String> = []
    return methods.flatMap { entries(for: $0) }.filter { seen.insert($0.key).inserted }
  }

  /// By the word for such methods, then the method's name.
  private static let sources: [String: [String: [BibliographyEntry]]] = [
    TrainingMethod.kind: [
      "bags": [.balancedGroupSoftmax], "softmax": [.detectron2], "reweight": [.balancedGroupSoftmax],
      "effective-number": [.effectiveNumber, .balancedGroupSoftmax], "balanced-softmax": [.balancedMetaSoftmax],
      "logit-adjustment": [.logitAdjustment], "ldam": [.ldam], "loce": [.loce], "seesaw": [.seesaw], "iif": [.iif],
      "disalign": [.disalign], "bce": [.detectron2], "balanced-bce": [.focal], "focal": [.focal], "efl": [.efl],
      "varifocal": [.varifocal, .realTimeDETR],
      "ghm": [.ghm], "eql": [.eql], "eqlv2": [.eqlv2], "acsl": [.acsl], "federated": [.centerNet2, .detectron2],
      "ecm": [.ecm], "gol": [.gol, .dropLoss], "bacl": [.bacl],
    ],
    ImageSamplingMethod.kind: [
      "random": [.fasterRCNN], "rfs": [.lvis], "class-balanced": [.decoupling], "tail": [.balancedGroupSoftmax],
    ],
    RoIMiningMethod.kind: [
      "random": [.fasterRCNN], "ohem": [.ohem], "ohem-1to3": [.ohem, .mmdetection], "s-ohem": [.sohem],
      "offline": [.sungPoggio, .felzenszwalb],
    ],
    BoxLossMethod.kind: [
      "smooth-l1": [.fastRCNN], "l1": [.detectron2], "giou": [.generalizedIoU], "ghm-r": [.ghm],
    ],
    AdversaryMethod.kind: ["occlusion": [.adversary], "occlusion-paper": [.adversary], "deformation": [.adversary]],
    CalibrationMethod.kind: [
      "tau-norm": [.decoupling], "tau-norm-select": [.balancedGroupSoftmax, .decoupling],
      "post-hoc-adjustment": [.logitAdjustment], "norcal": [.norcal], "fracal": [.fracal], "logn": [.logn],
      "ncm": [.decoupling, .balancedGroupSoftmax], "lws": [.decoupling], "crt": [.decoupling],
      "tail-finetune": [.balancedGroupSoftmax], "competition": [.logitAdjustment],
    ],
  ]
}

private let cvpr = "Proceedings of the IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)"
private let iccv = "Proceedings of the IEEE/CVF International Conference on Computer Vision (ICCV)"
private let eccv = "European Conference on Computer Vision (ECCV)"
private let iclr = "International Conference on Learning Representations (ICLR)"
private let neurips = "Advances in Neural Information Processing Systems (NeurIPS)"
private let aaai = "Proceedings of the AAAI Conference on Artificial Intelligence"
private let tpami = "IEEE Transactions on Pattern Analysis and Machine Intelligence"
private let preprint = "arXiv preprint"

extension BibliographyEntry {
  static let balancedGroupSoftmax = BibliographyEntry(
    "li2020bags",
    by: "Li, Yu and Wang, Tao and Kang, Bingyi and Tang, Sheng and Wang, Chunfeng and Li, Jintao and Feng, Jiashi",
    "Overcoming Classifier Imbalance for Long-tail Object Detection with Balanced Group Softmax", in: cvpr, 2020,
    arXiv: "2006.10408")
  static let detectron2 = BibliographyEntry(
    "wu2019detectron2", .misc,
    by: "Wu, Yuxin and Kirillov, Alexander and Massa, Francisco and Lo, Wan-Yen and Girshick, Ross", "Detectron2",
    in: "\\url{https://github.com/facebookresearch/detectron2}", 2019)
  static let effectiveNumber = BibliographyEntry(
    "cui2019effective", by: "Cui, Yin and Jia, Menglin and Lin, Tsung-Yi and Song, Yang and Belongie, Serge",
    "Class-Balanced Loss Based on Effective Number of Samples", in: cvpr, 2019, arXiv: "1901.05555")
  static let balancedMetaSoftmax = BibliographyEntry(
    "ren2020balanced",
    by: "Ren, Jiawei and Yu, Cunjun and Sheng, Shunan and Ma, Xiao and Zhao, Haiyu and Yi, Shuai and Li, Hongsheng",
    "Balanced Meta-Softmax for Long-Tailed Visual Recognition", in: neurips, 2020, arXiv: "2007.10740")
  static let logitAdjustment = BibliographyEntry(
    "menon2021logit",
    by: "Menon, Aditya Krishna and Jayasumana, Sadeep and Rawat, Ankit Singh and Jain, Himanshu and Veit, Andreas and "
      + "Kumar, Sanjiv", "Long-tail learning via logit adjustment", in: iclr, 2021, arXiv: "2007.07314")
  static let ldam = BibliographyEntry(
    "cao2019ldam", by: "Cao, Kaidi and Wei, Colin and Gaidon, Adrien and Arechiga, Nikos and Ma, Tengyu",
    "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss", in: neurips, 2019, arXiv: "1906.07413")
  static let loce = BibliographyEntry(
    "feng2021loce", by: "Feng, Chengjian and Zhong, Yujie and Huang, Weilin",
    "Exploring Classification Equilibrium in Long-Tailed Object Detection", in: iccv, 2021, arXiv: "2108.07507")
  static let seesaw = BibliographyEntry(
    "wang2021seesaw",
    by:
      "Wang, Jiaqi and Zhang, Wenwei and Zang, Yuhang and Cao, Yuhang and Pang, Jiangmiao and Gong, Tao and Chen, Kai "
      + "and Liu, Ziwei and Loy, Chen Change and Lin, Dahua", "Seesaw Loss for Long-Tailed Instance Segmentation",
    in: cvpr, 2021, arXiv: "2008.10032")
  static let iif = BibliographyEntry(
    "alexandridis2023iif", .article,
    by:
      "Alexandridis, Konstantinos Panagiotis and Luo, Shan and Nguyen, Anh and Deng, Jiankang and Zafeiriou, Stefanos",
    "Inverse Image Frequency for Long-tailed Image Recognition", in: "IEEE Transactions on Image Processing", 2023)
  static let disalign = BibliographyEntry(
    "zhang2021disalign", by: "Zhang, Songyang and Li, Zeming and Yan, Shipeng and He, Xuming and Sun, Jian",
    "Distribution Alignment: A Unified Framework for Long-tail Visual Recognition", in: cvpr, 2021,
    arXiv: "2103.16370")
  static let focal = BibliographyEntry(
    "lin2017focal", by: "Lin, Tsung-Yi and Goyal, Priya and Girshick, Ross and He, Kaiming and Doll{\\'a}r, Piotr",
    "Focal Loss for Dense Object Detection", in: iccv, 2017, arXiv: "1708.02002")
  static let varifocal = BibliographyEntry(
    "zhang2021varifocal", by: "Zhang, Haoyang and Wang, Ying and Dayoub, Feras and S{\\\"u}nderhauf, Niko",
    "VarifocalNet: An IoU-aware Dense Object Detector", in: cvpr, 2021, arXiv: "2008.13367")
  static let realTimeDETR = BibliographyEntry(
    "zhao2024rtdetr",
    by:
      "Zhao, Yian and Lv, Wenyu and Xu, Shangliang and Wei, Jinman and Wang, Guanzhong and Dang, Qingqing and Liu, Yi "
      + "and Chen, Jie", "DETRs Beat YOLOs on Real-time Object Detection", in: cvpr, 2024, arXiv: "2304.08069")
  static let efl = BibliographyEntry(
    "li2022efl",
    by: "Li, Bo and Yao, Yongqiang and Tan, Jingru and Zhang, Gang and Yu, Fengwei and Lu, Jianwei and Luo, Ye",
    "Equalized Focal Loss for Dense Long-Tailed Object Detection", in: cvpr, 2022, arXiv: "2201.02593")
  static let ghm = BibliographyEntry(
    "li2019ghm", by: "Li, Buyu and Liu, Yu and Wang, Xiaogang", "Gradient Harmonized Single-Stage Detector", in: aaai,
    2019, arXiv: "1811.05181")
  static let generalizedIoU = BibliographyEntry(
    "rezatofighi2019giou",
    by: "Rezatofighi, Hamid and Tsoi, Nathan and Gwak, JunYoung and Sadeghian, Amir and Reid, Ian and Savarese, Silvio",
    "Generalized Intersection over Union: A Metric and A Loss for Bounding Box Regression", in: cvpr, 2019,
    arXiv: "1902.09630")
  static let eql = BibliographyEntry(
    "tan2020eql",
    by: "Tan, Jingru and Wang, Changbao and Li, Buyu and Li, Quanquan and Ouyang, Wanli and Yin, Changqing and Yan, "
      + "Junjie", "Equalization Loss for Long-Tailed Object Recognition", in: cvpr, 2020, arXiv: "2003.05176")
  static let eqlv2 = BibliographyEntry(
    "tan2021eqlv2", by: "Tan, Jingru and Lu, Xin and Zhang, Gang and Yin, Changqing and Li, Quanquan",
    "Equalization Loss v2: A New Gradient Balance Approach for Long-Tailed Object Detection", in: cvpr, 2021,
    arXiv: "2012.08548")
  static let acsl = BibliographyEntry(
    "wang2021acsl",
    by: "Wang, Tong and Zhu, Yousong and Zhao, Chaoyang and Zeng, Wei and Wang, Jinqiao and Tang, Ming",
    "Adaptive Class Suppression Loss for Long-Tail Object Detection", in: cvpr, 2021, arXiv: "2104.00885")
  static let centerNet2 = BibliographyEntry(
    "zhou2021probabilistic", .article, by: "Zhou, Xingyi and Koltun, Vladlen and Kr{\\\"a}henb{\\\"u}hl, Philipp",
    "Probabilistic two-stage detection", in: preprint, 2021, arXiv: "2103.07461")
  static let ecm = BibliographyEntry(
    "cho2022ecm", by: "Cho, Jang Hyun and Kr{\\\"a}henb{\\\"u}hl, Philipp",
    "Long-tail Detection with Effective Class-Margins", in: eccv, 2022, arXiv: "2301.09724")
  static let gol = BibliographyEntry(
    "alexandridis2022gol",
    by: "Alexandridis, Konstantinos Panagiotis and Deng, Jiankang and Nguyen, Anh and Luo, Shan",
    "Long-tailed Instance Segmentation using Gumbel Optimized Loss", in: eccv, 2022, arXiv: "2207.10936")
  static let dropLoss = BibliographyEntry(
    "hsieh2021droploss", by: "Hsieh, Ting-I and Robb, Esther and Chen, Hwann-Tzong and Huang, Jia-Bin",
    "DropLoss for Long-Tail Instance Segmentation", in: aaai, 2021, arXiv: "2104.06402")
  static let bacl = BibliographyEntry(
    "qi2023bacl", .article,
    by: "Qi, Tianhao and Xie, Hongtao and Li, Pandeng and Ge, Jiannan and Zhang, Yongdong",
    "Balanced Classification: A Unified Framework for Long-Tailed Object Detection",
    in: "IEEE Transactions on Multimedia", 2023, arXiv: "2308.02213")
  static let fasterRCNN = BibliographyEntry(
    "ren2015faster", by: "Ren, Shaoqing and He, Kaiming and Girshick, Ross and Sun, Jian",
    "Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks", in: neurips, 2015,
    arXiv: "1506.01497")
  static let fastRCNN = BibliographyEntry(
    "girshick2015fast", by: "Girshick, Ross", "Fast R-CNN", in: iccv, 2015, arXiv: "1504.08083")
  static let lvis = BibliographyEntry(
    "gupta2019lvis", by: "Gupta, Agrim and Doll{\\'a}r, Piotr and Girshick, Ross",
    "LVIS: A Dataset for Large Vocabulary Instance Segmentation", in: cvpr, 2019, arXiv: "1908.03195")
  static let decoupling = BibliographyEntry(
    "kang2020decoupling",
    by: "Kang, Bingyi and Xie, Saining and Rohrbach, Marcus and Yan, Zhicheng and Gordo, Albert and Feng, Jiashi and "
      + "Kalantidis, Yannis", "Decoupling Representation and Classifier for Long-Tailed Recognition", in: iclr, 2020,
    arXiv: "1910.09217")
  static let ohem = BibliographyEntry(
    "shrivastava2016ohem", by: "Shrivastava, Abhinav and Gupta, Abhinav and Girshick, Ross",
    "Training Region-based Object Detectors with Online Hard Example Mining", in: cvpr, 2016, arXiv: "1604.03540")
  static let sohem = BibliographyEntry(
    "li2017sohem", .article,
    by: "Li, Minne and Zhang, Zhaoning and Yu, Hao and Chen, Xinyuan and Li, Dongsheng",
    "S-OHEM: Stratified Online Hard Example Mining for Object Detection", in: preprint, 2017, arXiv: "1705.02233")
  static let adversary = BibliographyEntry(
    "wang2017afastrcnn", by: "Wang, Xiaolong and Shrivastava, Abhinav and Gupta, Abhinav",
    "A-Fast-RCNN: Hard Positive Generation via Adversary for Object Detection", in: cvpr, 2017, arXiv: "1704.03414")
  static let mmdetection = BibliographyEntry(
    "chen2019mmdetection", .article, by: "Chen, Kai and Wang, Jiaqi and Pang, Jiangmiao and others",
    "MMDetection: Open MMLab Detection Toolbox and Benchmark", in: preprint, 2019, arXiv: "1906.07155")
  static let sungPoggio = BibliographyEntry(
    "sung1998example", .article, by: "Sung, Kah-Kay and Poggio, Tomaso",
    "Example-based learning for view-based human face detection", in: tpami, 1998)
  static let felzenszwalb = BibliographyEntry(
    "felzenszwalb2010dpm", .article,
    by: "Felzenszwalb, Pedro F. and Girshick, Ross B. and McAllester, David and Ramanan, Deva",
    "Object Detection with Discriminatively Trained Part-Based Models", in: tpami, 2010)
  static let fracal = BibliographyEntry(
    "alexandridis2025fracal",
    by: "Alexandridis, Konstantinos Panagiotis and Elezi, Ismail and Deng, Jiankang and Nguyen, Anh and Luo, Shan",
    "Fractal Calibration for Long-tailed Object Detection", in: cvpr, 2025, arXiv: "2410.11774")
  static let logn = BibliographyEntry(
    "zhao2024logn", .article, by: "Zhao, Liang and Teng, Yao and Wang, Limin",
    "Logit Normalization for Long-Tail Object Detection", in: "International Journal of Computer Vision", 2024,
    arXiv: "2203.17020")
  static let norcal = BibliographyEntry(
    "pan2021norcal",
    by: "Pan, Tai-Yu and Zhang, Cheng and Li, Yandong and Hu, Hexiang and Xuan, Dong and Changpinyo, Soravit and Gong, "
      + "Boqing and Chao, Wei-Lun",
    "On Model Calibration for Long-Tailed Object Detection and Instance Segmentation", in: neurips, 2021,
    arXiv: "2107.02170")
}

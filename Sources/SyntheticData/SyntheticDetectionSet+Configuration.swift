extension SyntheticDetectionSet {
  /// The shape of a synthetic set. The default has LVIS's proportions at a size that trains in seconds.
  public struct Configuration: Sendable, Hashable {
    // MARK: Classes

    /// The number of families of classes that resemble each other; 18.
    public var familyCount = 18
    /// The number of classes in each family, frequent ones and rare ones mixed; 5.
    public var classesPerFamily = 5
    /// Training instances of the most frequent class; the rarest has one.
    public var largestInstanceCount = 1_600
    /// The exponent by which the counts fall: n = largest^((1 − rank/(C − 1))^tailShape).
    public var tailShape = 1.1

    // MARK: Images

    /// The number of training images; 1 800.
    public var trainingImageCount = 1_800
    /// The number of validation images; 320.
    public var validationImageCount = 320
    /// Validation instances that every class has at least.
    public var minimumValidationInstances = 12
    /// Further validation instances of a class, as a share of its training instances.
    public var validationShare = 0.1
    /// The chance that a further instance of the same class stands beside one.
    public var repeatChance = 0.35
    /// Objects of foreign classes an image, on average: the distractors.
    public var distractorsPerImage = 3.0
    /// Objects that nobody labelled, as a share of the labelled ones.
    public var unlabelledShare = 0.05
    /// Categories an image that are verified to be absent.
    public var negativeCategoriesPerImage = 10

    // MARK: RoIs

    /// The number of RoIs of a training image; 48.
    public var trainingRoIsPerImage = 48
    /// The number of RoIs of a validation image; 64.
    public var validationRoIsPerImage = 64
    /// The noise of the box regressor, as a share of the box.
    public var regressionNoise = 0.05

    // MARK: Features

    /// D: the length of a feature.
    public var featureLength = 96
    /// The offset of every feature before the ReLU: the larger, the fewer are 0.
    public var offset = 1.1
    /// The strength of what the classes of a family share.
    public var familyStrength = 1.2
    /// The strength of what tells a well learned class from its family.
    public var classStrength = 1.0
    /// The part of `classStrength` that is left to a class which the detector hardly ever saw.
    public var rareClassShare = 0.55
    /// The instance count at which a class is learned half way from there to the full strength.
    public var halfLearnedCount = 100.0
    /// The strength of a background texture where no object is.
    public var textureStrength = 0.85
    /// The spread of a class's objects.
    public var objectNoise = 1.6
    /// The spread of one object's RoIs.
    public var proposalNoise = 0.25

    /// Makes the default configuration; change what should differ.
    public init() {}

    /// C: the number of classes.
    public var classCount: Int { familyCount * classesPerFamily }
  }
}

import DetectionHeads
import SyntheticData

extension SyntheticDetectionSet.Configuration {
  /// 12 classes with up to 150 objects in 120 images, 16 features: methods train on it in a fraction of a second.
  public static var small: Self {
    var configuration = Self()
    configuration.familyCount = 4
    configuration.classesPerFamily = 3
    configuration.largestInstanceCount = 150
    configuration.trainingImageCount = 120
    configuration.validationImageCount = 30
    configuration.minimumValidationInstances = 3
    configuration.featureLength = 16
    return configuration
  }
}

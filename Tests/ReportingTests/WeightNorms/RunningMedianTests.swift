import Reporting
import Testing

@Suite struct RunningMedianTests {
  @Test func windowsAreCutAtTheEnds() {
    #expect(runningMedian([5, 1, 4, 2, 3], window: 3) == [3, 4, 2, 3, 2.5])
    #expect(runningMedian([5, 1, 4, 2, 3], window: 2) == [3, 4, 2, 3, 2.5])
    #expect(runningMedian([5, 1, 4], window: 1) == [5, 1, 4])
    #expect(runningMedian([5, 1, 4], window: .max) == [4, 4, 4])
    #expect(runningMedian([5, 1, 4], window: -1) == [5, 1, 4])
    #expect(runningMedian([], window: 5) == [])
  }

  @Test(arguments: [1, 4, 9, 50, 1001])
  func equalsTheMedianOfEveryWindow(window: Int) {
    let values = (0..<300).map { Double($0 * 7919 % 101) }
    let expected = values.indices.map { index -> Double in
      let sorted = values[max(0, index - window / 2)...min(values.count - 1, index + window / 2)].sorted()
      let middle = sorted.count / 2
      return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
    #expect(runningMedian(values, window: window) == expected)
  }
}

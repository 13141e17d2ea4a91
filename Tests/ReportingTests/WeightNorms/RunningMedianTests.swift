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
}

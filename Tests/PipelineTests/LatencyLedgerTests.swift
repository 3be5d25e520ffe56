import Imaging
import Pipeline
import Testing

@Suite("The latency ledger")
struct LatencyLedgerTests {
    private let millisecond: UInt64 = 1_000_000

    /// A frame captured at `at` and published `latency` milliseconds later, of which half was inference.
    private func publish(_ ledger: LatencyLedger, sequence: UInt64, at: UInt64, latency: UInt64) {
        let stamp = FrameStamp(
            camera: "front", sequence: sequence, mediaTime: nil,
            capture: CaptureTime(epochNanoseconds: 0, monotonicNanoseconds: at, origin: .arrival))
        var stages = StageTimes()
        stages[.decode] = StageTimes.Interval(began: at, ended: at + millisecond)
        let ended = at + latency * millisecond
        stages[.infer] = StageTimes.Interval(began: ended - latency * millisecond / 2, ended: ended)
        stages[.publish] = StageTimes.Interval(began: ended, ended: ended)
        ledger.published(stamp, stages: stages)
    }

    @Test("gives the percentiles of a known distribution to three digits")
    func percentiles() {
        let ledger = LatencyLedger(clock: ManualClock())
        for latency in UInt64(1)...1000 {
            publish(ledger, sequence: latency, at: 1_000_000_000, latency: latency)
        }
        let summary = ledger.snapshot().endToEnd
        func near(_ value: UInt64, _ milliseconds: Double) -> Bool {
            abs(Double(value) / 1e6 - milliseconds) <= milliseconds / 1000 + 0.001
        }
        #expect(summary.count == 1000)
        #expect(near(summary.p50, 500))
        #expect(near(summary.p95, 950))
        #expect(near(summary.p99, 990))
        #expect(near(summary.max, 1000))
        #expect(near(ledger.snapshot()[.infer].p50, 250))
        #expect(near(ledger.snapshot()[.decode].max, 1))
        #expect(ledger.snapshot()[.preprocess].count == 0)
    }

    @Test("never names a percentile above the longest time")
    func percentileWithinMaximum() {
        let ledger = LatencyLedger(clock: ManualClock())
        publish(ledger, sequence: 0, at: 1_000_000_000, latency: 1234)
        let summary = ledger.snapshot().endToEnd
        #expect(summary.p50 <= summary.max && summary.p99 <= summary.max)
    }

    @Test("counts frames, drops by reason, rate and age")
    func counts() {
        let clock = ManualClock()
        let ledger = LatencyLedger(clock: clock)
        for sequence in UInt64(0)..<10 { ledger.arrived(frame(sequence, clock: clock)) }
        ledger.dropped(.newerBeforeInfer, count: 2)
        ledger.dropped(.rateCap)
        ledger.dropped(.failed, count: 0)
        let start = clock.monotonicNanoseconds
        for sequence in UInt64(0)..<6 {
            publish(ledger, sequence: sequence, at: start + sequence * 500 * millisecond, latency: 500)
        }
        clock.advance(milliseconds: 4000)
        let snapshot = ledger.snapshot()
        #expect(snapshot.arrived == 10)
        #expect(snapshot.published == 6)
        #expect(snapshot.dropped == [.newerBeforeInfer: 2, .rateCap: 1])
        #expect(snapshot.underWay == 1)
        #expect(abs(snapshot.framesPerSecond - 2) < 1e-9)
        #expect(snapshot.last?.sequence == 5)
        #expect(snapshot.age == 1500 * millisecond)
    }

    @Test("cuts the account at each report and keeps the whole besides")
    func cuts() {
        let clock = ManualClock()
        let ledger = LatencyLedger(clock: clock)
        publish(ledger, sequence: 0, at: clock.monotonicNanoseconds, latency: 10)
        clock.advance(milliseconds: 1000)
        #expect(ledger.cut().published == 1)
        publish(ledger, sequence: 1, at: clock.monotonicNanoseconds, latency: 30)
        publish(ledger, sequence: 2, at: clock.monotonicNanoseconds, latency: 30)
        clock.advance(milliseconds: 500)
        let cut = ledger.cut()
        #expect(cut.published == 2)
        #expect(abs(cut.framesPerSecond - 4) < 1e-9)
        #expect(cut.endToEnd.p50 > 29 * millisecond)
        #expect(ledger.cut().published == 0)
        #expect(ledger.snapshot().published == 3)
        #expect(ledger.snapshot().endToEnd.count == 3)
    }

    @Test("is empty and finite before the first frame")
    func empty() {
        let snapshot = LatencyLedger(clock: ManualClock()).snapshot()
        #expect(snapshot.framesPerSecond == 0)
        #expect(snapshot.endToEnd.max == 0 && snapshot.endToEnd.p99 == 0)
        #expect(snapshot.age == nil)
    }
}

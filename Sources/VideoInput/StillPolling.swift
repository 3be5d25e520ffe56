import Imaging

/// When a picture is fetched again from a camera that gives one picture a request. Pure; times are nanoseconds.
struct StillPolling: Sendable {
    /// Pictures a second.
    let rate: Rational
    /// The stream's time is counted in milliseconds.
    let timeBase = Rational(1, 1000)
    private let began: UInt64
    private let interval: UInt64
    private var due: UInt64
    private var lastPicture: UInt64

    /// Fetches `rate` pictures a second; the first one was asked for at `began`.
    init(rate: Double, began: UInt64) {
        let milliseconds = max(1, Int((1000 / max(rate, 0.001)).rounded()))
        self.rate = Rational(1000, milliseconds)
        self.began = began
        interval = UInt64(milliseconds) * 1_000_000
        due = began
        lastPicture = began
    }

    /// How long a picture is shown, in ticks.
    var ticks: Int64 { Int64(interval / 1_000_000) }

    /// When the next picture is asked for. A server that takes longer than the interval is not asked more often for it.
    mutating func next(after now: UInt64) -> UInt64 {
        due = max(due &+ interval, now)
        return due
    }

    /// A picture came at `now`.
    mutating func pictureCame(at now: UInt64) { lastPicture = now }

    /// Whether a request without a picture is made up for by the next one: `silence` has not passed since the last
    /// picture. Nil waits for ever.
    func waits(for silence: Duration?, at now: UInt64) -> Bool {
        guard let silence else { return true }
        return now < lastPicture || .nanoseconds(Int64(clamping: now - lastPicture)) < silence
    }

    /// The time of a picture in the stream, by its capture.
    func mediaTime(of capture: CaptureTime) -> MediaTime {
        let passed = capture.monotonicNanoseconds > began ? capture.monotonicNanoseconds - began : 0
        return MediaTime(value: Int64(passed / 1_000_000), timeBase: timeBase)
    }
}

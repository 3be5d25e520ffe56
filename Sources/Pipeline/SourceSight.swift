import Imaging
import Synchronization
import VideoInput

/// What a source says of itself, or what can be told from when its last frame came. The decode stage tells of frames,
/// the publish stage asks.
final class SourceSight: Sendable {
    private let source: any VideoSource
    private let clock: any FrameClock
    private let lastArrival = Mutex<UInt64?>(nil)

    init(_ source: any VideoSource, clock: any FrameClock) {
        self.source = source
        self.clock = clock
    }

    /// A frame came.
    func arrived() {
        let now = clock.monotonicNanoseconds
        lastArrival.withLock { $0 = now }
    }

    /// Whether there is something to see at `now` (CLOCK_MONOTONIC). `stream` is nil before the source is open.
    func sight(at now: UInt64, stream: StreamInfo?) -> Sight {
        let last = lastArrival.withLock { $0 }
        if let status = (source as? any StatusReporting)?.status {
            switch status.state {
            case .live: return .seeing
            case .connecting, .waiting: return .nothing(last == nil ? .connecting : .noSignal)
            case .stalled: return .nothing(.noSignal)
            case .corrupt: return .nothing(.refused)
            case .ended: return .over
            }
        }
        guard let stream, let last else { return .nothing(.connecting) }
        let rate = stream.frameRate.flatMap { $0.isPositive ? $0.value : nil } ?? BlindClock.defaultRate
        let silence = max(500_000_000, UInt64(min(3 / rate, 3600) * 1e9))
        return now > last && now - last > silence ? .nothing(.noSignal) : .seeing
    }
}

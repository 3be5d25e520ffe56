import Imaging
import MaskOutput
import VideoInput

/// Publishing with an age contract: what is too old goes out blind, and so does what is not there.
extension CameraPipeline {
    /// The loop of the publish queue: a mask when it comes, a blind one when the clock says so.
    func publish(maxAge: UInt64) {
        var outputs = Outputs()
        var blindClock = BlindClock(
            maxAge: maxAge, maxFramesPerSecond: options.maxFramesPerSecond, now: clock.monotonicNanoseconds)
        let nominal = StreamInfo(
            size: engine.inputSize, frameRate: Rational(Int(BlindClock.defaultRate), 1), timeBase: Rational(1, 1000),
            summary: "nothing yet", isLive: true)
        var (hasOpened, hasBegun) = (false, false)
        while true {
            let now = clock.monotonicNanoseconds
            let received = answers.receive(within: blindClock.nextTick > now ? blindClock.nextTick - now : 0)
            if !hasOpened, let stream = opened.takeNow() {
                blindClock.opened(framesPerSecond: stream.frameRate?.value)
                let alive = outputs.alive
                let due = sinks.filter { sink in
                    !hasBegun || !sink.showsBlindness || alive.contains { $0 === sink }
                }
                guard begin(due, with: stream, of: &outputs) else { return giveUp(outputs) }
                (hasOpened, hasBegun) = (true, true)
            }
            switch received {
            case .ended:
                return finish(outputs)
            case .element(let item):
                guard let written = write(item, to: &outputs) else { return finish(outputs) }
                switch written {
                case .valid: blindClock.sentValid(at: clock.monotonicNanoseconds)
                case .tooOld: blindClock.sentTooOld(at: clock.monotonicNanoseconds)
                }
            case .nothing:
                let now = clock.monotonicNanoseconds
                guard now >= blindClock.nextTick, let cause = blindClock.tick(sight(at: now), at: now) else { continue }
                if !hasBegun {
                    hasBegun = true
                    guard begin(sinks.filter(\.showsBlindness), with: nominal, of: &outputs) else {
                        return giveUp(outputs)
                    }
                }
                guard writeBlind(cause, to: &outputs) else { return finish(outputs) }
            }
        }
    }

    /// What the source says of itself, or what can be told from when its last frame came.
    private func sight(at now: UInt64) -> Sight {
        if let status = (source as? any StatusReporting)?.status {
            let lost: Sight = .nothing(lastArrival.withLock { $0 } == nil ? .connecting : .noSignal)
            switch status.state {
            case .live: return .seeing
            case .connecting, .waiting: return lost
            case .stalled: return .nothing(.noSignal)
            case .corrupt: return .nothing(.refused)
            case .ended: return .over
            }
        }
        guard let stream, let last = lastArrival.withLock({ $0 }) else { return .nothing(.connecting) }
        let rate = stream.frameRate.flatMap { $0.isPositive ? $0.value : nil } ?? BlindClock.defaultRate
        let silence = max(500_000_000, UInt64(min(3 / rate, 3600) * 1e9))
        return now > last && now - last > silence ? .nothing(.noSignal) : .seeing
    }

    private func writeBlind(_ cause: BlindCause, to outputs: inout Outputs) -> Bool {
        let capture = CaptureTime(
            epochNanoseconds: clock.epochNanoseconds, monotonicNanoseconds: clock.monotonicNanoseconds,
            origin: .synthetic)
        let stamp = FrameStamp(camera: camera, sequence: numbers.blind(), mediaTime: nil, capture: capture)
        let mask = blindMask(for: stamp, geometry: nil, cause: cause)
        guard deliver(to: &outputs, { try $0.writeBlind(mask, dropped: 0) }) else { return false }
        ledger.blind(cause)
        return true
    }

    /// A mask that says nothing.
    func blindMask(for stamp: FrameStamp, geometry: MaskGeometry?, cause: BlindCause) -> Mask {
        let size = engine.inputSize
        let classes = blindness.withLock { made in
            if let made { return made }
            let fresh = ClassMap(size: size)
            fresh.fill(ClassMap.noAnswer)
            made = fresh
            return fresh
        }
        return Mask(
            stamp: stamp, classes: classes, labels: engine.labels, model: engine.modelName,
            geometry: geometry ?? MaskGeometry(mask: size, source: stream?.size ?? size, fit: .stretch),
            stages: StageTimes(), flags: MaskFlags(origin: stamp.capture.origin, blind: cause))
    }
}

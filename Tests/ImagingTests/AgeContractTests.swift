import Imaging
import Testing

@Suite("The age contract")
struct AgeContractTests {
    private func stamp(at nanoseconds: UInt64) -> FrameStamp {
        FrameStamp(
            camera: "front", sequence: 1, mediaTime: nil,
            capture: CaptureTime(epochNanoseconds: 0, monotonicNanoseconds: nanoseconds, origin: .arrival))
    }

    @Test("lets a mask be sent as valid up to its age, and not a nanosecond longer")
    func edge() {
        let expiry = AgeContract(maxAge: 250).expiry(of: stamp(at: 1000))
        #expect(expiry == Expiry(1250))
        // A clock that was read before the capture makes nothing old.
        for now in [UInt64(0), 999, 1000, 1250] { #expect(!expiry.isOver(at: now)) }
        #expect(expiry.isOver(at: 1251))
    }

    @Test("without an age, a mask is never too old")
    func none() {
        let expiry = AgeContract(maxAge: nil).expiry(of: stamp(at: 1000))
        #expect(expiry == .never && !expiry.isOver(at: .max))
    }
}

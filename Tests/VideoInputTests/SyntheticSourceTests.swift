import Dispatch
import Imaging
import Synchronization
import SyntheticDrive
import Testing
import VideoInput

/// A clock that stands still until it is set.
private final class ManualClock: FrameClock {
    private let now = Mutex<UInt64>(5_000_000_000)

    var monotonicNanoseconds: UInt64 { now.withLock { $0 } }
    var epochNanoseconds: Int64 { 1_700_000_000_000_000_000 }
    func advance(_ nanoseconds: UInt64) { now.withLock { $0 += nanoseconds } }
}

@Suite("The synthetic source")
struct SyntheticSourceTests {
    private static let small = ImageSize(height: 36, width: 64)

    @Test("it gives as many frames as it announces, numbered and timed, and then ends")
    func frames() throws {
        let source = try SyntheticSource(camera: "front", url: "synthetic:size=64x36,rate=30000/1001,seconds=0.2")
        let info = try source.open()
        #expect(info.size == Self.small)
        #expect(info.frameRate == Rational(30000, 1001))
        #expect(info.timeBase == Rational(1001, 30000))
        #expect(info.frameCount == 6)
        #expect(info.summary.contains("seed 0"))
        #expect(!source.isLive)
        var stamps: [FrameStamp] = []
        while let frame = try source.next() {
            stamps.append(frame.stamp)
            #expect(frame.picture.size == Self.small)
            #expect(frame.picture.format == .rgb24)
            #expect(frame.stages[.decode].nanoseconds > 0)
        }
        #expect(stamps.map(\.sequence) == Array(0..<6))
        #expect(stamps.map(\.mediaTime?.value) == Array(0..<6))
        #expect(stamps.allSatisfy { $0.camera == "front" && $0.capture.origin == .synthetic && $0.mediaDuration == 1 })
        #expect(try source.next() == nil)
        source.close()
    }

    @Test("its frames are those of the drive")
    func agreesWithDrive() throws {
        let options = SyntheticOptions(seed: 21, size: Self.small)
        let source = SyntheticSource(camera: "front", options: options)
        let drive = SyntheticDrive(options: options, labels: try TestLabels.labels())
        _ = try source.open()
        for index in 0..<4 {
            let frame = try #require(try source.next())
            #expect(DrivePicture.bytes(of: frame.picture) == DrivePicture.bytes(of: drive.picture(at: index)))
        }
    }

    @Test("frames that are kept are not painted over")
    func kept() throws {
        let source = SyntheticSource(camera: "front", options: SyntheticOptions(seed: 2, size: Self.small))
        _ = try source.open()
        let first = try #require(try source.next())
        let before = DrivePicture.bytes(of: first.picture)
        for _ in 0..<5 { _ = try source.next() }
        #expect(DrivePicture.bytes(of: first.picture) == before)
    }

    @Test("without a length it does not end, and opened again it begins anew")
    func endless() throws {
        let source = SyntheticSource(camera: "front", options: SyntheticOptions(seed: 3, size: Self.small))
        #expect(try source.open().frameCount == nil)
        var first: [UInt8] = []
        for index in 0..<200 {
            let frame = try #require(try source.next())
            if index == 0 { first = DrivePicture.bytes(of: frame.picture) }
        }
        source.close()
        #expect(try source.next() == nil)
        _ = try source.open()
        let again = try #require(try source.next())
        #expect(again.stamp.sequence == 0)
        #expect(DrivePicture.bytes(of: again.picture) == first)
    }

    @Test("live, a late reader misses the frames whose time is over, and the drive ends on time")
    func livePacing() throws {
        let clock = ManualClock()
        let options = SyntheticOptions(size: Self.small, seconds: 2, isLive: true)
        let source = SyntheticSource(camera: "front", options: options, clock: clock)
        #expect(source.isLive)
        _ = try source.open()
        #expect(try source.next()?.stamp.mediaTime?.value == 0)
        clock.advance(1_000_000_000)
        let late = try #require(try source.next())
        #expect(late.stamp.mediaTime?.value == 30)
        #expect(late.stamp.sequence == 1)
        #expect(late.stamp.capture.monotonicNanoseconds == 6_000_000_000)
        // One frame on: due at 31/30 s, not a nanosecond earlier.
        clock.advance(33_333_334)
        #expect(try source.next()?.stamp.mediaTime?.value == 31)
        clock.advance(10_000_000_000)
        #expect(try source.next() == nil)
    }

    @Test("cancel ends a wait for a frame that is not due, and everything after it")
    func cancelWhilePacing() throws {
        let options = SyntheticOptions(size: Self.small, isLive: true)
        let source = SyntheticSource(camera: "front", options: options, clock: ManualClock())
        _ = try source.open()
        _ = try source.next()
        let entered = DispatchSemaphore(value: 0)
        let left = DispatchSemaphore(value: 0)
        let wasCancelled = Mutex(false)
        DispatchQueue(label: "reader").async {
            entered.signal()
            do { _ = try source.next() } catch is CancellationError { wasCancelled.withLock { $0 = true } } catch {}
            left.signal()
        }
        entered.wait()
        source.cancel()
        left.wait()
        #expect(wasCancelled.withLock { $0 })
        #expect(throws: CancellationError.self) { try source.next() }
        #expect(throws: CancellationError.self) { try source.open() }
        source.cancel()
    }
}

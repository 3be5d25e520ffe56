import Dispatch
import Imaging
import MediaIO
import Threads

/// Publishes a camera's masks, blind ones too, at a socket: `.mask` (ids), `.color` (class colours) or `.nut` (both), as
/// `docs/wire.md` says.
///
/// It never waits for a reader, and works for nobody: without readers nothing is painted or sent. The socket itself stays
/// open after `finish`, for the next `begin` (a camera that comes back); the `SocketServer` closes it. One queue calls it.
public final class SocketSink: MaskSink, @unchecked Sendable {
    /// What is sent.
    public enum Content: String, Sendable, CaseIterable {
        /// Y4M Cmono: a byte a pixel is a class id.
        case mask
        /// Y4M C444: the class colours in BT.601.
        case color
        /// NUT, pal8: exact ids, the palette, and the times of capture.
        case nut
    }

    /// `socket /run/segmentd/front.mask`.
    public let summary: String
    private let socket: MaskSocket
    private let content: Content
    private var begun: Begun?
    private var times = NUTTimes()
    private var draining: (until: DispatchTime, done: MonotonicSemaphore)?

    private struct Begun {
        let maskSize: ImageSize
        let painter: MaskPainter
        let pool: BufferPool<FrameBytes>
        /// What `.color` shows while there is nothing to see; made when it is first shown.
        var blind: Loan<FrameBytes>?
    }

    /// A sink at an open socket.
    public init(socket: MaskSocket, content: Content) {
        self.socket = socket
        self.content = content
        summary = "socket \(socket.path)"
    }

    /// Sends the header to those who wait for it.
    public func begin(stream info: StreamInfo, maskSize: ImageSize, labels: LabelSet) throws {
        let isPalette = content == .nut
        begun = Begun(
            maskSize: maskSize, painter: MaskPainter(labels: labels),
            pool: BufferPool {
                let frame = FrameBytes(size: maskSize, format: isPalette ? .pal8 : .yuv444p)
                frame.withPalette { NUTStream.write(palette: labels, to: $0) }
                return frame
            })
        socket.announce(
            SocketStream(
                identity: SocketStream.Identity(content: content, size: maskSize),
                header: header(size: maskSize, frameRate: info.frameRate)))
    }

    private func header(size: ImageSize, frameRate: Rational?) -> [UInt8] {
        switch content {
        case .mask, .color:
            Y4MText.header(
                size: size, frameRate: frameRate, pixelAspect: Rational(1, 1),
                layout: content == .mask ? .mono : .full)
        case .nut: NUTStream.header(size: size, frameRate: frameRate)
        }
    }

    /// Publishes one mask.
    public func write(_ mask: Mask, of frame: Frame, dropped: Int) throws { try publish(mask, dropped: dropped) }

    /// Readers are told that there is nothing to see.
    public var showsBlindness: Bool { true }

    /// Publishes a blind mask.
    public func writeBlind(_ mask: Mask, dropped: Int) throws { try publish(mask, dropped: dropped) }

    private func publish(_ mask: Mask, dropped: Int) throws {
        guard let begun else { throw OutputError.outOfOrder(output: summary) }
        guard mask.classes.size == begun.maskSize else {
            throw OutputError.sizeChanged(output: summary, expected: begun.maskSize, got: mask.classes.size)
        }
        guard socket.hasClients else {
            socket.skip(dropped + 1)
            return
        }
        let payload: SocketFrame.Payload
        var prefix: [UInt8]?
        switch content {
        case .mask: payload = .ids(mask)
        case .color where mask.flags.isBlind:
            let picture = begun.blind ?? Self.hatching(begun.pool.take())
            self.begun?.blind = picture
            payload = .painted(picture)
        case .color:
            let loan = begun.pool.take()
            loan.buffer.withPlanes { planes in
                begun.painter.drawColors(
                    of: mask, maskOnly: true, on: planes, format: .yuv444p, matrix: 6, size: begun.maskSize)
            }
            payload = .painted(loan)
        case .nut:
            let loan = begun.pool.take()
            loan.buffer.withPlanes { planes in
                begun.painter.drawIDs(of: mask, maskOnly: true, on: planes, size: begun.maskSize)
            }
            payload = .painted(loan)
            prefix = NUTStream.framePrefix(
                time: times.next(mask.stamp.capture.epochNanoseconds), count: loan.buffer.count)
        }
        socket.publish(
            SocketFrame(
                stamp: mask.stamp, flags: mask.flags.rawValue, payload: payload, prefix: prefix,
                expiry: mask.flags.isBlind ? .never : mask.expiry),
            skipped: dropped)
    }

    /// Grey lines on black, which no street and no class looks like.
    private static func hatching(_ picture: Loan<FrameBytes>) -> Loan<FrameBytes> {
        let (black, grey, neutral): (UInt8, UInt8, UInt8) = (16, 90, 128)
        picture.buffer.withPlanes { planes in
            for (index, plane) in planes.enumerated() {
                for y in 0..<plane.rows {
                    let row = plane[y]
                    for x in 0..<row.count {
                        row[x] = index > 0 ? neutral : (x + y) % 32 < 4 ? grey : black
                    }
                }
            }
        }
        return picture
    }

    /// Readers have until `deadline` to take what is on its way to them.
    public func willFinish(by deadline: DispatchTime) {
        if begun != nil { draining = (deadline, socket.drained()) }
    }

    /// Waits for the readers, as long as `willFinish` said; a second where it was not called.
    public func finish() throws {
        guard begun != nil else { throw OutputError.outOfOrder(output: summary) }
        let (deadline, done) = draining ?? (.now() + 1, socket.drained())
        _ = done.wait(timeout: deadline)
        draining = nil
        begun = nil
    }

    /// Leaves readers where they are: a frame that was begun is still finished.
    public func abandon() {
        draining = nil
        begun = nil
    }
}

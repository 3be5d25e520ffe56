import CFFmpeg
import Glibc
import Imaging
import Synchronization

/// What a playlist has FFmpeg open: no more than anybody means in one call, and nothing after that call was ended.
///
/// FFmpeg follows a playlist that names itself for ever, and asks nobody in between.
final class FollowedURLs: Sendable {
    /// Playlists and segments that one call may open. A master playlist has a few dozen.
    private static let most = 1000

    private let interruption: Interruption
    private let count = Atomic<Int>(0)

    init(_ interruption: Interruption) { self.interruption = interruption }

    /// Whether a call opened more than it may.
    var isEndless: Bool { count.load(ordering: .relaxed) > Self.most }

    /// A new call of FFmpeg begins.
    func begin() { count.store(0, ordering: .relaxed) }

    /// Has `context` ask here before it opens a URL. This must outlive it.
    func watch(_ context: UnsafeMutablePointer<AVFormatContext>) {
        context.pointee.opaque = Unmanaged.passUnretained(self).toOpaque()
        context.pointee.io_open = { context, output, url, flags, options in
            guard let context, let opaque = context.pointee.opaque, let open = FollowedURLs.ffmpegs else {
                return ff_averror(EINVAL)
            }
            let followed = Unmanaged<FollowedURLs>.fromOpaque(opaque).takeUnretainedValue()
            guard !followed.interruption.isDue else { return FF_ERROR_EXIT }
            followed.count.add(1, ordering: .relaxed)
            return followed.isEndless ? ff_averror(ELOOP) : open(context, output, url, flags, options)
        }
    }

    private typealias Open =
        @convention(c) (
            UnsafeMutablePointer<AVFormatContext>?, UnsafeMutablePointer<UnsafeMutablePointer<AVIOContext>?>?,
            UnsafePointer<CChar>?, Int32, UnsafeMutablePointer<OpaquePointer?>?
        ) -> Int32

    /// How FFmpeg opens a URL itself, with its lists of what is allowed.
    private static let ffmpegs: Open? = {
        let context = avformat_alloc_context()
        defer { avformat_free_context(context) }
        return context?.pointee.io_open
    }()

    /// Says what is wrong with a playlist that never ends.
    func failure(_ action: String, _ subject: String) -> MediaError {
        MediaError(
            .invalidData, action, subject, reason: "it has FFmpeg open more than \(Self.most) other files or URLs",
            hint: "does the playlist name itself?")
    }
}

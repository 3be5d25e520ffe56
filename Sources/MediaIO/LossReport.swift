import CFFmpeg
import Glibc

/// Tells from FFmpeg's log that data was lost. Often it says so nowhere else: a demuxer that missed packets passes on
/// what came, and a decoder that lacks a reference makes one up.
enum LossReport {
    /// Parts of FFmpeg's own messages; nothing that cameras provoke whose pictures are whole.
    private static let phrases = [
        // libavformat
        "RTP: missed", "max delay reached", "jitter buffer full", "Packet corrupt", "Continuity check failed",
        "Concealing bitstream errors",
        // H.264
        "reference picture missing during reorder", "Missing reference picture", "mmco: unref short",
        "illegal short term buffer state", "non-existing PPS", "non-existing SPS", "no frame!",
        "error while decoding MB", "co located POCs unavailable", "Invalid NAL unit size",
        // H.265
        "Could not find ref with POC", "Error constructing the reference", "PPS id out of range",
        "First slice in a frame missing", "Two slices reporting being the first",
        // MPEG-4 and MPEG-2
        "corrupted macroblock", "slice end not reached", "ac-tex damaged", "dc marker missing",
        "warning: first frame is no keyframe",
    ]

    /// Beginnings of lines that FFmpeg keeps for developers: H.264 pictures between this and the one before are
    /// missing, or a slice was read past its end.
    private static let whispers = ["Frame num gap", "bytestream overread"]

    /// Whether a line of a developer's level is one of these, by its format.
    static func isWhispered(level: Int32, format: UnsafePointer<CChar>) -> Bool {
        guard level == AV_LOG_DEBUG else { return false }
        return whispers.contains { strncmp(format, $0, $0.utf8.count) == 0 }
    }

    /// What the MJPEG decoder says when it gives up within a picture. It hands the picture out all the same, the rest
    /// grey or torn. A missing end marker alone ("EOI missing") is harmless.
    private static let unfinished = ["overread ", "error dc", "error y=", "error count: "]

    /// Whether one of the lines of a JPEG decoder says that a part of the picture is missing.
    static func isUnfinishedJPEG(_ said: [FFmpegLog.Said]) -> Bool {
        said.contains { line in line.isError && unfinished.contains { line.message.hasPrefix($0) } }
    }

    /// Whether one of the lines says so.
    static func isLoss(_ said: [FFmpegLog.Said]) -> Bool {
        said.contains { line in line.isWhisper || phrases.contains { line.message.contains($0) } }
    }

    /// Words of errors that concern no pixel of a still picture.
    private static let harmless = ["exif", "icc", "profile", "metadata", "app fields", "comment"]

    /// Whether one of the lines says of a still picture that pixels are damaged or missing.
    static func isDamage(_ said: [FFmpegLog.Said]) -> Bool {
        said.contains { line in
            if line.message.contains("EOI missing") { return true }
            let words = line.message.lowercased()
            return line.isError && !harmless.contains { words.contains($0) }
        }
    }
}

/// Tells from FFmpeg's log that data was lost. Often it says so nowhere else: a demuxer that missed packets passes on
/// what came, and a decoder that lacks a reference makes one up.
enum LossReport {
    /// Parts of FFmpeg's own messages; nothing that cameras provoke whose pictures are whole.
    private static let phrases = [
        // libavformat
        "RTP: missed", "max delay reached", "jitter buffer full", "Packet corrupt", "Continuity check failed",
        "Concealing bitstream errors",
        // H.264
        "Frame num gap", "reference picture missing during reorder", "Missing reference picture", "mmco: unref short",
        "illegal short term buffer state", "non-existing PPS", "non-existing SPS", "no frame!",
        "error while decoding MB", "co located POCs unavailable", "Invalid NAL unit size",
        // H.265
        "Could not find ref with POC", "Error constructing the reference", "PPS id out of range",
        "First slice in a frame missing", "Two slices reporting being the first",
        // MPEG-4 and MPEG-2
        "corrupted macroblock", "slice end not reached", "ac-tex damaged", "dc marker missing",
        "warning: first frame is no keyframe",
    ]

    /// Whether one of the lines says so.
    static func isLoss(_ said: [FFmpegLog.Said]) -> Bool {
        said.contains { line in phrases.contains { line.message.contains($0) } }
    }
}

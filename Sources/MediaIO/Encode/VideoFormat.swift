import CFFmpeg
import Imaging

/// What the frames of a video are, which decides how they are encoded.
public enum VideoContent: String, Sendable, CaseIterable {
    /// Camera pictures, with or without colour over them: small files, good to look at.
    case picture
    /// Flat class colours: every pixel keeps its colour.
    case colors
    /// Class ids: every byte is kept.
    case ids
}

/// A container and an encoder for one kind of content, chosen by the file name's extension (`VideoWriter`'s table).
struct VideoFormat: Equatable {
    /// libavformat's name of the muxer.
    let muxer: String
    /// libavcodec's name of the encoder.
    let encoder: String
    /// What the encoder takes.
    let pixelFormat: PixelFormat
    /// The encoder's own options.
    let options: [String: String]
    /// The most pixels in a row or column that the encoder takes; nil where it is the memory that decides.
    var longestSide: Int? { ["libx264": 16_384, "libvpx-vp9": 65_535][encoder] }
    /// The same, for a file that must be playable at any moment: nothing waits in the encoder, and a key frame comes
    /// every two seconds or so.
    func withoutDelay(frameRate: Rational?) -> VideoFormat {
        let rate = frameRate.flatMap { $0.isPositive ? $0.value : nil } ?? 15
        var options = options
        switch encoder {
        case "libx264":
            options["tune"] = "zerolatency"
            options["g"] = "\(Int(min(max(2 * rate, 4), 240)))"
        case "libvpx-vp9":
            options["lag-in-frames"] = "0"
            options["g"] = "\(Int(min(max(2 * rate, 4), 240)))"
        default: break
        }
        return VideoFormat(muxer: muxer, encoder: encoder, pixelFormat: pixelFormat, options: options)
    }

    /// What the muxer must be told so that `VideoWriter.flush` leaves a file that can be played.
    var recoverableMuxing: [String: String] {
        switch muxer {
        case "mp4", "mov": ["movflags": "frag_custom+empty_moov+default_base_moof"]
        case "matroska", "webm": ["cluster_time_limit": "1000"]
        default: [:]
        }
    }

    /// Whether the container counts frames instead of keeping time stamps.
    var countsFrames: Bool { muxer == "avi" }

    /// Whether the container keeps the time from one frame to the next in 32 bits.
    var hasShortSteps: Bool { ["mp4", "mov"].contains(muxer) }

    /// File name extensions that we can write, in the order of the manual.
    static let extensions = ["mp4", "m4v", "mov", "mkv", "webm", "avi", "nut", "framemd5"]

    /// The format for `path`, or why there is none.
    static func of(path: String, content: VideoContent, size: ImageSize, quality: Int) throws(EncodeError)
        -> VideoFormat
    {
        let muxers = [
            "mp4": "mp4", "m4v": "mp4", "mov": "mov", "mkv": "matroska", "webm": "webm", "avi": "avi", "nut": "nut",
            "framemd5": "framemd5",
        ]
        guard let muxer = fileExtension(of: path).flatMap({ muxers[$0] }) else {
            throw .unknownExtension(path: path, known: extensions)
        }
        let isEven = size.height % 2 == 0 && size.width % 2 == 0
        let photographic: PixelFormat = isEven ? .yuv420p : .yuv444p
        switch (muxer, content) {
        case ("framemd5", .picture):
            return VideoFormat(muxer: muxer, encoder: "rawvideo", pixelFormat: photographic, options: [:])
        case ("framemd5", .colors):
            return VideoFormat(muxer: muxer, encoder: "rawvideo", pixelFormat: .rgb24, options: [:])
        case ("framemd5", .ids):
            return VideoFormat(muxer: muxer, encoder: "rawvideo", pixelFormat: .gray, options: [:])
        case ("webm", .picture):
            return VideoFormat(
                muxer: muxer, encoder: "libvpx-vp9", pixelFormat: photographic,
                options: ["crf": "\(quality + 12)", "b": "0"].merging(vp9) { own, _ in own })
        case ("webm", .colors):
            return VideoFormat(
                muxer: muxer, encoder: "libvpx-vp9", pixelFormat: .yuv444p,
                options: ["lossless": "1"].merging(vp9) { own, _ in own })
        case ("mp4", .ids), ("mov", .ids), ("webm", .ids):
            throw .unsuitable(
                path: path, reason: "a .\(fileExtension(of: path) ?? muxer) file cannot hold exact class ids",
                advice: "write .mkv (FFV1, lossless), a folder of PNGs, or Y4M to standard output (-)")
        case (_, .picture):
            return VideoFormat(
                muxer: muxer, encoder: "libx264", pixelFormat: photographic,
                options: ["preset": "veryfast", "crf": "\(quality)"])
        case ("mp4", .colors), ("mov", .colors):
            return VideoFormat(
                muxer: muxer, encoder: "libx264", pixelFormat: .yuv444p, options: ["preset": "veryfast", "qp": "0"])
        case (_, .colors):
            return VideoFormat(muxer: muxer, encoder: "ffv1", pixelFormat: PixelFormat(rawValue: "bgr0"), options: ffv1)
        case (_, .ids):
            return VideoFormat(muxer: muxer, encoder: "ffv1", pixelFormat: .gray, options: ffv1)
        }
    }

    private static let ffv1 = ["level": "3", "slicecrc": "1", "g": "1"]
    private static let vp9 = ["deadline": "realtime", "cpu-used": "7", "row-mt": "1", "auto-alt-ref": "0"]

    /// The lower-case extension of a path's last component; nil where it has none.
    static func fileExtension(of path: String) -> String? {
        let name = path.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return nil }
        let found = name[name.index(after: dot)...]
        return found.isEmpty ? nil : found.lowercased()
    }
}

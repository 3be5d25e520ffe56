import CFFmpeg
import Glibc
import Imaging

/// What went wrong while a container was opened, in words that a user understands.
extension DemuxerOpening {
    func tooLarge(_ what: String) -> MediaError {
        MediaError(
            .tooLarge, "open", subject, reason: "\(what), more than the \(options.maxPixels) pixels allowed",
            hint: MediaError.maxPixelsHint)
    }

    func failure(_ code: Int32, _ action: String, _ said: [String]) -> any Error {
        if interruption.isCancelled { return CancellationError() }
        if interruption.isExpired {
            let time = options.openTimeout.map { "\($0)" } ?? "the time allowed"
            return MediaError(.timedOut, "open", subject, reason: "no answer within \(time)")
        }
        if followed.isEndless { return followed.failure(action, subject) }
        let detail = said.last { !$0.hasPrefix("error reading header") }
        if let error = refusal(said) { return error }
        let content = location.path.map(FileContent.init(path:)) ?? .unknown
        if content == .text {
            return MediaError(
                kind: .invalidData, action: "open", subject: subject, reason: "it is a text file, not a video",
                code: code, hint: nil)
        }
        if case .still(let name) = content { return unreadable(name, code) }
        if let detail, detail.contains("moov atom not found"), content != .notMP4 {
            return MediaError(
                kind: .truncated, action: action, subject: subject,
                reason: "the MP4 file has no index (moov atom not found)", code: code,
                hint: "the recording was cut off before it was finished; a tool such as untrunc may save it")
        }
        if code == FF_ERROR_EOF, location.path != nil {
            return MediaError(
                kind: .truncated, action: action, subject: subject, reason: "the data ends before its first picture",
                code: code, hint: "the file was cut off, or is no video; `ffprobe` tells more")
        }
        let isMisled = detail?.contains("moov atom not found") == true
        let told = isMisled ? "it is not the MP4 file that its name promises" : detail
        // A file was read, or it would have been said before; what the user asked for may still make no sense.
        let isOfData = location.path != nil && !isDevice && options.format == nil && options.options.isEmpty
        return isOfData
            ? MediaError(dataCode: code, action, subject, detail: told, hint: hint(for: code))
            : MediaError(code: code, action, subject, detail: told, hint: hint(for: code))
    }

    private func unreadable(_ name: String, _ code: Int32) -> MediaError {
        let way =
            switch name {
            case "AVIF": "for example with `avifdec IN OUT.png` or with ffmpeg 7.1 or later"
            case "CR3": "for example with a converter for raw photos, such as darktable"
            default: "for example with `heif-convert IN OUT.jpg` or with ffmpeg 7.1 or later"
            }
        return MediaError(
            kind: .unsupported, action: "read", subject: subject,
            reason: "it is a picture in \(name), which this FFmpeg cannot read", code: code,
            hint: "convert it to JPEG or PNG, \(way)")
    }

    /// What a whitelist kept out.
    private func refusal(_ said: [String]) -> MediaError? {
        // What follows in the line is the whole list.
        if let line = said.first(where: { $0.contains("Format not on whitelist") }) {
            let name = line.split(separator: ":").first.map(String.init) ?? "it has"
            return MediaError(
                .unsupported, "read", subject, reason: "the format \(name) is not among those allowed",
                hint:
                    "allow it with --formats, or under formats in the configuration, if this is meant; playlists need protocols too"
            )
        }
        if let line = said.first(where: { $0.contains("not on whitelist") }) {
            return MediaError(
                .unsupported, "read", subject, reason: "it asks for what is not allowed: \(line)",
                hint:
                    "allow it with --protocols, --formats or --codecs, or under these names in the configuration, if this is meant"
            )
        }
        return nil
    }

    private func hint(for code: Int32) -> String? {
        switch MediaError.kind(of: code) {
        case .invalidData where location.path != nil: "is it a video? `ffprobe` tells what it is"
        case .permission where location.path == nil: "check user name and password"
        case .connection where location.path == nil: "is the server running and reachable?"
        case .unsupported where code == MediaError.protocolNotFound:
            "`ffmpeg -protocols` lists what can be opened"
        default: nil
        }
    }
}

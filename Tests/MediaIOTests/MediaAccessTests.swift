import Foundation
import Imaging
import MediaIO
import Testing

@Suite("What may be opened", .enabled(if: TestMedia.isAvailable, "skipped: ffmpeg and ffprobe are not installed"))
struct MediaAccessTests {
    private func failure(_ location: String, _ access: MediaAccess = MediaAccess()) -> MediaError? {
        var options = VideoReader.Options()
        options.demuxer.access = access
        options.demuxer.openTimeout = .seconds(2)
        do {
            let reader = try VideoReader(MediaLocation(location), options: options)
            _ = try reader.next()
            return nil
        } catch {
            return error as? MediaError
        }
    }

    @Test("a playlist that names other files is refused, and so are schemes that open them")
    func playlists() throws {
        let media = try TestMedia()
        let video = try media.make("a.ts", "-f lavfi -i testsrc2=s=64x48:r=25:d=0.4 -c:v libx264")
        let playlist = media.path("a.m3u8")
        let text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.4,\n\(video)\n#EXT-X-ENDLIST\n"
        try text.write(toFile: playlist, atomically: true, encoding: .utf8)
        #expect(failure(video) == nil)
        let refused = failure(playlist)
        #expect(refused?.kind == .unsupported, "\(String(describing: refused))")
        #expect(refused?.reason.contains("hls") == true, "\(String(describing: refused))")
        for location in ["concat:\(video)|\(video)", "subfile,,start,0,end,100,,:\(video)", "crypto:\(video)"] {
            let error = failure(location)
            #expect(error != nil, "\(location)")
        }
        #expect(failure("concat:\(video)|\(video)")?.kind == .unsupported)
        // Named, they are allowed.
        #expect(failure(playlist, MediaAccess(protocols: ["file"], formats: ["hls", "mpegts"])) == nil)
        #expect(failure("concat:\(video)|\(video)", MediaAccess(protocols: ["concat", "file"])) == nil)
    }

    @Test("a playlist that names itself is told, and followed for no time", arguments: [true, false])
    func endless(isMaster: Bool) throws {
        let media = try TestMedia()
        let playlist = media.path("a.m3u8")
        let text = isMaster ? "#EXT-X-STREAM-INF:BANDWIDTH=100\na.m3u8\n" : "#EXTINF:1,\na.m3u8\n"
        try ("#EXTM3U\n" + text).write(toFile: playlist, atomically: true, encoding: .utf8)
        let error = failure(playlist, MediaAccess(protocols: ["file"], formats: ["hls"]))
        #expect(error?.kind == .invalidData, "\(String(describing: error))")
        if isMaster { #expect(error?.hint?.contains("name itself") == true, "\(String(describing: error))") }
    }

    @Test("formats and codecs can be narrowed")
    func narrowed() throws {
        let media = try TestMedia()
        let video = try media.make("a.mkv", "-f lavfi -i testsrc2=s=64x48:r=25:d=0.4 -c:v libx264")
        #expect(failure(video, MediaAccess(formats: ["matroska"], codecs: ["h264"])) == nil)
        #expect(failure(video, MediaAccess(formats: ["mov"]))?.kind == .unsupported)
        let codec = failure(video, MediaAccess(codecs: ["hevc"]))
        #expect(codec?.kind == .unsupported)
        #expect(codec?.description.contains("h264") == true)
        #expect(failure(video, MediaAccess(protocols: ["tcp"]))?.kind == .unsupported)
    }

    @Test("the safe names are names of this FFmpeg", arguments: ["demuxers", "decoders"])
    func known(kind: String) throws {
        let text = String(decoding: try TestMedia.run("/usr/bin/ffmpeg", ["-hide_banner", "-\(kind)"]), as: UTF8.self)
        let names = Set(
            text.split(separator: "\n").flatMap { line -> [Substring] in
                let words = line.split(separator: " ")
                return words.count > 1 ? words[1].split(separator: ",") : []
            }.map(String.init))
        let wanted =
            kind == "demuxers"
            ? ["avi", "h264", "hevc", "matroska", "mov", "mpegts", "rtsp", "rawvideo", "yuv4mpegpipe", "png_pipe"]
            : ["h264", "hevc", "mjpeg", "mpeg4", "png", "vp9", "rawvideo", "ffv1"]
        let safe = kind == "demuxers" ? MediaAccess.safeFormats : MediaAccess.safeCodecs
        for name in wanted { #expect(safe.contains(name) && names.contains(name), "\(name)") }
        for name in ["hls", "concat", "tty", "lavfi", "dash", "sdp"] { #expect(!safe.contains(name)) }
    }
}

@Suite("References to secrets")
struct SecretReferencesTests {
    @Test("variables and credentials are put in, encoded in URLs, and hidden from then on")
    func resolves() throws {
        let folder = NSTemporaryDirectory() + "segmentd-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try "operator-canary\n".write(toFile: folder + "/cam_user", atomically: true, encoding: .utf8)
        let variables = ["CAM_PASS": "p@ss/canary word", "CREDENTIALS_DIRECTORY": folder]
        let references = try SecretReferences("rtsp://${credential:cam_user}:${env:CAM_PASS}@10.0.0.5/stream")
        #expect(!references.isEmpty)
        let url = try references.resolved { variables[$0] }
        #expect(url == "rtsp://operator-canary:p%40ss%2Fcanary%20word@10.0.0.5/stream")
        #expect(MediaLocation(url).description == "rtsp://***@10.0.0.5/stream")
        #expect(MediaLocation.redacted("FFmpeg says p@ss/canary word to operator-canary") == "FFmpeg says *** to ***")
        // A path is not encoded.
        #expect(try SecretReferences("/data/${env:CAM_PASS}").resolved { variables[$0] } == "/data/p@ss/canary word")
    }

    @Test("what is missing is named, without values")
    func missing() throws {
        let references = try SecretReferences("rtsp://${credential:cam_user}:${env:CAM_PASS}@host/")
        #expect(throws: SecretReferences.Failure.noCredential("cam_user", directory: nil)) {
            _ = try references.resolved { _ in nil }
        }
        #expect(throws: SecretReferences.Failure.noCredential("cam_user", directory: "/nowhere")) {
            _ = try references.resolved { $0 == "CREDENTIALS_DIRECTORY" ? "/nowhere" : nil }
        }
        #expect(throws: SecretReferences.Failure.noVariable("CAM_PASS")) {
            _ = try SecretReferences("${env:CAM_PASS}").resolved { _ in nil }
        }
        #expect(SecretReferences.Failure.noVariable("CAM_PASS").description.contains("CAM_PASS"))
    }

    @Test(
        "references that are not written rightly are refused",
        arguments: [
            "rtsp://${env:A", "${file:/etc/passwd}", "${env:}", "${credential:../x/y}", "${credential:..}", "${}",
        ])
    func wrong(text: String) {
        #expect(throws: SecretReferences.Failure.self) { _ = try SecretReferences(text) }
    }

    @Test("a text without references stays as it is", arguments: ["rtsp://a:b@c/$x", "", "a$b{c}"])
    func plain(text: String) throws {
        let references = try SecretReferences(text)
        #expect(references.isEmpty)
        #expect(try references.resolved { _ in nil } == text)
    }
}

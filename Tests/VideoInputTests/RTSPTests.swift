import Foundation
import Imaging
import MediaIO
import Testing
import VideoInput

/// A real RTSP server, GStreamer's, in a process of its own.
private enum RTSPServer {
    static let isAvailable: Bool = {
        let check =
            "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst; Gst.init(None);"
            + "assert Gst.ElementFactory.find('x264enc') and Gst.ElementFactory.find('rtph264pay')"
        return (try? TestMedia.run("/usr/bin/python3", ["-c", check])) != nil
    }()

    private static let script = """
        import gi
        gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0')
        from gi.repository import Gst, GstRtspServer, GLib
        Gst.init(None)
        server = GstRtspServer.RTSPServer(); server.set_address('127.0.0.1'); server.set_service('0')
        factory = GstRtspServer.RTSPMediaFactory(); factory.set_shared(True)
        factory.set_launch('( videotestsrc is-live=1 ! video/x-raw,width=160,height=120,framerate=25/1 ! x264enc '
            'tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96 '
            'audiotestsrc is-live=1 ! alawenc ! rtppcmapay name=pay1 pt=8 )')
        server.get_mount_points().add_factory('/cam', factory)
        server.attach(None)
        print(server.get_bound_port(), flush=True)
        GLib.MainLoop().run()
        """

    static func start() throws -> ScriptedServer { try ScriptedServer("the RTSP server", script: script) }
}

@Suite("RTSP cameras", .enabled(if: RTSPServer.isAvailable, "skipped: GStreamer's RTSP server is not installed"))
struct RTSPTests {
    @Test("a camera is read over TCP, its silence is a timeout, its death the end, its absence a refusal")
    func life() throws {
        let server = try RTSPServer.start()
        var options = SourceOptions()
        options.readTimeout = .milliseconds(800)
        let address = "rtsp://admin:canary42@127.0.0.1:\(server.port)/cam"
        let source = try VideoSources.source(SourceInput(address), camera: "front", options: options)
        #expect(source.isLive)
        let info = try source.open()
        #expect(info.size == ImageSize(height: 120, width: 160))
        #expect(info.frameCount == nil)
        for number in 0..<20 {
            let frame = try #require(try source.next())
            #expect(frame.stamp.sequence == UInt64(number))
            #expect(frame.picture.size == info.size)
        }

        server.signal(SIGSTOP)
        let error = #expect(throws: MediaError.self) { while try source.next() != nil {} }
        #expect(error?.kind == .timedOut)
        #expect(error?.description.contains("canary42") == false)
        server.signal(SIGCONT)

        _ = try source.open()
        #expect(try source.next() != nil)
        server.signal(SIGKILL)
        while try source.next() != nil {}
        server.waitUntilExit()
        let refusal = #expect(throws: MediaError.self) { try source.open() }
        #expect(refusal?.kind == .connection)
    }
}

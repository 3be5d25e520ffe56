import Imaging
import Testing
import SyntheticDrive

@Suite("The options of the synthetic drive")
struct SyntheticOptionsTests {
    @Test("every option is read from the url")
    func all() throws {
        let options = try SyntheticOptions(
            url: "synthetic:seed=7,size=640x360,rate=30000/1001,seconds=2.5,live=true,noise=false")
        #expect(options.seed == 7)
        #expect(options.size == ImageSize(height: 360, width: 640))
        #expect(options.frameRate == Rational(30000, 1001))
        #expect(options.timeBase == Rational(1001, 30000))
        #expect(options.seconds == 2.5)
        #expect(options.frameCount == 75)
        #expect(options.isLive)
        #expect(!options.hasNoise)
    }

    @Test(
        "without options it is an endless 1280x720 drive at 30 frames a second", arguments: ["synthetic", "synthetic:"])
    func defaults(url: String) throws {
        let options = try SyntheticOptions(url: url)
        #expect(options == SyntheticOptions())
        #expect(options.size == ImageSize(height: 720, width: 1280))
        #expect(options.frameRate == Rational(30, 1))
        #expect(options.frameCount == nil)
        #expect(!options.isLive)
    }

    @Test("only synthetic urls are taken for one")
    func scheme() {
        #expect(SyntheticOptions.matches("synthetic:seed=1"))
        #expect(SyntheticOptions.matches("synthetic"))
        #expect(!SyntheticOptions.matches("synthetic.mp4"))
        #expect(!SyntheticOptions.matches("rtsp://synthetic:554/"))
        #expect(throws: SyntheticOptionsError.otherScheme(got: "drive.mp4")) { try SyntheticOptions(url: "drive.mp4") }
    }

    @Test(
        "a misspelt key is refused with the nearest one",
        arguments: [
            ("sede", "seed"), ("sise", "size"), ("rte", "rate"), ("second", "seconds"), ("LIVE", "live"),
            ("noisy", "noise"),
        ])
    func misspelt(key: String, nearest: String) {
        let error = #expect(throws: SyntheticOptionsError.self) { try SyntheticOptions(url: "synthetic:\(key)=1") }
        let text = error?.description ?? ""
        #expect(text.contains("\"\(key)\""))
        #expect(text.contains("did you mean \"\(nearest)\""))
    }

    @Test(
        "a bad value is refused with its key, what is expected and what was given",
        arguments: [
            ("seed", "-1"), ("seed", "x"), ("size", "640"), ("size", "0x360"), ("size", "640x360x3"),
            ("size", "1000000x1000000"), ("rate", "0"), ("rate", "30/0"), ("rate", "fast"), ("rate", "1/2/3"),
            ("rate", "5000"), ("seconds", "0"), ("seconds", "-3"), ("seconds", "nan"), ("seconds", "inf"),
            ("live", "maybe"), ("noise", ""),
        ])
    func badValue(key: String, value: String) {
        let error = #expect(throws: SyntheticOptionsError.self) {
            try SyntheticOptions(url: "synthetic:\(key)=\(value)")
        }
        let text = error?.description ?? ""
        #expect(text.contains("\"\(key)\" expects"))
        #expect(text.hasSuffix("got \"\(value)\""))
    }

    @Test("a key without a value and a key given twice are refused")
    func malformed() {
        #expect(throws: SyntheticOptionsError.self) { try SyntheticOptions(url: "synthetic:seed") }
        #expect(throws: SyntheticOptionsError.repeatedKey("seed")) {
            try SyntheticOptions(url: "synthetic:seed=1,seed=2")
        }
    }
}

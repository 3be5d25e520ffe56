import Imaging
import Testing

@Suite("Sizes")
struct ImageSizeTests {
    @Test(
        "are read height first, as the paper writes them",
        arguments: [
            ("768x1024", 768, 1_024), ("1x1", 1, 1), ("0016x0032", 16, 32), ("1048576x1", 1_048_576, 1),
        ])
    func heightFirst(_ text: String, _ height: Int, _ width: Int) {
        #expect(ImageSize(text) == ImageSize(height: height, width: width))
        #expect(ImageSize(videoSize: text) == ImageSize(height: width, width: height))
    }

    @Test("come back from their description")
    func description() {
        let size = ImageSize(height: 512, width: 1_024)
        #expect(size.description == "512x1024" && ImageSize(size.description) == size)
        #expect(size.area == 524_288 && size.transposed == ImageSize(height: 1_024, width: 512))
    }

    @Test(
        "are two positive numbers and nothing else",
        arguments: [
            "", "x", "768", "768x", "x1024", "768x1024x3", "768 x 1024", " 768x1024", "768x1024 ", "768X1024",
            "768×1024",
            "-768x1024", "+768x1024", "768x-1", "0x1024", "768x0", "7.5x2", "1e3x2", "٣x٤", "0x10", "1048577x1",
            "99999999999999999999x1", "768x1024\n", "768*1024", "seven", "x768x1024", "768xx1024", "768x1024x",
        ])
    func mistakes(_ text: String) {
        #expect(ImageSize(text) == nil)
        #expect(ImageSize(videoSize: text) == nil)
    }
}

@Suite("Fractions and times")
struct RationalTests {
    @Test("keep what they are given")
    func fractions() {
        let rate = Rational(30_000, 1_001)
        #expect(rate.description == "30000:1001" && abs(rate.value - 29.97) < 0.001 && rate.isPositive)
        #expect(Rational(2, 4) != Rational(1, 2))
    }

    @Test("are not positive where FFmpeg does not know them")
    func unknown() {
        for fraction in [Rational(0, 1), Rational(0, 0), Rational(1, 0), Rational(-1, 1), Rational(1, -1)] {
            #expect(!fraction.isPositive && fraction.value.isFinite, "\(fraction)")
        }
    }

    @Test("a media time is its ticks by its time base")
    func mediaTime() {
        #expect(MediaTime(value: 90_000, timeBase: Rational(1, 90_000)).seconds == 1)
        #expect(MediaTime(value: -45, timeBase: Rational(1, 90)).seconds == -0.5)
    }

    @Test("the machine's clocks go forward, and an arrival carries both")
    func clocks() {
        let clock = SystemClock()
        let first = clock.monotonicNanoseconds
        let arrival = clock.arrival
        #expect(arrival.monotonicNanoseconds >= first && clock.monotonicNanoseconds >= arrival.monotonicNanoseconds)
        #expect(arrival.origin == .arrival)
        // After 2020, before 2262.
        #expect(arrival.epochNanoseconds > 1_577_836_800_000_000_000)
    }
}

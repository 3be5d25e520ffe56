import Imaging

/// What kind of drive `synthetic:` renders, and how it is played.
public struct SyntheticOptions: Hashable, Sendable {
    /// The scheme before the colon.
    public static let scheme = "synthetic"
    /// The most pixels that a frame may have.
    public static let largestArea = 1 << 26

    /// Decides everything in the drive: road, houses, weather, traffic, noise.
    public var seed: UInt64
    /// The size of every frame.
    public var size: ImageSize
    /// Frames a second.
    public var frameRate: Rational
    /// The length in seconds; nil for a drive without end.
    public var seconds: Double?
    /// Whether frames come in real time, as a camera's do.
    public var isLive: Bool
    /// Whether the picture is softened by a lens and has a sensor's noise.
    public var hasNoise: Bool

    /// An endless drive of 1280×720 at 30 frames a second, not paced, unless told otherwise.
    public init(
        seed: UInt64 = 0, size: ImageSize = ImageSize(height: 720, width: 1280), frameRate: Rational = Rational(30, 1),
        seconds: Double? = nil, isLive: Bool = false, hasNoise: Bool = true
    ) {
        self.seed = seed
        self.size = size
        self.frameRate = frameRate
        self.seconds = seconds
        self.isLive = isLive
        self.hasNoise = hasNoise
    }

    /// How many frames `seconds` gives, one at least; nil without end.
    public var frameCount: Int? {
        seconds.map { max(1, Int(min(($0 * frameRate.value).rounded(), 9e15))) }
    }

    /// Seconds a tick of the drive's time stamps: one tick a frame.
    public var timeBase: Rational { Rational(frameRate.denominator, frameRate.numerator) }

    /// Whether `url` names a synthetic drive: `synthetic` alone, or `synthetic:` and options.
    public static func matches(_ url: String) -> Bool {
        url == scheme || url.hasPrefix(scheme + ":")
    }

    /// Parses `synthetic:seed=7,size=1280x720,rate=30,seconds=10,live=true,noise=false`, every part optional;
    /// `size` is width × height, as FFmpeg's `-video_size`, and `rate` may be a fraction such as `30000/1001`.
    public init(url: String) throws(SyntheticOptionsError) {
        guard Self.matches(url) else { throw .otherScheme(got: url) }
        self.init()
        var seen: Set<String> = []
        for part in url.dropFirst(Self.scheme.count + 1).split(separator: ",", omittingEmptySubsequences: true) {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let key = Key.trimmed(pair[0])
            guard let known = Key(rawValue: key) else {
                throw .unknownKey(key, nearest: Key.nearest(to: key).rawValue, known: Key.allCases.map(\.rawValue))
            }
            guard seen.insert(key).inserted else { throw .repeatedKey(key) }
            guard pair.count == 2 else { throw .badValue(key: key, expected: known.expectation, got: "") }
            let value = Key.trimmed(pair[1])
            guard set(known, to: value) else {
                throw .badValue(key: key, expected: known.expectation, got: value)
            }
        }
    }

    private mutating func set(_ key: Key, to text: String) -> Bool {
        switch key {
        case .seed:
            guard let value = UInt64(text) else { return false }
            seed = value
        case .size:
            guard let value = ImageSize(videoSize: text), value.area <= Self.largestArea else { return false }
            size = value
        case .rate:
            guard let value = Self.frameRate(text) else { return false }
            frameRate = value
        case .seconds:
            guard let value = Double(text), value.isFinite, value > 0 else { return false }
            seconds = value
        case .live:
            guard let value = Self.flag(text) else { return false }
            isLive = value
        case .noise:
            guard let value = Self.flag(text) else { return false }
            hasNoise = value
        }
        return true
    }

    private static func frameRate(_ text: String) -> Rational? {
        let parts = text.split(omittingEmptySubsequences: false) { $0 == "/" || $0 == ":" }
        guard parts.count <= 2, let numerator = Int(parts[0]) else { return nil }
        guard let denominator = parts.count == 2 ? Int(parts[1]) : 1 else { return nil }
        guard (1...1_000_000_000).contains(numerator), (1...1_000_000_000).contains(denominator) else { return nil }
        let rate = Rational(numerator, denominator)
        return rate.value <= 1000 ? rate : nil
    }

    private static func flag(_ text: String) -> Bool? {
        switch text {
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        default: nil
        }
    }

    enum Key: String, CaseIterable {
        case seed, size, rate, seconds, live, noise

        var expectation: String {
            switch self {
            case .seed: "a whole number from 0 to \(UInt64.max)"
            case .size: "WIDTHxHEIGHT such as 1280x720, \(SyntheticOptions.largestArea) pixels at most"
            case .rate: "frames a second such as 30 or 30000/1001, above 0 and up to 1000"
            case .seconds: "a number of seconds above 0"
            case .live, .noise: "true or false"
            }
        }

        static func trimmed(_ text: Substring) -> String {
            String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }

        static func nearest(to text: String) -> Key {
            allCases.min { $0.distance(to: text) < $1.distance(to: text) } ?? .seed
        }

        /// Levenshtein's distance: how many letters must be put in, taken out or exchanged.
        private func distance(to text: String) -> Int {
            var row = Array(0...rawValue.count)
            for (i, letter) in text.lowercased().enumerated() {
                var diagonal = row[0]
                row[0] = i + 1
                for (j, own) in rawValue.enumerated() {
                    let exchanged = diagonal + (letter == own ? 0 : 1)
                    diagonal = row[j + 1]
                    row[j + 1] = min(exchanged, row[j] + 1, diagonal + 1)
                }
            }
            return row[rawValue.count]
        }
    }
}

/// Why the options of a synthetic drive were refused.
public enum SyntheticOptionsError: Error, Hashable, CustomStringConvertible {
    /// The text does not begin with `synthetic:`.
    case otherScheme(got: String)
    /// There is no such option.
    case unknownKey(String, nearest: String, known: [String])
    /// The option is given twice.
    case repeatedKey(String)
    /// The option cannot have this value.
    case badValue(key: String, expected: String, got: String)

    /// One sentence for people.
    public var description: String {
        switch self {
        case .otherScheme(let got):
            "a synthetic drive is written synthetic:KEY=VALUE,…, not \"\(got)\""
        case .unknownKey(let key, let nearest, let known):
            "synthetic: has no option \"\(key)\"; did you mean \"\(nearest)\"? "
                + "It knows \(known.joined(separator: ", "))"
        case .repeatedKey(let key):
            "synthetic: option \"\(key)\" is given more than once"
        case .badValue(let key, let expected, let got):
            "synthetic: option \"\(key)\" expects \(expected), got \"\(got)\""
        }
    }
}

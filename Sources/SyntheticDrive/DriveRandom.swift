/// SplitMix64 (Steele, Lea, Flood 2014): small, quick, and the same on every machine.
struct DriveRandom {
    private var state: UInt64

    /// The generator that belongs to a thing: the same words give the same numbers.
    init(_ seed: UInt64, _ kind: UInt64 = 0, _ index: Int = 0) {
        state = Self.mixed(
            seed &+ Self.mixed(kind &+ 0x51_7CC1_B727_220A) &+ Self.mixed(UInt64(bitPattern: Int64(index))))
    }

    static func mixed(_ word: UInt64) -> UInt64 {
        var z = word &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func next() -> UInt64 {
        let word = Self.mixed(state)
        state &+= 0x9E37_79B9_7F4A_7C15
        return word
    }

    /// Evenly from 0 up to, not including, 1.
    mutating func unit() -> Float { Float(next() >> 40) * 0x1p-24 }

    /// Evenly from `low` to `high`.
    mutating func within(_ low: Float, _ high: Float) -> Float { low + (high - low) * unit() }

    /// True `probability` of the time.
    mutating func chance(_ probability: Float) -> Bool { unit() < probability }

    /// Evenly one of 0 ..< `count`; `count` must be above 0.
    mutating func index(_ count: Int) -> Int { Int(next() >> 33) % max(count, 1) }

    /// Roughly normal, deviation 1: the sum of four even numbers.
    mutating func normal() -> Float { (unit() + unit() + unit() + unit() - 2) * 1.732_050_8 }
}

/// Sine and cosine from additions and multiplications alone, so that every machine gets the same bits.
enum Wave {
    /// sin(2π · turns).
    static func sine(turns: Double) -> Double {
        var r = turns - turns.rounded()
        if r > 0.25 { r = 0.5 - r } else if r < -0.25 { r = -0.5 - r }
        let x = r * 6.283_185_307_179_586
        let q = x * x
        return x * (1 + q * (-1 / 6 + q * (1 / 120 + q * (-1 / 5040 + q * (1 / 362_880 - q / 39_916_800)))))
    }

    /// cos(2π · turns).
    static func cosine(turns: Double) -> Double { sine(turns: turns + 0.25) }
}

/// Smooth noise on a lattice of random numbers, which repeats after `period` cells each way.
struct LatticeNoise {
    private let corners: [Float]
    private let period: Int
    private let weights: [Float]

    /// Octaves about 0.5, each of twice the frequency and `gain` the height of the one before.
    init(period: Int, octaves: Int = 1, gain: Float = 0.5, salt: UInt64) {
        var random = DriveRandom(salt, 76)
        self.period = max(period, 1)
        var weights: [Float] = []
        var count = 0
        var cells = self.period
        for _ in 0..<max(octaves, 1) {
            weights.append((weights.last ?? 1 / gain) * gain)
            count += cells * cells
            cells *= 2
        }
        let total = weights.reduce(0, +)
        self.weights = weights.map { $0 / total }
        corners = (0..<count).map { _ in random.unit() }
    }

    /// The noise at a place given in cells of the first octave; not below 0.
    func value(_ x: Float, _ y: Float) -> Float {
        var sum: Float = 0
        var px = max(x, 0)
        var py = max(y, 0)
        var cells = period
        var start = 0
        for weight in weights {
            let ix = Int(px)
            let iy = Int(py)
            let a = Self.smooth(px - Float(ix))
            let b = Self.smooth(py - Float(iy))
            // Most places lie within the first period: a division is slow.
            let left = ix < cells ? ix : ix % cells
            let row = iy < cells ? iy : iy % cells
            let right = left + 1 == cells ? 0 : left + 1
            let top = start + row * cells
            let bottom = start + (row + 1 == cells ? 0 : row + 1) * cells
            let upper = corners[top + left] * (1 - a) + corners[top + right] * a
            let lower = corners[bottom + left] * (1 - a) + corners[bottom + right] * a
            sum += (upper * (1 - b) + lower * b) * weight
            px *= 2
            py *= 2
            start += cells * cells
            cells *= 2
        }
        return sum
    }

    private static func smooth(_ t: Float) -> Float { t * t * (3 - 2 * t) }
}

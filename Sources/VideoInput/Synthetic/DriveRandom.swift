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

/// Smooth noise on a lattice, repeating after `period` cells each way.
enum LatticeNoise {
    static func value(_ x: Float, _ y: Float, period: Int, salt: UInt64) -> Float {
        let fx = x.rounded(.down)
        let fy = y.rounded(.down)
        let ix = Int(fx)
        let iy = Int(fy)
        let a = smooth(x - fx)
        let b = smooth(y - fy)
        let top = corner(ix, iy, period, salt) * (1 - a) + corner(ix + 1, iy, period, salt) * a
        let bottom = corner(ix, iy + 1, period, salt) * (1 - a) + corner(ix + 1, iy + 1, period, salt) * a
        return top * (1 - b) + bottom * b
    }

    /// Octaves of noise about 0.5, each of twice the frequency and `gain` the height.
    static func fractal(_ x: Float, _ y: Float, period: Int, octaves: Int, gain: Float, salt: UInt64) -> Float {
        var sum: Float = 0
        var weight: Float = 1
        var total: Float = 0
        var scale: Float = 1
        var cells = period
        for octave in 0..<octaves {
            sum += weight * value(x * scale, y * scale, period: cells, salt: salt &+ UInt64(octave))
            total += weight
            weight *= gain
            scale *= 2
            cells *= 2
        }
        return sum / total
    }

    private static func smooth(_ t: Float) -> Float { t * t * (3 - 2 * t) }

    private static func corner(_ x: Int, _ y: Int, _ period: Int, _ salt: UInt64) -> Float {
        let wx = ((x % period) + period) % period
        let wy = ((y % period) + period) % period
        let word = DriveRandom.mixed(
            salt &* 0x2545_F491_4F6C_DD1D &+ UInt64(wx) &* 73_856_093 &+ UInt64(wy) &* 19_349_663)
        return Float(word >> 40) * 0x1p-24
    }
}

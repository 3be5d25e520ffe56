/// SplitMix64: the same numbers on every run.
struct Random: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func pick<Element>(_ choices: [Element]) -> Element {
        choices[Int.random(in: choices.indices, using: &self)]
    }
}

/// What test data look like. Extremes find what ordinary data hide: overflow, lost denormals, the sign of zero.
enum Values: String, CaseIterable {
    case ordinary, huge, tiny, denormal, zeros, negative, integers, constant, mixed

    /// `count` values. The huge ones stay below 1e18, so that sums of products of two of them are still finite.
    func make(_ count: Int, _ random: inout Random) -> [Float] {
        let constant = Float.random(in: -2...2, using: &random)
        return [Float](unsafeUninitializedCapacity: count) { values, filled in
            for index in 0..<count { values.initializeElement(at: index, to: one(random.next(), constant)) }
            filled = count
        }
    }

    private func one(_ bits: UInt64, _ constant: Float) -> Float {
        let unit = Float(bits >> 40) * 0x1p-23 - 1  // -1 ..< 1
        switch self {
        case .ordinary: return unit
        case .huge: return unit * 1e18
        case .tiny: return unit * 1e-30
        case .denormal: return Float(bitPattern: UInt32(truncatingIfNeeded: bits) & 0x807f_ffff)
        case .zeros: return unit < 0 ? -0.0 : 0
        case .negative: return (unit - 1) * 50
        case .integers: return (unit * 128).rounded()
        case .constant: return constant
        case .mixed:
            switch bits & 7 {
            case 0: return Values.huge.one(bits, constant)
            case 1: return Values.tiny.one(bits, constant)
            case 2: return Values.denormal.one(bits, constant)
            case 3: return Values.zeros.one(bits, constant)
            default: return unit
            }
        }
    }
}

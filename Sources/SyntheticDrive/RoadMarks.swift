/// The lines on the carriageway.
struct RoadMarks {
    private struct Line {
        var t: Float
        var width: Float
        /// Metres of paint and of gap; no gap for a line without end.
        var dash: Double
        var gap: Double
        var color: SIMD3<Float>
    }

    private let lines: [Line]
    private let halfWidth: Float
    private let paint: SIMD3<Float>
    private let fresh: Float

    init(seed: UInt64, road: StreetRoad) {
        var random = DriveRandom(seed, 31)
        let white = SIMD3<Float>(0.80, 0.81, 0.80)
        let yellow = SIMD3<Float>(0.72, 0.62, 0.30)
        paint = white
        fresh = random.within(0.6, 0.95)
        halfWidth = road.halfWidth
        var lines: [Line] = []
        switch random.index(4) {
        case 0:
            lines.append(Line(t: -0.15, width: 0.12, dash: 1, gap: 0, color: white))
            lines.append(Line(t: 0.15, width: 0.12, dash: 1, gap: 0, color: white))
        case 1: lines.append(Line(t: 0, width: 0.12, dash: 2, gap: 4, color: white))
        case 2: lines.append(Line(t: 0, width: 0.15, dash: 4, gap: 2, color: white))
        default: lines.append(Line(t: 0, width: 0.13, dash: 3, gap: 6, color: white))
        }
        for side in [-1, 1] as [Float] {
            switch random.index(4) {
            case 0:
                lines.append(Line(t: side * (road.halfWidth - 0.3), width: 0.09, dash: 1, gap: 0, color: yellow))
                lines.append(Line(t: side * (road.halfWidth - 0.52), width: 0.09, dash: 1, gap: 0, color: yellow))
            case 1:
                lines.append(Line(t: side * (road.laneWidth + 0.05), width: 0.1, dash: 1, gap: 0, color: white))
            case 2:
                lines.append(Line(t: side * (road.laneWidth + 0.05), width: 0.1, dash: 1, gap: 1.5, color: white))
            default: break
            }
        }
        self.lines = lines
    }

    /// Paints the marks on row `y` of the carriageway, which shows `depth` metres of it about `s`.
    func paint(
        y: Int, z: Float, depth: Float, s: Double, scale: Float, offset: Float, lit: SIMD3<Float>, haze: Haze,
        wear: GroundTexture, canvas: StreetCanvas, texels: UnsafeBufferPointer<UInt32>, crossings: [Double]
    ) {
        guard z < 260 else { return }
        let amount = haze.amount(at: z)
        let air = haze.color * amount
        let from = s - Double(depth) / 2
        let to = s + Double(depth) / 2
        var crossed: Float = 0
        for start in crossings {
            let overlap = min(to, start + 3.2) - max(from, start)
            if overlap > 0 { crossed = Float(min(overlap / max(to - from, 1e-6), 1)) }
            // The line that one stops at.
            for place in [start - 2, start + 4.9] {
                let covered = min(to, place + 0.3) - max(from, place)
                guard covered > 0 else { continue }
                canvas.groundMark(
                    y: y, from: offset - (halfWidth - 0.2) * scale, to: offset + (halfWidth - 0.2) * scale,
                    nearness: 1 / z, color: paint * lit * (1 - amount), haze: air,
                    opacity: fresh * Float(covered / max(to - from, 1e-6)), texture: wear, texels: texels)
            }
        }
        if crossed > 0 {
            var t = -halfWidth + 0.35
            while t < halfWidth - 0.5 {
                canvas.groundMark(
                    y: y, from: offset + t * scale, to: offset + (t + 0.5) * scale, nearness: 1 / z,
                    color: paint * lit * (1 - amount), haze: air, opacity: fresh * crossed, texture: wear,
                    texels: texels)
                t += 1
            }
        }
        guard crossed < 0.5 else { return }
        for line in lines {
            let covered = line.gap > 0 ? Self.painted(from, to, dash: line.dash, period: line.dash + line.gap) : 1
            guard covered > 0 else { continue }
            canvas.groundMark(
                y: y, from: offset + (line.t - line.width / 2) * scale, to: offset + (line.t + line.width / 2) * scale,
                nearness: 1 / z, color: line.color * lit * (1 - amount), haze: air, opacity: fresh * covered,
                texture: wear, texels: texels)
        }
    }

    /// The part of `from`…`to` that dashes cover.
    private static func painted(_ from: Double, _ to: Double, dash: Double, period: Double) -> Float {
        func total(_ s: Double) -> Double {
            let cycles = (s / period).rounded(.down)
            return cycles * dash + min(s - cycles * period, dash)
        }
        guard to > from else { return 0 }
        return Float((total(to) - total(from)) / (to - from))
    }
}

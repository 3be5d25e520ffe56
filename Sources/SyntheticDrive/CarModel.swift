/// Puts cars, vans and buses into a frame: an outline from tail to nose, drawn across, with sides, glass and wheels.
struct CarModel {
    private struct Shape {
        /// From the lower edge of the tail over the roof to the lower edge of the nose: metres ahead and up.
        var outline: [(a: Float, h: Float)]
        /// Which stretches of the outline are glass.
        var glass: Set<Int>
        /// The side windows: rear lower, rear upper, front upper, front lower.
        var window: [(a: Float, h: Float)]
        var halfWidth: Float
        /// How much narrower the roof is, to each side.
        var taper: Float
        /// Where the sides begin to lean in.
        var waist: Float
        var wheels: [Float]
        var wheelRadius: Float
        /// Where the lower body ends in the outline, counted from both ends.
        var lowerFront: Int
        var lowerRear: Int

        var length: Float { outline.last?.a ?? 4 }
        var roof: Float { outline.map(\.h).max() ?? 1.4 }

        /// Half the width at a place: the cabin leans in, and the corners are rounded.
        func half(_ a: Float, _ h: Float) -> Float {
            let lean = h <= waist ? 0 : taper * min((h - waist) / max(roof - waist, 0.1), 1)
            let end = max(1 - min(a, length - a) / Self.corner, 0)
            return halfWidth * (1 - (length > 8 ? 0.03 : 0.15) * end * end) - lean
        }

        /// How far from its ends the body is rounded.
        static let corner: Float = 0.5

        /// The upper edge of the lower body.
        func shoulder(_ a: Float) -> Float {
            var before = outline[1]
            for k in Array(2...lowerRear) + Array(lowerFront..<(outline.count - 1)) {
                let point = outline[k]
                if a <= point.a {
                    return before.h + (point.h - before.h)
                        * min(max((a - before.a) / max(point.a - before.a, 1e-4), 0), 1)
                }
                before = point
            }
            return before.h
        }
    }

    private static let hatchback = Shape(
        outline: [
            (0.02, 0.24), (0, 0.66), (0.08, 0.96), (0.46, 1.42), (1.9, 1.47), (2.72, 1.0), (3.66, 0.82), (3.92, 0.62),
            (3.94, 0.24),
        ],
        glass: [2, 4], window: [(0.34, 0.98), (0.62, 1.36), (1.86, 1.38), (2.5, 1.0)], halfWidth: 0.86, taper: 0.18,
        waist: 0.96, wheels: [0.72, 3.16], wheelRadius: 0.31, lowerFront: 5, lowerRear: 2)
    private static let saloon = Shape(
        outline: [
            (0.02, 0.26), (0, 0.7), (0.1, 0.96), (0.82, 1.0), (1.42, 1.42), (2.5, 1.44), (3.3, 0.98), (4.3, 0.8),
            (4.5, 0.62), (4.52, 0.24),
        ],
        glass: [3, 5], window: [(1.02, 1.0), (1.5, 1.34), (2.46, 1.36), (3.08, 0.99)], halfWidth: 0.88, taper: 0.2,
        waist: 0.97, wheels: [0.86, 3.62], wheelRadius: 0.32, lowerFront: 6, lowerRear: 3)
    private static let estate = Shape(
        outline: [
            (0.02, 0.3), (0, 0.8), (0.06, 1.08), (0.3, 1.66), (2.3, 1.7), (3.0, 1.16), (4.0, 0.98), (4.28, 0.74),
            (4.3, 0.3),
        ],
        glass: [2, 4], window: [(0.3, 1.12), (0.5, 1.58), (2.26, 1.6), (2.8, 1.16)], halfWidth: 0.91, taper: 0.14,
        waist: 1.08, wheels: [0.8, 3.44], wheelRadius: 0.36, lowerFront: 5, lowerRear: 2)
    private static let van = Shape(
        outline: [
            (0.02, 0.34), (0, 1.15), (0, 1.25), (0.08, 2.2), (3.5, 2.24), (4.3, 1.35), (4.85, 1.1), (5.0, 0.8),
            (5.02, 0.34),
        ],
        glass: [4], window: [(3.0, 1.32), (3.06, 1.95), (3.5, 1.95), (4.05, 1.36)], halfWidth: 0.97, taper: 0.08,
        waist: 1.25, wheels: [0.9, 4.1], wheelRadius: 0.35, lowerFront: 5, lowerRear: 2)
    private static let bus = Shape(
        outline: [
            (0.02, 0.35), (0, 1.15), (0.02, 1.25), (0.1, 2.98), (10.6, 3.02), (10.95, 1.2), (11.0, 1.1), (11.0, 0.35),
        ],
        glass: [2, 4], window: [(0.5, 1.25), (0.5, 2.3), (10.5, 2.3), (10.6, 1.25)], halfWidth: 1.25, taper: 0.05,
        waist: 1.25, wheels: [2.6, 8.4], wheelRadius: 0.48, lowerFront: 5, lowerRear: 2)

    private static let colors: [SIMD3<Float>] = [
        SIMD3(0.16, 0.16, 0.17), SIMD3(0.62, 0.64, 0.66), SIMD3(0.44, 0.46, 0.48), SIMD3(0.82, 0.82, 0.81),
        SIMD3(0.16, 0.2, 0.32), SIMD3(0.42, 0.13, 0.12), SIMD3(0.2, 0.26, 0.24), SIMD3(0.3, 0.31, 0.33),
        SIMD3(0.28, 0.35, 0.46), SIMD3(0.56, 0.52, 0.44), SIMD3(0.11, 0.11, 0.12),
    ]

    /// The length of the car that `variant` stands for.
    static func length(_ variant: UInt64, allowsBus: Bool = false) -> Float {
        shape(variant, allowsBus: allowsBus).length
    }

    private static func shape(_ variant: UInt64, allowsBus: Bool) -> Shape {
        switch variant % 16 {
        case 0...6: hatchback
        case 7...9: saloon
        case 10...12: estate
        case 13, 14: van
        default: allowsBus ? bus : estate
        }
    }

    /// Draws the car `variant` with its tail (or, facing the camera, its nose) at (s, t).
    func draw(
        variant: UInt64, s: Double, t: Float, facing: Float, isBraking: Bool, allowsBus: Bool, brush: inout SceneBrush
    ) {
        let shape = Self.shape(variant, allowsBus: allowsBus)
        let length = shape.length
        let from = facing > 0 ? s : s + Double(length)
        let anchor = brush.camera.anchor(from, t)
        guard anchor.z + length > StreetCamera.near, anchor.z - length < 330 else { return }
        let place = Placement(anchor: anchor, facing: facing)
        let color = Self.colors[Int((variant >> 8) % UInt64(Self.colors.count))]
        let middle = Float(from - brush.camera.s) + facing * length / 2
        brush.shade(
            GroundShadow(
                z: middle, t: t, halfLength: length / 2 + 0.1, halfWidth: shape.halfWidth + 0.02, kept: 78, soft: 0.2,
                isRound: false))
        if brush.light.isSunny {
            let reach = 0.75 / max(brush.toSun.y, 0.2)
            brush.shade(
                GroundShadow(
                    z: middle - brush.toSun.z * reach, t: t - brush.toSun.x * reach, halfLength: length / 2,
                    halfWidth: shape.halfWidth, kept: 158, soft: 0.12, isRound: false))
        }
        body(shape, color, place, brush: &brush)
        let isTail = facing > 0
        ends(shape, place, isTail: isTail, isBraking: isBraking, variant: variant, brush: &brush)
        sides(shape, color, place, brush: &brush)
    }

    private func body(_ shape: Shape, _ color: SIMD3<Float>, _ place: Placement, brush: inout SceneBrush) {
        let things = brush.textures.things
        let outline = shape.outline
        for k in 0..<(outline.count - 1) {
            let p = outline[k]
            let q = outline[k + 1]
            let da = q.a - p.a
            let dh = q.h - p.h
            let size = max((da * da + dh * dh).squareRoot(), 1e-4)
            let normal = place.normal(-dh / size, 0, da / size)
            // A face that looks ahead and away cannot be seen.
            if normal.z > 0.2 && place.anchor.z > 2 { continue }
            // Paint mirrors the sky above and the street about it.
            let shine = brush.light.horizon * (0.04 + 0.16 * max(normal.y, 0))
            func strip(_ inset: Float, _ lower: Float, _ upper: Float, _ out: Float, _ paint: SurfacePaint) {
                let a0 = p.a + da * lower - dh / size * out
                let h0 = p.h + dh * lower + da / size * out
                let a1 = p.a + da * upper - dh / size * out
                let h1 = p.h + dh * upper + da / size * out
                let w0 = shape.half(a0, h0) - inset
                let w1 = shape.half(a1, h1) - inset
                brush.list.quad(
                    place.corner(a0, -w0, h0, 0, 1), place.corner(a1, -w1, h1, 0, 0), place.corner(a1, w1, h1, 1, 0),
                    place.corner(a0, w0, h0, 1, 1), paint)
            }
            var paint = brush.paint(things.plain, .car, facing: normal, tint: color)
            paint.light += shine
            strip(0, 0, 1, 0, paint)
            if shape.glass.contains(k) {
                strip(0.09, 0.08, 0.9, 0.012, brush.paint(things.glass, .car, facing: SIMD3(0, 1, 0)))
            }
        }
    }

    /// Lamps, plate and bumper of the end that is seen.
    private func ends(
        _ shape: Shape, _ place: Placement, isTail: Bool, isBraking: Bool, variant: UInt64, brush: inout SceneBrush
    ) {
        guard place.anchor.z < 160 else { return }
        let things = brush.textures.things
        let a: Float = isTail ? -0.02 : shape.length + 0.02
        let w = shape.half(0, 0.5)
        func patch(_ x0: Float, _ x1: Float, _ h0: Float, _ h1: Float, _ out: Float, _ tint: SIMD3<Float>) {
            let at = isTail ? a - out : a + out
            let paint = brush.paint(things.plain, .car, facing: SIMD3(0, 0, -1), tint: tint)
            brush.list.quad(
                place.corner(at, x0, h0, 0, 1), place.corner(at, x0, h1, 0, 0), place.corner(at, x1, h1, 1, 0),
                place.corner(at, x1, h0, 1, 1), paint)
        }
        let scale = shape.roof > 2 ? 1.15 as Float : 1
        patch(-w, w, 0.24, 0.4 * scale, 0.01, SIMD3(0.13, 0.13, 0.14))
        if isTail {
            let red = isBraking ? SIMD3<Float>(1.3, 0.3, 0.22) : SIMD3<Float>(0.62, 0.1, 0.09)
            for side in [-1, 1] as [Float] {
                let inner = side * (w - 0.26)
                let outer = side * (w - 0.03)
                patch(min(inner, outer), max(inner, outer), 0.62 * scale, 0.84 * scale, 0.012, red)
                patch(
                    min(inner, outer), max(inner, outer), 0.62 * scale, 0.68 * scale, 0.018, SIMD3(0.8, 0.5, 0.3))
            }
            patch(-0.26, 0.26, 0.46 * scale, 0.57 * scale, 0.02, SIMD3(0.86, 0.76, 0.3))
            patch(-w, w, 0.585 * scale, 0.61 * scale, 0.014, SIMD3(0.2, 0.2, 0.21))
        } else {
            for side in [-1, 1] as [Float] {
                let inner = side * (w - 0.38)
                let outer = side * (w - 0.06)
                patch(min(inner, outer), max(inner, outer), 0.56, 0.7, 0.012, SIMD3(1.05, 1.05, 1.02))
            }
            patch(-w * 0.5, w * 0.5, 0.5, 0.62, 0.01, SIMD3(0.12, 0.12, 0.13))
            patch(-0.26, 0.26, 0.36, 0.47, 0.03, SIMD3(0.92, 0.92, 0.88))
        }
    }

    private func sides(_ shape: Shape, _ color: SIMD3<Float>, _ place: Placement, brush: inout SceneBrush) {
        let things = brush.textures.things
        let length = shape.length
        let flank: Float = place.anchor.x > 0 ? -1 : 1
        // Only the flank towards the camera's path is seen.
        let right = flank * place.facing
        let normal = SIMD3<Float>(flank, 0, 0)
        var paint = brush.paint(things.panel, .car, facing: normal, tint: color)
        paint.light += brush.light.horizon * 0.05
        let belt = shape.waist
        func at(_ a: Float, _ h: Float) -> Corner {
            place.corner(a, right * shape.half(a, h), h, a / length, 1 - (h - 0.2) / (belt - 0.15))
        }
        // The lower body, in slices from tail to nose.
        let low = shape.outline[0].h
        let cuts = [0.01, 0.2, Shape.corner, length / 2, length - Shape.corner, length - 0.2, length - 0.03]
        for k in 0..<(cuts.count - 1) {
            let a = cuts[k]
            let b = cuts[k + 1]
            let turn = (shape.half(b, low) - shape.half(a, low)) / (b - a)
            let size = (1 + turn * turn).squareRoot()
            var slice = brush.paint(
                things.panel, .car, facing: place.normal(-turn / size, right / size, 0), tint: color)
            slice.light += brush.light.horizon * 0.05
            let top = (shape.shoulder(a), shape.shoulder(b))
            brush.list.quad(at(a, low), at(a, top.0), at(b, top.1), at(b, low), slice)
        }
        // The cabin above the waist.
        var cabin = paint
        cabin.texture = things.plain
        let upper = Array(shape.outline[shape.lowerRear...shape.lowerFront])
        if upper.count == 4 {
            brush.list.quad(
                at(upper[0].a, upper[0].h), at(upper[1].a, upper[1].h), at(upper[2].a, upper[2].h),
                at(upper[3].a, upper[3].h), cabin)
        }
        let glass = brush.paint(things.glass, .car, facing: SIMD3(0, 1, 0), tint: SIMD3(0.8, 0.8, 0.8))
        let window = shape.window
        func pane(_ a: Float, _ h: Float) -> Corner {
            place.corner(
                a, right * (shape.half(a, h) + 0.015), h, a / 2,
                0.95 * (shape.roof - h) / (shape.roof - shape.waist + 0.1))
        }
        let panes = length > 8 ? 7 : 2
        for k in 0..<panes {
            let from = Float(k) / Float(panes)
            let to = Float(k + 1) / Float(panes) - 0.045
            func mix(_ x: (a: Float, h: Float), _ y: (a: Float, h: Float), _ f: Float) -> Corner {
                pane(x.a + (y.a - x.a) * f, x.h + (y.h - x.h) * f)
            }
            brush.list.quad(
                mix(window[0], window[3], from), mix(window[1], window[2], from), mix(window[1], window[2], to),
                mix(window[0], window[3], to), glass)
        }
        guard place.anchor.z < 180 else { return }
        let rubber = brush.paint(things.wheel, .car, facing: normal, isDithered: false)
        let dark = brush.paint(things.ball, .car, facing: normal, tint: SIMD3(0.1, 0.1, 0.1), isDithered: false)
        for a in shape.wheels {
            for (radius, out, paint) in [
                (shape.wheelRadius * 1.2, 0.012 as Float, dark), (shape.wheelRadius, 0.03, rubber),
            ] {
                let h = shape.wheelRadius
                let l = right * (shape.halfWidth + out)
                brush.list.quad(
                    place.corner(a - radius, l, h + radius, 0, 0), place.corner(a + radius, l, h + radius, 1, 0),
                    place.corner(a + radius, l, h - radius, 1, 1), place.corner(a - radius, l, h - radius, 0, 1), paint)
            }
        }
        // The far wheels' tyres show beneath the tail.
        let tyre = brush.paint(things.plain, .car, facing: SIMD3(0, 0, -1), tint: SIMD3(0.1, 0.1, 0.1))
        let end: Float = place.facing > 0 ? 0.3 : length - 0.3
        for side in [-1, 1] as [Float] {
            let outer = side * (shape.half(end, 0.3) - 0.01)
            let inner = side * (shape.half(end, 0.3) - 0.2)
            brush.list.quad(
                place.corner(end, inner, 0.02), place.corner(end, inner, 0.4), place.corner(end, outer, 0.4),
                place.corner(end, outer, 0.02), tyre)
        }
    }
}

/// A dark place on the ground under or behind something.
struct GroundShadow {
    /// Metres ahead of the camera, and right of the road's centre line.
    var z: Float
    var t: Float
    var halfLength: Float
    var halfWidth: Float
    /// What is left of the light, in 256ths.
    var kept: Int32
    /// How wide its edge is, in metres.
    var soft: Float
    var isRound: Bool
}

/// Paints carriageway, kerbs, pavements and plots, row by row.
struct GroundPainter {
    private struct Row {
        /// Metres ahead; 0 where no ground is on this row.
        var z: Float = 0
        /// Metres that the row covers lengthwise.
        var depth: Float = 0
        /// How far the road's centre line lies to the right of straight ahead.
        var bend: Float = 0
    }

    private let road: StreetRoad
    private let light: StreetLight
    private let textures: GroundTextures
    private let atlas: TextureAtlas
    private let marks: RoadMarks
    private var surface: [Row] = []
    private var raised: [Row] = []
    private var nearby: [GroundShadow] = []

    init(seed: UInt64, road: StreetRoad, light: StreetLight, textures: GroundTextures, atlas: TextureAtlas) {
        self.road = road
        self.light = light
        self.textures = textures
        self.atlas = atlas
        marks = RoadMarks(seed: seed, road: road)
    }

    /// Paints all the ground that nothing painted so far hides.
    mutating func paint(
        on canvas: StreetCanvas, camera: StreetCamera, plan: StreetPlan, shadows: [GroundShadow]
    ) {
        project(camera)
        let toSun = light.direction(heading: camera.heading)
        let lit = light.factor(normal: SIMD3(0, 1, 0), toSun: toSun)
        let shaded = light.factor(normal: SIMD3(0, 1, 0), toSun: toSun, inShadow: true)
        let shade = light.isSunny ? Int32(256 * shaded.y / lit.y) : 256
        var leftLots = LotCursor(plan.left)
        var rightLots = LotCursor(plan.right)
        var leftCasters = LotCursor(plan.left)
        var rightCasters = LotCursor(plan.right)
        atlas.texels.withUnsafeBufferPointer { texels in
            for y in stride(from: canvas.height - 1, through: 0, by: -1) {
                let low = surface[y]
                let high = raised[y]
                guard low.z > 0 || high.z > 0 else { continue }
                let z = low.z > 0 ? low.z : high.z
                let bend = low.z > 0 ? low.bend : high.bend
                let s = camera.s + Double(z)
                canvas.setLight(256)
                if light.isSunny {
                    let caster = toSun.x > 0 ? 1 as Float : -1
                    // Not exact where roofs of different height meet, but as long as the shadow is.
                    let probe = s + Double(9 * toSun.z / max(toSun.y, 0.1))
                    let lot = caster > 0 ? rightCasters.lot(at: probe) : leftCasters.lot(at: probe)
                    if let house = lot?.house, probe > house.start, probe < house.end {
                        let front = caster * (road.halfWidth + road.pavement(on: caster) + house.setback)
                        let reach = (house.eaves + house.rise * 0.4) * toSun.x / max(toSun.y, 0.1)
                        let a = front - reach
                        let b = front + caster * 30
                        let scale = camera.focal / z
                        let offset = camera.centreX + (bend - camera.t) * scale
                        canvas.dimLight(
                            from: offset + min(a, b) * scale, to: offset + max(a, b) * scale, soft: 0.12 * scale,
                            kept: shade)
                    }
                }
                castShadows(shadows, canvas: canvas, camera: camera, row: low.z > 0 ? low : high)
                var raisedLots: (left: StreetPlan.Lot?, right: StreetPlan.Lot?) = (nil, nil)
                if high.z > 0 {
                    let at = camera.s + Double(high.z)
                    raisedLots = (leftLots.lot(at: at), rightLots.lot(at: at))
                    plot(y, high, -1, raisedLots.left, canvas: canvas, camera: camera, lit: lit, texels: texels)
                    plot(y, high, 1, raisedLots.right, canvas: canvas, camera: camera, lit: lit, texels: texels)
                }
                if low.z > 0 {
                    let lots = (leftLots.lot(at: s), rightLots.lot(at: s))
                    carriageway(
                        y, low, lots.0, lots.1, canvas: canvas, camera: camera, lit: lit, texels: texels,
                        crossings: plan.crossings)
                    if high.z > 0 {
                        let ends = (Self.isJunction(raisedLots.left), Self.isJunction(raisedLots.right))
                        kerbs(y, low, high, ends, canvas: canvas, camera: camera, lit: lit, texels: texels)
                    }
                }
            }
        }
    }

    private static func isJunction(_ lot: StreetPlan.Lot?) -> Bool { lot?.isJunction == true }

    /// Finds for every row of the picture how far away the ground on it is.
    private mutating func project(_ camera: StreetCamera) {
        let blank = Row()
        surface.removeAll(keepingCapacity: true)
        raised.removeAll(keepingCapacity: true)
        surface.append(contentsOf: repeatElement(blank, count: camera.height))
        raised.append(contentsOf: repeatElement(blank, count: camera.height))
        var z: Float = 0.9
        var before = camera.anchor(camera.s + Double(z), camera.t)
        var filledSurface = Float(camera.height)
        var filledRaised = Float(camera.height)
        while z < 2400 {
            z *= 1.045
            let after = camera.anchor(camera.s + Double(z), camera.t)
            Self.fill(&surface, &filledSurface, before, after, lift: 0, camera)
            Self.fill(&raised, &filledRaised, before, after, lift: road.kerbHeight, camera)
            before = after
        }
    }

    private static func fill(
        _ rows: inout [Row], _ filled: inout Float, _ a: StreetCamera.Anchor, _ b: StreetCamera.Anchor, lift: Float,
        _ camera: StreetCamera
    ) {
        let ya = camera.centreY - camera.focal * (a.y + lift) / a.z
        let yb = camera.centreY - camera.focal * (b.y + lift) / b.z
        guard yb < filled, yb < ya else { return }
        let top = max(Int((yb - 0.5).rounded(.up)), 0)
        let bottom = min(Int((min(filled, ya) - 0.5).rounded(.up)), camera.height)
        filled = yb
        guard top < bottom else { return }
        let wa = 1 / a.z
        let wb = 1 / b.z
        for y in top..<bottom {
            let share = (Float(y) + 0.5 - ya) / (yb - ya)
            let w = wa + (wb - wa) * share
            let z = 1 / w
            let along = (z - a.z) / (b.z - a.z)
            rows[y] = Row(
                z: z, depth: abs((wb - wa) / (yb - ya)) * z * z, bend: a.x + (b.x - a.x) * along)
        }
    }

    private mutating func castShadows(
        _ shadows: [GroundShadow], canvas: StreetCanvas, camera: StreetCamera, row: Row
    ) {
        guard row.z < 120 else { return }
        let scale = camera.focal / row.z
        let offset = camera.centreX + (row.bend - camera.t) * scale
        for shadow in shadows {
            let along = abs(row.z - shadow.z)
            let limit = shadow.halfLength + shadow.soft
            guard along < limit else { continue }
            var half = shadow.halfWidth
            var kept = shadow.kept
            if shadow.isRound {
                let share = along / limit
                half *= (1 - share * share).squareRoot()
            } else if along > shadow.halfLength - shadow.soft {
                let share = (limit - along) / (2 * shadow.soft)
                kept = 256 - Int32(Float(256 - kept) * min(max(share, 0), 1))
            }
            canvas.dimLight(
                from: offset + (shadow.t - half) * scale, to: offset + (shadow.t + half) * scale,
                soft: shadow.soft * scale, kept: kept)
        }
    }

    /// Pavement and what lies behind it, on one side.
    private func plot(
        _ y: Int, _ row: Row, _ side: Float, _ lot: StreetPlan.Lot?, canvas: StreetCanvas, camera: StreetCamera,
        lit: SIMD3<Float>, texels: UnsafeBufferPointer<UInt32>
    ) {
        if let lot, lot.isJunction { return }
        let scale = camera.focal / row.z
        let offset = camera.centreX + (row.bend - camera.t) * scale
        let kerb = offset + side * road.halfWidth * scale
        let outer = offset + side * (road.halfWidth + road.pavement(on: side)) * scale
        let beyond = side > 0 ? max(Float(canvas.width), outer) : min(0, outer)
        let w = 1 / row.z
        var edge = outer
        if let lot, lot.ground == .grass {
            canvas.groundSpan(
                y: y, from: min(outer, beyond), to: max(outer, beyond), nearness: w,
                texture: texture(textures.grass, GroundTextures.tile, row, camera, lit, 1), texels: texels,
                code: StreetClass.tree.code)
        } else {
            edge = beyond
        }
        canvas.groundSpan(
            y: y, from: min(kerb, edge), to: max(kerb, edge), nearness: w,
            texture: texture(textures.paving, GroundTextures.tile, row, camera, lit, 1), texels: texels,
            code: StreetClass.pavement.code)
        // The top of the kerb stones.
        canvas.groundMark(
            y: y, from: min(kerb, kerb + side * 0.14 * scale), to: max(kerb, kerb + side * 0.14 * scale), nearness: w,
            color: SIMD3(0.55, 0.55, 0.54) * lit * (1 - light.haze.amount(at: row.z)),
            haze: light.haze.color * light.haze.amount(at: row.z), opacity: 0.6,
            texture: texture(textures.patches, GroundTextures.tile, row, camera, lit, 1), texels: texels)
    }

    /// The carriageway with its marks.
    private func carriageway(
        _ y: Int, _ low: Row, _ left: StreetPlan.Lot?, _ right: StreetPlan.Lot?, canvas: StreetCanvas,
        camera: StreetCamera, lit: SIMD3<Float>, texels: UnsafeBufferPointer<UInt32>, crossings: [Double]
    ) {
        let scale = camera.focal / low.z
        let offset = camera.centreX + (low.bend - camera.t) * scale
        let leftKerb = offset - road.halfWidth * scale
        let rightKerb = offset + road.halfWidth * scale
        let w = 1 / low.z
        let asphalt = texture(textures.asphalt, GroundTextures.tile, low, camera, lit, 1)
        let from = Self.isJunction(left) ? min(0, leftKerb) : leftKerb
        let to = Self.isJunction(right) ? max(Float(canvas.width), rightKerb) : rightKerb
        canvas.groundSpan(
            y: y, from: from, to: to, nearness: w, texture: asphalt, texels: texels, code: StreetClass.road.code)
        marks.paint(
            y: y, z: low.z, depth: low.depth, s: camera.s + Double(low.z), scale: scale, offset: offset, lit: lit,
            haze: light.haze, wear: texture(textures.patches, 2.5, low, camera, lit, 1), canvas: canvas,
            texels: texels, crossings: crossings)
    }

    /// The faces of the kerbs. Where the raised plane is open on this row, another street ends here: `isOpen`
    /// (left, right), and the kerb beyond it faces the camera.
    private func kerbs(
        _ y: Int, _ low: Row, _ high: Row, _ isOpen: (Bool, Bool), canvas: StreetCanvas, camera: StreetCamera,
        lit: SIMD3<Float>, texels: UnsafeBufferPointer<UInt32>
    ) {
        let scale = camera.focal / low.z
        let offset = camera.centreX + (low.bend - camera.t) * scale
        let upper = camera.focal / high.z
        let upperOffset = camera.centreX + (high.bend - camera.t) * upper
        var face = texture(textures.kerb, 1.8, low, camera, lit, 0.86)
        // Stones are laid lengthwise: along the row the kerb is of one shade.
        face.u = Int32(truncatingIfNeeded: Int((camera.s + Double(low.z)) / 0.9 * 64 * 65536))
        face.du = 0
        let leftKerb = offset - road.halfWidth * scale
        let rightKerb = offset + road.halfWidth * scale
        let leftEdge = isOpen.0 ? 0 : upperOffset - road.halfWidth * upper
        let rightEdge = isOpen.1 ? Float(canvas.width) : upperOffset + road.halfWidth * upper
        canvas.groundSpan(
            y: y, from: min(leftEdge, leftKerb), to: leftKerb, nearness: 1 / low.z, texture: face, texels: texels,
            code: StreetClass.pavement.code)
        canvas.groundSpan(
            y: y, from: rightKerb, to: max(rightEdge, rightKerb), nearness: 1 / low.z, texture: face, texels: texels,
            code: StreetClass.pavement.code)
    }

    /// Where a texture's row lies for a row of ground, and the light on it.
    private func texture(
        _ reference: TextureAtlas.Reference, _ tile: Float, _ row: Row, _ camera: StreetCamera, _ lit: SIMD3<Float>,
        _ factor: Float
    ) -> GroundTexture {
        var result = GroundTexture()
        let step = row.z / camera.focal
        let footprint = (step * max(row.depth, step)).squareRoot()
        (result.start, result.mask, result.u, result.du) = place(reference, tile, footprint, step, row, camera)
        (result.broadStart, result.broadMask, result.broadU, result.broadDU) = place(
            textures.patches, GroundTextures.broadTile, footprint, step, row, camera)
        let amount = light.haze.amount(at: row.z)
        let kept = (1 - amount) * 256 * factor
        result.red = UInt32(max(lit.x * kept, 0))
        result.green = UInt32(max(lit.y * kept, 0))
        result.blue = UInt32(max(lit.z * kept, 0))
        result.hazeRed = UInt32(max(light.haze.color.x * amount * 255, 0))
        result.hazeGreen = UInt32(max(light.haze.color.y * amount * 255, 0))
        result.hazeBlue = UInt32(max(light.haze.color.z * amount * 255, 0))
        return result
    }

    private func place(
        _ reference: TextureAtlas.Reference, _ tile: Float, _ footprint: Float, _ step: Float, _ row: Row,
        _ camera: StreetCamera
    ) -> (start: Int32, mask: Int32, u: Int32, du: Int32) {
        let entry = atlas.entries[Int(reference.index)]
        let size = footprint / tile * entry.width
        let exponent = Int32(bitPattern: size.bitPattern >> 23) &- 127
        let level = atlas.levels[Int(entry.firstLevel + min(max(exponent, 0), entry.levelCount - 1))]
        let columns = Float(Int32(1) << level.logWidth)
        let rows = Double(Int32(1) << level.logHeight)
        let line = Int((camera.s + Double(row.z)) / Double(tile) * rows) & ((1 << Int(level.logHeight)) - 1)
        let across = (0.5 - camera.centreX) * step - row.bend + camera.t
        return (
            level.start + Int32(line << Int(level.logWidth)), (Int32(1) << level.logWidth) - 1,
            Int32(truncatingIfNeeded: Int(across / tile * columns * 65536)),
            Int32(truncatingIfNeeded: Int(step / tile * columns * 65536))
        )
    }
}

/// Walks along one side's lots, always ahead.
struct LotCursor {
    private let lots: [StreetPlan.Lot]
    private var index = 0

    init(_ lots: [StreetPlan.Lot]) { self.lots = lots }

    /// The lot at `s`; nil outside the plan.
    mutating func lot(at s: Double) -> StreetPlan.Lot? {
        while index > 0, lots[index].start > s { index -= 1 }
        while index < lots.count - 1, lots[index].end <= s { index += 1 }
        guard index < lots.count, lots[index].start <= s, s < lots[index].end else { return nil }
        return lots[index]
    }
}

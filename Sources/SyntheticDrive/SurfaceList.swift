/// A corner of a polygon in camera space, and the place in the texture (1 is a whole tile).
struct Corner {
    var x: Float
    var y: Float
    var z: Float
    var u: Float
    var v: Float

    init(_ x: Float, _ y: Float, _ z: Float, _ u: Float = 0, _ v: Float = 0) {
        self.x = x
        self.y = y
        self.z = z
        self.u = u
        self.v = v
    }
}

/// The flat, convex surfaces of one frame; drawn nearest first, so that little is painted twice.
struct SurfaceList {
    private struct Item {
        var nearest: Float
        var first: Int32
        var count: Int32
        var paint: SurfacePaint
        var isTwoSided: Bool
    }

    private var corners: [Corner] = []
    private var items: [Item] = []
    private var order: [(nearest: Float, item: Int32)] = []
    private var clipped: [Corner] = []
    private var projected: [Projected] = []
    let camera: StreetCamera

    private struct Projected {
        var x: Float
        var y: Float
        var w: Float
        var u: Float
        var v: Float
    }

    init(camera: StreetCamera) { self.camera = camera }

    /// Takes over the memory of an earlier list.
    init(camera: StreetCamera, reusing other: consuming SurfaceList) {
        self.camera = camera
        corners = other.corners
        items = other.items
        order = other.order
        clipped = other.clipped
        projected = other.projected
        corners.removeAll(keepingCapacity: true)
        items.removeAll(keepingCapacity: true)
    }

    /// A four-sided surface, corners in turn.
    mutating func quad(
        _ a: Corner, _ b: Corner, _ c: Corner, _ d: Corner, _ paint: SurfacePaint, isTwoSided: Bool = true
    ) {
        let nearest = min(min(a.z, b.z), min(c.z, d.z))
        guard max(max(a.z, b.z), max(c.z, d.z)) > StreetCamera.near, nearest < StreetCamera.far else { return }
        items.append(
            Item(nearest: nearest, first: Int32(corners.count), count: 4, paint: paint, isTwoSided: isTwoSided))
        corners.append(a)
        corners.append(b)
        corners.append(c)
        corners.append(d)
    }

    /// A three-sided surface.
    mutating func triangle(_ a: Corner, _ b: Corner, _ c: Corner, _ paint: SurfacePaint) {
        let nearest = min(a.z, min(b.z, c.z))
        guard max(a.z, max(b.z, c.z)) > StreetCamera.near, nearest < StreetCamera.far else { return }
        items.append(Item(nearest: nearest, first: Int32(corners.count), count: 3, paint: paint, isTwoSided: true))
        corners.append(a)
        corners.append(b)
        corners.append(c)
    }

    /// A surface that always faces the camera: from `foot` to `top`, so many metres wide at each.
    mutating func limb(
        from foot: SIMD3<Float>, to top: SIMD3<Float>, width footWidth: Float, _ topWidth: Float,
        _ paint: SurfacePaint, tiles: Float = 1
    ) {
        guard foot.z > StreetCamera.near, top.z > StreetCamera.near else { return }
        let focal = camera.focal
        let ax = foot.x / foot.z
        let ay = foot.y / foot.z
        let bx = top.x / top.z
        let by = top.y / top.z
        var dx = bx - ax
        var dy = by - ay
        let length = (dx * dx + dy * dy).squareRoot()
        guard length > 1e-6 else { return }
        dx /= length
        dy /= length
        // A thing thinner than a pixel would flicker: it is drawn a pixel wide.
        let footHalf = max(footWidth / 2, 0.55 * foot.z / focal)
        let topHalf = max(topWidth / 2, 0.55 * top.z / focal)
        quad(
            Corner(foot.x - dy * footHalf, foot.y + dx * footHalf, foot.z, 0.02, tiles),
            Corner(top.x - dy * topHalf, top.y + dx * topHalf, top.z, 0.02, 0.01),
            Corner(top.x + dy * topHalf, top.y - dx * topHalf, top.z, 0.98, 0.01),
            Corner(foot.x + dy * footHalf, foot.y - dx * footHalf, foot.z, 0.98, tiles), paint)
    }

    /// Draws everything.
    mutating func draw(on canvas: StreetCanvas, atlas: TextureAtlas, haze: Haze) {
        order.removeAll(keepingCapacity: true)
        for index in items.indices { order.append((items[index].nearest, Int32(index))) }
        order.sort { $0.nearest == $1.nearest ? $0.item < $1.item : $0.nearest < $1.nearest }
        atlas.texels.withUnsafeBufferPointer { texels in
            atlas.levels.withUnsafeBufferPointer { levels in
                for entry in order {
                    let item = items[Int(entry.item)]
                    guard project(item) else { continue }
                    fill(item, on: canvas, texels: texels, levels: levels, atlas: atlas, haze: haze)
                }
            }
        }
    }

    /// Cuts the surface at the near plane and puts it on the screen; false where nothing of it can be seen.
    private mutating func project(_ item: Item) -> Bool {
        clipped.removeAll(keepingCapacity: true)
        projected.removeAll(keepingCapacity: true)
        let near = StreetCamera.near
        let first = Int(item.first)
        let count = Int(item.count)
        for k in 0..<count {
            let a = corners[first + k]
            let b = corners[first + (k + 1) % count]
            if a.z >= near { clipped.append(a) }
            if (a.z >= near) != (b.z >= near) {
                let f = (near - a.z) / (b.z - a.z)
                clipped.append(
                    Corner(
                        a.x + (b.x - a.x) * f, a.y + (b.y - a.y) * f, near, a.u + (b.u - a.u) * f,
                        a.v + (b.v - a.v) * f))
            }
        }
        guard clipped.count >= 3 else { return false }
        var left = Float.infinity
        var right = -Float.infinity
        var top = Float.infinity
        var bottom = -Float.infinity
        for corner in clipped {
            let w = 1 / corner.z
            let x = camera.centreX + camera.focal * corner.x * w
            let y = camera.centreY - camera.focal * corner.y * w
            left = min(left, x)
            right = max(right, x)
            top = min(top, y)
            bottom = max(bottom, y)
            projected.append(Projected(x: x, y: y, w: w, u: corner.u * w, v: corner.v * w))
        }
        return right > 0 && left < Float(camera.width) && bottom > 0 && top < Float(camera.height)
    }

    private func fill(
        _ item: Item, on canvas: StreetCanvas, texels: UnsafeBufferPointer<UInt32>,
        levels: UnsafeBufferPointer<TextureAtlas.Level>, atlas: TextureAtlas, haze: Haze
    ) {
        // The planes through the largest triangle about the first corner.
        let a = projected[0]
        var best: Float = 0
        var second = 1
        for k in 1..<(projected.count - 1) {
            let area = Self.cross(a, projected[k], projected[k + 1])
            if abs(area) > abs(best) {
                best = area
                second = k
            }
        }
        guard abs(best) > 1e-4, item.isTwoSided || best > 0 else { return }
        let b = projected[second]
        let c = projected[second + 1]
        let inverse = 1 / best
        func gradient(_ pa: Float, _ pb: Float, _ pc: Float) -> Gradient {
            Gradient(
                value: pa, dx: ((pb - pa) * (c.y - a.y) - (pc - pa) * (b.y - a.y)) * inverse,
                dy: ((pc - pa) * (b.x - a.x) - (pb - pa) * (c.x - a.x)) * inverse)
        }
        let plane = SurfacePlane(
            originX: a.x, originY: a.y, w: gradient(a.w, b.w, c.w), u: gradient(a.u, b.u, c.u),
            v: gradient(a.v, b.v, c.v))
        let entry = atlas.entries[Int(item.paint.texture.index)]
        var top = Float.infinity
        var bottom = -Float.infinity
        for corner in projected {
            top = min(top, corner.y)
            bottom = max(bottom, corner.y)
        }
        let firstRow = Int(max((top - 0.5).rounded(.up), 0))
        let lastRow = Int(min((bottom - 0.5).rounded(.up), Float(canvas.height)))
        guard firstRow < lastRow else { return }
        for y in firstRow..<lastRow {
            let centre = Float(y) + 0.5
            var left = Float.infinity
            var right = -Float.infinity
            var previous = projected[projected.count - 1]
            for corner in projected {
                if (previous.y <= centre) != (corner.y <= centre) {
                    let x = previous.x + (corner.x - previous.x) * (centre - previous.y) / (corner.y - previous.y)
                    left = min(left, x)
                    right = max(right, x)
                }
                previous = corner
            }
            guard left < right else { continue }
            canvas.surfaceSpan(
                y: y, from: Int(max((left - 0.5).rounded(.up), 0)),
                to: Int(max(min((right - 0.5).rounded(.up), Float(canvas.width)), 0)), plane: plane, paint: item.paint,
                texels: texels, levels: levels, entry: entry, haze: haze)
        }
    }

    private static func cross(_ a: Projected, _ b: Projected, _ c: Projected) -> Float {
        (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y)
    }
}

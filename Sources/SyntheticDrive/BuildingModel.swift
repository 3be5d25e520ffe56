/// Puts houses and the boundaries of their plots into a frame.
struct BuildingModel {
    let road: StreetRoad

    func draw(_ lot: StreetPlan.Lot, side: Float, brush: inout SceneBrush) {
        if let house = lot.house { draw(house, side: side, brush: &brush) }
        draw(lot.boundary, of: lot, side: side, brush: &brush)
    }

    private func draw(_ house: StreetPlan.House, side: Float, brush: inout SceneBrush) {
        let camera = brush.camera
        let t = side * (road.halfWidth + road.pavement(on: side) + house.setback)
        let near = camera.anchor(house.start, t)
        let far = camera.anchor(house.end, t)
        guard far.z > StreetCamera.near, near.z < StreetCamera.far else { return }
        let textures = brush.textures.facades
        let style = textures.styles[house.style % textures.styles.count]
        let ground = FacadeTextures.groundFloorHeight
        let eaves = house.eaves
        let length = Float(house.end - house.start)
        let bays = (length / 3).rounded()
        let u0 = house.phase
        let u1 = house.phase + max(bays, 1) * 0.25
        let towardsRoad = SIMD3<Float>(-side, 0, 0)
        let front = brush.paint(style.storeys, .building, facing: towardsRoad, tint: house.tint)
        let tiles = Float(house.storeys - 1) / 2
        if house.storeys > 1 {
            brush.list.quad(
                Corner(near.x, near.y + eaves, near.z, u0, 0), Corner(far.x, far.y + eaves, far.z, u1, 0),
                Corner(far.x, far.y + ground, far.z, u1, tiles), Corner(near.x, near.y + ground, near.z, u0, tiles),
                front)
        }
        let base = house.shop.map { textures.shops[$0 % textures.shops.count] } ?? style.groundFloor
        let lower = brush.paint(
            base, .building, facing: towardsRoad, tint: house.shop == nil ? house.tint : SIMD3(1, 1, 1))
        // Shops come two to a tile, dwellings one.
        let g0 = house.shop == nil ? 0 : house.phase * 2
        let g1 = g0 + max((length / 6).rounded(), 1) * (house.shop == nil ? 1 : 0.5)
        brush.list.quad(
            Corner(near.x, near.y + ground, near.z, g0, 0.004),
            Corner(far.x, far.y + ground, far.z, g1, 0.004), Corner(far.x, far.y - 0.4, far.z, g1, 1.1),
            Corner(near.x, near.y - 0.4, near.z, g0, 1.1), lower)
        endWall(house, side: side, near: near, style: style, brush: &brush)
        roof(house, side: side, near: near, far: far, style: style, brush: &brush)
    }

    /// The wall that faces the camera.
    private func endWall(
        _ house: StreetPlan.House, side: Float, near: StreetCamera.Anchor, style: FacadeTextures.Style,
        brush: inout SceneBrush
    ) {
        guard near.z > StreetCamera.near else { return }
        let depth = house.depth * side
        let wall = brush.paint(style.wall, .building, facing: SIMD3(0, 0, -1), tint: house.tint * 0.96)
        let eaves = house.eaves + (house.rise > 0 ? 0 : 0.45)
        let across = house.depth / 3
        let down = (eaves + 0.4) / 3
        brush.list.quad(
            Corner(near.x, near.y + eaves, near.z, 0, 0), Corner(near.x + depth, near.y + eaves, near.z, across, 0),
            Corner(near.x + depth, near.y - 0.4, near.z, across, down), Corner(near.x, near.y - 0.4, near.z, 0, down),
            wall)
        if house.rise > 0 {
            brush.list.triangle(
                Corner(near.x, near.y + eaves, near.z, 0, 0),
                Corner(near.x + depth / 2, near.y + eaves + house.rise, near.z, across / 2, -house.rise / 3),
                Corner(near.x + depth, near.y + eaves, near.z, across, 0), wall)
        }
    }

    private func roof(
        _ house: StreetPlan.House, side: Float, near: StreetCamera.Anchor, far: StreetCamera.Anchor,
        style: FacadeTextures.Style, brush: inout SceneBrush
    ) {
        let eaves = house.eaves
        let length = Float(house.end - house.start)
        let over = 0.35 * -side
        // A cornice or gutter, a little before the wall.
        let trim = brush.paint(
            brush.textures.things.plain, .building, facing: SIMD3(-side, 0, 0),
            tint: house.rise > 0 ? SIMD3(0.30, 0.29, 0.28) : SIMD3(0.62, 0.6, 0.57))
        let height: Float = house.rise > 0 ? 0.16 : 0.45
        brush.list.quad(
            Corner(near.x + over, near.y + eaves + height, near.z, 0, 0),
            Corner(far.x + over, far.y + eaves + height, far.z, length, 0),
            Corner(far.x + over, far.y + eaves - 0.06, far.z, length, 1),
            Corner(near.x + over, near.y + eaves - 0.06, near.z, 0, 1), trim)
        brush.list.quad(
            Corner(near.x + over, near.y + eaves + height, near.z, 0, 0),
            Corner(near.x, near.y + eaves + height, near.z, 0.3, 0),
            Corner(near.x, near.y + eaves - 0.06, near.z, 0.3, 1),
            Corner(near.x + over, near.y + eaves - 0.06, near.z, 0, 1), trim)
        guard house.rise > 0 else { return }
        let half = house.depth / 2 * side
        let slope = (house.rise * house.rise + half * half).squareRoot()
        let normal = SIMD3<Float>(-side * house.rise / slope, abs(half) / slope, 0)
        let roofs = brush.textures.facades.roofs
        let tiles = brush.paint(roofs[house.roof % roofs.count], .building, facing: normal)
        let ridge = eaves + house.rise
        brush.list.quad(
            Corner(near.x + over, near.y + eaves + 0.1, near.z, 0, slope / 3),
            Corner(far.x + over, far.y + eaves + 0.1, far.z, length / 3, slope / 3),
            Corner(far.x + half, far.y + ridge, far.z, length / 3, 0),
            Corner(near.x + half, near.y + ridge, near.z, 0, 0), tiles)
        // A chimney on the ridge.
        guard house.roof != 2 else { return }
        let s = house.start + (house.end - house.start) * 0.86
        let foot = brush.camera.anchor(s, side * (road.halfWidth + road.pavement(on: side) + house.setback) + half)
        let place = Placement(anchor: foot, facing: 1)
        let wall = brush.paint(style.wall, .building, facing: SIMD3(0, 0, -1), tint: house.tint * 0.9)
        let flank = brush.paint(style.wall, .building, facing: SIMD3(-side, 0, 0), tint: house.tint * 0.9)
        let top = ridge + 1.1
        brush.list.quad(
            place.corner(-0.4, -0.5, top), place.corner(-0.4, 0.5, top, 0.33),
            place.corner(-0.4, 0.5, ridge - 0.6, 0.33, 0.6),
            place.corner(-0.4, -0.5, ridge - 0.6, 0, 0.6), wall)
        brush.list.quad(
            place.corner(-0.4, -side * 0.5, top), place.corner(0.4, -side * 0.5, top, 0.27),
            place.corner(0.4, -side * 0.5, ridge - 0.6, 0.27, 0.6),
            place.corner(-0.4, -side * 0.5, ridge - 0.6, 0, 0.6), flank)
    }

    private func draw(
        _ boundary: StreetPlan.Boundary, of lot: StreetPlan.Lot, side: Float, brush: inout SceneBrush
    ) {
        guard boundary != .open else { return }
        let t = side * (road.halfWidth + road.pavement(on: side) + 0.15)
        let near = brush.camera.anchor(lot.start, t)
        // Houses have a way in.
        let far = brush.camera.anchor(lot.house == nil ? lot.end : lot.end - 1.3, t)
        guard far.z > StreetCamera.near, near.z < StreetCamera.far else { return }
        let length = far.z - near.z
        let things = brush.textures.things
        let facing = SIMD3<Float>(-side, 0, 0)
        let height: Float
        let paint: SurfacePaint
        let tile: Float
        var thickness: Float = 0
        switch boundary {
        case .open: return
        case .hedge:
            height = 0.9 + Float(lot.variant % 10) * 0.1
            paint = brush.paint(brush.textures.nature.hedge, .tree, facing: facing)
            tile = 2
            thickness = 0.7
        case .railing:
            height = 1.2
            paint = brush.paint(things.railing, .fence, facing: facing, isDithered: false)
            tile = 2
        case .panels:
            height = 1.5 + Float(lot.variant % 4) * 0.1
            paint = brush.paint(things.panels, .fence, facing: facing)
            tile = 2
        case .wall:
            height = 0.8 + Float(lot.variant % 5) * 0.1
            let style = lot.house?.style ?? 0
            let styles = brush.textures.facades.styles
            paint = brush.paint(styles[style % styles.count].wall, .building, facing: facing)
            tile = 3
            thickness = 0.25
        }
        let tiles = length / tile
        let deep: Float = tile == 3 || thickness > 0 ? height / tile : 1
        brush.list.quad(
            Corner(near.x, near.y + height, near.z, 0, 0), Corner(far.x, far.y + height, far.z, tiles, 0),
            Corner(far.x, far.y, far.z, tiles, deep), Corner(near.x, near.y, near.z, 0, deep), paint)
        guard thickness > 0 else { return }
        let wide = thickness * side
        var top = paint
        top.light = brush.light.factor(normal: SIMD3(0, 1, 0), toSun: brush.toSun)
        brush.list.quad(
            Corner(near.x, near.y + height, near.z, 0, 0), Corner(far.x, far.y + height, far.z, tiles, 0),
            Corner(far.x + wide, far.y + height, far.z, tiles, 0.3),
            Corner(near.x + wide, near.y + height, near.z, 0, 0.3), top)
        var end = paint
        end.light = brush.light.factor(normal: SIMD3(0, 0, -1), toSun: brush.toSun)
        brush.list.quad(
            Corner(near.x, near.y + height, near.z, 0, 0), Corner(near.x + wide, near.y + height, near.z, 0.3, 0),
            Corner(near.x + wide, near.y, near.z, 0.3, deep), Corner(near.x, near.y, near.z, 0, deep), end)
    }
}

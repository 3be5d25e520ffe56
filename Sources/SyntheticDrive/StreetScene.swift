/// One drive: its road, light, textures and everything that stands or moves along the road.
///
/// A frame is a function of the seed and of the time, and of nothing that was rendered before.
struct StreetScene {
    let road: StreetRoad
    let light: StreetLight
    let textures: StreetTextures
    private let seed: UInt64
    private let traffic: StreetTraffic
    private let buildings: BuildingModel
    private let furniture: FurnitureModel
    private(set) var plan: StreetPlan

    init(seed: UInt64) {
        self.seed = seed
        road = StreetRoad(seed: seed)
        light = StreetLight(seed: seed)
        textures = StreetTextures(seed: seed, season: light.season)
        traffic = StreetTraffic(seed: seed, road: road)
        buildings = BuildingModel(road: road)
        furniture = FurnitureModel(road: road)
        plan = StreetPlan(seed: seed, road: road)
    }

    /// The camera at `seconds` into the drive.
    func camera(seconds: Double, width: Int, height: Int) -> StreetCamera {
        StreetCamera(road: road, seed: seed, seconds: seconds, width: width, height: height)
    }

    /// Puts all that can be seen into `brush`.
    mutating func collect(into brush: inout SceneBrush) {
        let camera = brush.camera
        plan.cover(from: camera.s - 12, to: camera.s + Double(StreetCamera.far))
        for side in [-1, 1] as [Float] {
            for lot in plan.lots(on: side) where lot.end > camera.s { buildings.draw(lot, side: side, brush: &brush) }
        }
        for thing in plan.things {
            if thing.kind == .parkedCar {
                traffic.drawParked(thing, brush: &brush)
            } else {
                furniture.draw(thing, brush: &brush)
            }
        }
        traffic.draw(brush: &brush)
        traffic.drawCrossing(plan.crossings, brush: &brush)
        backdrop(brush: &brush)
    }

    /// What closes the view: trees behind the plots, and far ahead.
    private func backdrop(brush: inout SceneBrush) {
        let camera = brush.camera
        let paint = SurfacePaint(
            texture: textures.nature.treeLine, light: light.factor(scattered: 0.35), code: StreetClass.tree.code)
        let step = 40.0
        let first = Int(((camera.s - 20) / step).rounded(.down))
        for side in [-1, 1] as [Float] {
            for number in first..<(first + 11) {
                var random = DriveRandom(seed, side > 0 ? 80 : 81, number)
                let height = random.within(7, 14)
                let t = side * (road.halfWidth + road.pavement(on: side) + random.within(26, 40))
                let near = camera.anchor(Double(number) * step - 4, t)
                let far = camera.anchor(Double(number + 1) * step + 4, t)
                brush.list.quad(
                    Corner(near.x, near.y + height, near.z, 0, 0.02), Corner(far.x, far.y + height, far.z, 0.8, 0.02),
                    Corner(far.x, far.y - 0.5, far.z, 0.8, 0.99), Corner(near.x, near.y - 0.5, near.z, 0, 0.99), paint)
            }
        }
        let end = camera.anchor(camera.s + Double(StreetCamera.far) - 1, 0)
        let turn = Float(camera.heading) * 8
        for number in -8..<8 {
            let x = Float(number) * 60
            brush.list.quad(
                Corner(x, end.y + 17, end.z, Float(number) + turn, 0.02),
                Corner(x + 60, end.y + 17, end.z, Float(number) + 1 + turn, 0.02),
                Corner(x + 60, end.y - 14, end.z, Float(number) + 1 + turn, 0.99),
                Corner(x, end.y - 14, end.z, Float(number) + turn, 0.99), paint)
        }
    }
}

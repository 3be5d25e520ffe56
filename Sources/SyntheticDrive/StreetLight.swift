/// Season, weather and time of day of one drive: what the light is and how the sky looks.
///
/// Colours are square roots of light, 1 being white on the picture.
struct StreetLight {
    enum Season { case summer, autumn, winter }

    let season: Season
    /// Whether the sun throws shadows.
    let isSunny: Bool
    /// The direction to the sun as turns from the road's general direction, and the sine of its height.
    let azimuth: Double
    let elevation: Float
    /// Light from the sun and from the sky, before the square root.
    let sun: SIMD3<Float>
    let ambient: SIMD3<Float>
    let zenith: SIMD3<Float>
    let horizon: SIMD3<Float>
    let cloud: SIMD3<Float>
    /// The part of the sky under cloud, 0 to 1.
    let cover: Float
    let haze: Haze
    /// The deviation of the sensor's noise, in 8-bit steps.
    let noise: Float
    /// How strongly the middle tones are deepened, 0 to 1.
    let contrast: Float

    init(seed: UInt64) {
        var random = DriveRandom(seed, 3)
        season = random.chance(0.6) ? .summer : (random.chance(0.5) ? .autumn : .winter)
        azimuth = Double(random.unit())
        let mood = random.unit()
        let distance: Float
        var sun: SIMD3<Float>
        var ambient: SIMD3<Float>
        var zenith: SIMD3<Float>
        var horizon: SIMD3<Float>
        var cloud: SIMD3<Float>
        if mood < 0.5 {
            // A bright day.
            isSunny = true
            elevation = random.within(0.35, 0.8)
            let strength = random.within(0.75, 1.0)
            sun = SIMD3(1.0, 0.95, 0.86) * strength
            ambient = SIMD3(0.36, 0.39, 0.45) * random.within(0.85, 1.15)
            zenith = SIMD3(0.62, 0.78, 0.94)
            horizon = SIMD3(0.90, 0.95, 0.98)
            cloud = SIMD3(1.02, 1.02, 1.02)
            cover = random.within(0.1, 0.6)
            distance = random.within(700, 1500)
        } else if mood < 0.78 {
            // Under cloud.
            isSunny = false
            elevation = 0.7
            let strength = random.within(0.6, 0.85)
            sun = SIMD3(0.10, 0.10, 0.10) * strength
            ambient = SIMD3(0.92, 0.95, 1.0) * strength
            zenith = SIMD3(0.84, 0.87, 0.90) * (0.75 + 0.3 * strength)
            horizon = SIMD3(0.95, 0.96, 0.97) * (0.78 + 0.26 * strength)
            cloud = SIMD3(1.0, 1.0, 1.0) * (0.78 + 0.26 * strength)
            cover = random.within(0.5, 0.95)
            distance = random.within(350, 900)
        } else {
            // Early or late: a low, warm sun.
            isSunny = true
            elevation = random.within(0.16, 0.34)
            let strength = random.within(0.65, 0.9)
            sun = SIMD3(1.1, 0.88, 0.62) * strength
            ambient = SIMD3(0.26, 0.29, 0.36) * random.within(0.8, 1.1)
            zenith = SIMD3(0.58, 0.71, 0.86)
            horizon = SIMD3(0.97, 0.92, 0.84)
            cloud = SIMD3(1.0, 0.95, 0.88)
            cover = random.within(0.1, 0.7)
            distance = random.within(450, 1100)
        }
        // The camera exposes for the street, half of it in the shade where the sun is low; the sky may burn out.
        let shade = isSunny ? (1 - elevation) * 0.8 : 0
        let level = (ambient.y + sun.y * elevation * (1 - shade)).squareRoot()
        let exposure = random.within(0.88, 1.04) / level
        sun *= exposure * exposure
        ambient *= exposure * exposure
        let burnt = max(exposure, 1)
        zenith *= burnt
        horizon *= burnt
        cloud *= burnt
        self.sun = sun
        self.ambient = ambient
        self.zenith = zenith.clamped(lowerBound: SIMD3(), upperBound: SIMD3(repeating: 1))
        self.horizon = horizon.clamped(lowerBound: SIMD3(), upperBound: SIMD3(repeating: 1))
        self.cloud = cloud.clamped(lowerBound: SIMD3(), upperBound: SIMD3(repeating: 1))
        haze = Haze(color: self.horizon * 0.97, density: 1 / distance)
        noise = random.within(1.2, 3.2)
        contrast = random.within(0, 0.4)
    }

    /// The direction to the sun for a camera that looks along `heading`: right, up, ahead.
    func direction(heading: Double) -> SIMD3<Float> {
        let turns = azimuth - heading / 6.283_185_307_179_586
        let flat = (1 - elevation * elevation).squareRoot()
        return SIMD3(
            flat * Float(Wave.sine(turns: turns)), elevation, flat * Float(Wave.cosine(turns: turns)))
    }

    /// The factor on a surface's colour; `normal` is of length 1, `toSun` from `direction`.
    func factor(normal: SIMD3<Float>, toSun: SIMD3<Float>, inShadow: Bool = false) -> SIMD3<Float> {
        let facing = (normal * toSun).sum()
        let open = 0.68 + 0.32 * normal.y
        var light = ambient * open
        if !inShadow { light += sun * max(facing, 0) }
        return light.squareRoot()
    }

    /// The factor on a surface that is lit from all around, such as leaves or cloth.
    func factor(scattered part: Float) -> SIMD3<Float> { (ambient * 0.8 + sun * part).squareRoot() }
}

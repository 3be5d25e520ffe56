import Imaging

/// Renders frames of one drive. Frame i is a function of the seed and i alone; one thread at a time.
final class StreetRenderer {
    private let size: ImageSize
    private let frameRate: Rational
    private var scene: StreetScene
    private let canvas: StreetCanvas
    private var ground: GroundPainter
    private var sky: SkyPainter
    private let sensor: StreetSensor
    private var list: SurfaceList
    private var shadows: [GroundShadow] = []
    private var rows = SensorRows()

    init(options: SyntheticOptions) {
        size = options.size
        frameRate = options.frameRate
        let seed = DriveRandom.mixed(options.seed)
        scene = StreetScene(seed: seed)
        canvas = StreetCanvas(width: size.width, height: size.height)
        let textures = scene.textures
        ground = GroundPainter(
            seed: seed, road: scene.road, light: scene.light, textures: textures.ground, atlas: textures.atlas)
        sky = SkyPainter(seed: seed, light: scene.light, clouds: textures.ground.clouds, atlas: textures.atlas)
        sensor = StreetSensor(seed: seed, light: scene.light, hasNoise: options.hasNoise)
        list = SurfaceList(camera: scene.camera(seconds: 0, width: size.width, height: size.height))
    }

    /// Draws frame `index`; `picture` and `classes` then give it out.
    func draw(frame index: Int) {
        let seconds = Double(index) * Double(frameRate.denominator) / Double(frameRate.numerator)
        let camera = scene.camera(seconds: seconds, width: size.width, height: size.height)
        var brush = SceneBrush(
            list: SurfaceList(camera: camera, reusing: list), light: scene.light,
            toSun: scene.light.direction(heading: camera.heading), textures: scene.textures, seconds: seconds)
        swap(&brush.shadows, &shadows)
        brush.shadows.removeAll(keepingCapacity: true)
        scene.collect(into: &brush)
        canvas.clear()
        brush.list.draw(on: canvas, atlas: scene.textures.atlas, haze: scene.light.haze)
        ground.paint(on: canvas, camera: camera, plan: scene.plan, shadows: brush.shadows)
        sky.paint(on: canvas, camera: camera, seconds: seconds)
        list = brush.list
        shadows = brush.shadows
    }

    /// Writes the picture of frame `index`, which was drawn last, as packed red, green and blue.
    func writePicture(frame index: Int, into output: UnsafeMutableRawBufferPointer) {
        sensor.expose(canvas, frame: index, into: output, rows: &rows)
    }

    /// Writes the class of every pixel of the frame drawn last: `identifiers` by the class's code.
    func writeClasses(_ identifiers: [UInt8], into output: UnsafeMutableRawBufferPointer) {
        canvas.withClasses { codes in
            guard output.count >= codes.count, identifiers.count >= StreetClass.allCases.count else { return }
            identifiers.withUnsafeBufferPointer { table in
                for index in codes.indices { output[index] = table[Int(codes[index])] }
            }
        }
    }
}

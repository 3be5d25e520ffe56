import Imaging
import Testing
import SyntheticDrive

@Suite("The synthetic drive")
struct SyntheticDriveTests {
    private static func drive(
        seed: UInt64, width: Int = 320, height: Int = 180, hasNoise: Bool = true
    ) throws -> SyntheticDrive {
        SyntheticDrive(
            options: SyntheticOptions(seed: seed, size: ImageSize(height: height, width: width), hasNoise: hasNoise),
            labels: try TestLabels.labels())
    }

    @Test("the same seed and index give the same frame, in whatever order frames are asked for")
    func deterministic() throws {
        let first = try Self.drive(seed: 7)
        let second = try Self.drive(seed: 7)
        let forwards = [0, 1, 2, 50, 51].map { DrivePicture(first, frame: $0).checksum }
        let backwards = [51, 50, 2, 1, 0].map { DrivePicture(second, frame: $0).checksum }
        #expect(forwards == backwards.reversed())
        #expect(Set(forwards).count == forwards.count)
    }

    @Test("picture and labels asked for one by one are those of the sample")
    func parts() throws {
        let drive = try Self.drive(seed: 11)
        let whole = DrivePicture(drive, frame: 9)
        #expect(DrivePicture.bytes(of: drive.picture(at: 9)) == whole.pixels)
        #expect(drive.label(of: 9).withUnsafeBytes { Array($0) } == whole.ids)
    }

    @Test("other seeds give other drives")
    func seeds() throws {
        let sums = try (0..<6 as Range<UInt64>).map { DrivePicture(try Self.drive(seed: $0), frame: 30).checksum }
        #expect(Set(sums).count == sums.count)
    }

    @Test("every class is there within the first four seconds", arguments: [0, 1, 2, 3, 7, 42, 1_000_003] as [UInt64])
    func everyClass(seed: UInt64) throws {
        let drive = try Self.drive(seed: seed, width: 640, height: 360)
        var counts = [Int](repeating: 0, count: 256)
        for frame in stride(from: 0, through: 120, by: 10) {
            drive.label(of: frame).withUnsafeBytes { for id in $0 { counts[Int(id)] += 1 } }
        }
        for kind in StreetClass.allCases {
            let count = counts[Int(try TestLabels.id(kind))]
            #expect(count >= 60, "\(kind.name) has \(count) pixels")
        }
        #expect(counts[255] == 0)
    }

    @Test("ids are those of the label set, and classes that it lacks are 255")
    func missingLabels() throws {
        let labels = try TestLabels.labels(["void", "Road", "Sky"])
        let size = ImageSize(height: 90, width: 160)
        let partial = SyntheticDrive(options: SyntheticOptions(seed: 5, size: size), labels: labels)
        let full = SyntheticDrive(options: SyntheticOptions(seed: 5, size: size), labels: try TestLabels.labels())
        #expect(partial.missingClasses.count == 9)
        let some = partial.label(of: 3).withUnsafeBytes { Array($0) }
        let all = full.label(of: 3).withUnsafeBytes { Array($0) }
        let road = try TestLabels.id(.road)
        let sky = try TestLabels.id(.sky)
        #expect(zip(some, all).allSatisfy { $0 == ($1 == road ? 1 : $1 == sky ? 2 : 255) })
    }

    @Test("the sky is above, bright, and the road below the camera", arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func layout(seed: UInt64) throws {
        let drive = try Self.drive(seed: seed, hasNoise: false)
        for frame in [0, 45, 200, 250] {
            let picture = DrivePicture(drive, frame: frame)
            let sky = try TestLabels.id(.sky)
            let below = picture.ids[(picture.width * picture.height * 56 / 100)...]
            #expect(!below.contains(sky), "sky below the horizon in frame \(frame)")
            let color = picture.mean(of: sky)
            #expect(color.count > 0 && (color.red + color.green + color.blue) / 3 > 150, "\(color)")
            let bottom = (picture.height - 4)..<picture.height
            let middle = (picture.width * 4 / 10)..<(picture.width * 6 / 10)
            let road = try TestLabels.id(.road)
            let covered = bottom.flatMap { y in middle.map { picture.id($0, y) } }
            #expect(covered.filter { $0 == road }.count > covered.count * 8 / 10, "frame \(frame)")
        }
    }

    @Test("each class has colours of its kind", arguments: [1, 2, 3, 8] as [UInt64])
    func colours(seed: UInt64) throws {
        let drive = try Self.drive(seed: seed, width: 640, height: 360, hasNoise: false)
        for frame in [0, 90] {
            let picture = DrivePicture(drive, frame: frame)
            let road = picture.mean(of: try TestLabels.id(.road))
            #expect(abs(road.red - road.blue) < 26, "the road is grey: \(road)")
            #expect(road.green > 20 && road.green < 170, "\(road)")
            let tree = picture.mean(of: try TestLabels.id(.tree))
            #expect(tree.count < 200 || max(tree.red, tree.green) > tree.blue, "trees are no blue: \(tree)")
            let sky = picture.mean(of: try TestLabels.id(.sky))
            #expect(sky.green > road.green + 30, "the sky is brighter than the road")
        }
    }

    @Test("labels and picture agree to the pixel: colours change where labels do", arguments: [1, 2, 3] as [UInt64])
    func edges(seed: UInt64) throws {
        let picture = DrivePicture(try Self.drive(seed: seed, width: 640, height: 360, hasNoise: false), frame: 60)
        // The mean change of colour across the labels' edges, the labels moved by (dx, dy).
        func contrast(_ dx: Int, _ dy: Int) -> Double {
            var sum = 0
            var count = 0
            for y in 4..<(picture.height - 4) {
                for x in 4..<(picture.width - 5) {
                    guard picture.id(x + dx, y + dy) != picture.id(x + dx + 1, y + dy) else { continue }
                    sum += picture.difference(x, y, x + 1, y)
                    count += 1
                }
            }
            return Double(sum) / Double(max(count, 1))
        }
        let aligned = contrast(0, 0)
        for (dx, dy) in [(1, 0), (-1, 0), (2, 0), (-2, 0), (3, 3)] {
            #expect(aligned > contrast(dx, dy) * 1.4, "moved by \(dx), \(dy)")
        }
    }

    @Test("what stands still grows as the camera comes nearer", arguments: [1, 2, 3, 4] as [UInt64])
    func egoMotion(seed: UInt64) throws {
        let drive = try Self.drive(seed: seed)
        let before = DrivePicture(drive, frame: 30)
        let after = DrivePicture(drive, frame: 42)
        let still = try [StreetClass.building, .sky, .tree, .pavement].map { try TestLabels.id($0) }
        func agreement(_ zoom: Double) -> Int {
            let cx = Double(before.width) / 2
            let cy = Double(before.height) * 0.47
            var equal = 0
            for y in 0..<after.height {
                for x in 0..<after.width where still.contains(after.id(x, y)) {
                    let px = Int(cx + (Double(x) - cx) / zoom)
                    let py = Int(cy + (Double(y) - cy) / zoom)
                    guard px >= 0, py >= 0, px < before.width, py < before.height else { continue }
                    if before.id(px, py) == after.id(x, y) { equal += 1 }
                }
            }
            return equal
        }
        // Zooming out loses no pixels at the border, so it must lose by being wrong.
        #expect(agreement(1.12) > agreement(1))
        #expect(agreement(1) > agreement(1 / 1.12) || agreement(1.12) > agreement(1 / 1.12))
    }

    @Test(
        "any size can be rendered",
        arguments: [(17, 33), (33, 17), (1, 1), (64, 48), (2, 300), (300, 2), (641, 361)])
    func sizes(width: Int, height: Int) throws {
        let drive = try Self.drive(seed: 3, width: width, height: height)
        for frame in [0, 77] {
            let picture = DrivePicture(drive, frame: frame)
            #expect(picture.pixels.count == width * height * 3)
            #expect(picture.ids.allSatisfy { $0 < 11 })
        }
    }

    @Test("a frame of another rate at the same time shows the same street")
    func rates() throws {
        let labels = try TestLabels.labels()
        let size = ImageSize(height: 90, width: 160)
        let slow = SyntheticDrive(
            options: SyntheticOptions(seed: 9, size: size, frameRate: Rational(10, 1)), labels: labels)
        let fast = SyntheticDrive(
            options: SyntheticOptions(seed: 9, size: size, frameRate: Rational(30, 1)), labels: labels)
        #expect(DrivePicture(slow, frame: 5).ids == DrivePicture(fast, frame: 15).ids)
    }

    @Test("hours into the drive there is still a street")
    func endless() throws {
        let drive = try Self.drive(seed: 4)
        let picture = DrivePicture(drive, frame: 30 * 3600 * 24)
        #expect(Set(picture.ids).count >= 6)
        #expect(picture.ids.contains(try TestLabels.id(.road)))
    }
}

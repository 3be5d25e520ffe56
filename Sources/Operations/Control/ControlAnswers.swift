import Foundation
import Imaging

/// What the control socket answers, besides the service's report. All of it can be read again with `ServiceJSON`.
public enum ControlAnswers {
    /// A class.
    public struct Label: Codable, Hashable, Sendable {
        /// Its id, a pixel's value in a mask.
        public var id: Int
        /// Its name.
        public var name: String
        /// Its colour, as in `#804080`.
        public var color: String
    }

    /// The network and its input.
    public struct Model: Codable, Hashable, Sendable {
        /// Its name.
        public var name: String
        /// How many classes it tells apart.
        public var classes: Int
        /// The value of a pixel that has no class.
        public var noAnswer: Int
        /// Rows of masks.
        public var height: Int
        /// Pixels in a row of masks.
        public var width: Int
        /// Threads that work on a picture.
        public var threads: Int
        /// The kernels in use.
        public var instructionSet: String

        enum CodingKeys: String, CodingKey {
            case name, classes, height, width, threads
            case noAnswer = "no_answer"
            case instructionSet = "instruction_set"
        }
    }

    /// A size in pixels.
    public struct Size: Codable, Hashable, Sendable {
        /// Rows.
        public var height: Int
        /// Pixels in a row.
        public var width: Int

        init(_ size: ImageSize) { (height, width) = (size.height, size.width) }
    }

    /// A rectangle of whole pixels.
    public struct Rectangle: Codable, Hashable, Sendable {
        /// The first column.
        public var x: Int
        /// The first row.
        public var y: Int
        /// Pixels in a row.
        public var width: Int
        /// Rows.
        public var height: Int

        init(_ rectangle: MaskGeometry.Rectangle) {
            (x, y, width, height) = (rectangle.x, rectangle.y, rectangle.size.width, rectangle.size.height)
        }
    }

    /// From a mask's pixels to its source's: source = mask × scale + offset, where whole numbers are pixels' edges.
    public struct Geometry: Codable, Hashable, Sendable {
        /// The camera.
        public var camera: String
        /// The mask's size.
        public var mask: Size
        /// The source's size, as a viewer sees it.
        public var source: Size
        /// `stretch`, `letterbox` or `crop`.
        public var fit: String
        /// Source pixels a mask pixel, rightwards.
        public var scaleX: Double
        /// Source pixels a mask pixel, downwards.
        public var scaleY: Double
        /// The source column of the mask's left edge.
        public var offsetX: Double
        /// The source row of the mask's upper edge.
        public var offsetY: Double
        /// The part of the mask that shows the source.
        public var content: Rectangle
        /// The part of the source that the mask covers.
        public var visible: Rectangle

        enum CodingKeys: String, CodingKey {
            case camera, mask, source, fit, content, visible
            case scaleX = "scale_x"
            case scaleY = "scale_y"
            case offsetX = "offset_x"
            case offsetY = "offset_y"
        }

        /// The geometry of `camera`'s masks.
        public init(camera: String, _ geometry: MaskGeometry) {
            self.camera = camera
            mask = Size(geometry.mask)
            source = Size(geometry.source)
            fit = geometry.fit.rawValue
            scaleX = geometry.scaleX
            scaleY = geometry.scaleY
            offsetX = geometry.offsetX
            offsetY = geometry.offsetY
            content = Rectangle(geometry.content)
            visible = Rectangle(geometry.visible)
        }
    }

    /// A picture of what a camera sees.
    public struct Snapshot: Codable, Hashable, Sendable {
        /// The camera.
        public var camera: String
        /// The frame's sequence number.
        public var sequence: UInt64
        /// When the frame was captured, nanoseconds since the epoch.
        public var capturedNs: Int64
        /// How long ago that was when the service answered, milliseconds: large where the camera is lost.
        public var ageMs: Int
        /// Pixels in a row.
        public var width: Int
        /// Rows.
        public var height: Int
        /// `overlay`, `mask`, `ids` or `picture`.
        public var style: String
        /// The file that `segmentd ctl` wrote it to; nil in the service's answer.
        public var path: String?
        /// The PNG file, in base64; nil where `segmentd ctl` wrote it to a file.
        public var png: Data?

        enum CodingKeys: String, CodingKey {
            case camera, sequence, width, height, style, path, png
            case capturedNs = "captured_ns"
            case ageMs = "age_ms"
        }
    }

    /// What a reload came to.
    public struct Reload: Codable, Hashable, Sendable {
        /// Counts the configurations that were in force.
        public var revision: Int
        /// What was done; empty where nothing had changed.
        public var changes: [String]
        /// The cameras that nothing happened to.
        public var kept: [String]

        /// A reload that came to this.
        public init(revision: Int, changes: [String], kept: [String]) {
            self.revision = revision
            self.changes = changes
            self.kept = kept
        }
    }

    /// The classes of `labels`, by id.
    public static func labels(_ labels: LabelSet) -> [Label] {
        labels.names.enumerated().map { id, name in
            let color = labels.color(of: UInt8(id))
            let hex = [color.red, color.green, color.blue].map { value in
                (value < 16 ? "0" : "") + String(value, radix: 16)
            }
            return Label(id: id, name: name, color: "#" + hex.joined())
        }
    }

    /// Red, green and blue of each id of `labels`.
    public static func palette(_ labels: LabelSet) -> [[Int]] {
        labels.palette.map { [Int($0.red), Int($0.green), Int($0.blue)] }
    }
}

import Foundation
import Imaging
import Segmentation

/// What `bench --pipeline` prints: where a picture's time goes from the decoder to the readers of the sockets.
struct PipelineReport: Encodable {
    struct Stage: Encodable {
        let name: String
        let isNetwork: Bool
        let p50: Double
        let p90: Double
        /// Of the sum of all stages' p50.
        let share: Double

        enum CodingKeys: String, CodingKey {
            case name, share
            case isNetwork = "network"
            case p50 = "p50_ms"
            case p90 = "p90_ms"
        }
    }

    let model: String
    let threads: Int
    let instructionSet: String
    let frames: Int
    let sourceHeight: Int
    let sourceWidth: Int
    let height: Int
    let width: Int
    let stages: [Stage]
    let p50: Double
    let p90: Double
    /// The share of everything but the network.
    let outside: Double
    /// What the readers of both sockets got of a picture.
    let bytes: Int

    enum CodingKeys: String, CodingKey {
        case model, threads, frames, height, width, stages
        case instructionSet = "instruction_set"
        case sourceHeight = "source_height"
        case sourceWidth = "source_width"
        case p50 = "p50_ms"
        case p90 = "p90_ms"
        case outside = "outside_share"
        case bytes = "socket_bytes"
    }

    init(_ measurement: PipelineMeasurement, of segmenter: CompiledNetwork, from size: ImageSize) {
        model = segmenter.modelName
        threads = segmenter.threads
        instructionSet = segmenter.instructionSet.rawValue
        frames = measurement.totals.count
        (sourceHeight, sourceWidth) = (size.height, size.width)
        (height, width) = (segmenter.inputSize.height, segmenter.inputSize.width)
        let measured = PipelineMeasurement.Stage.allCases.map {
            ($0, Percentiles(measurement.times[$0] ?? []))
        }
        let sum = max(measured.reduce(0) { $0 + $1.1.at(0.5) }, 1e-9)
        // What an engine does not do as a stage of its own is not listed.
        let stages = measured.filter { $0.1.largest > 0 }.map { stage, times in
            Stage(
                name: stage.rawValue, isNetwork: stage.isNetwork, p50: times.at(0.5), p90: times.at(0.9),
                share: times.at(0.5) / sum)
        }
        self.stages = stages
        let totals = Percentiles(measurement.totals)
        p50 = totals.at(0.5)
        p90 = totals.at(0.9)
        outside = stages.reduce(0) { $0 + ($1.isNetwork ? 0 : $1.share) }
        bytes = measurement.bytes
    }

    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    var table: String {
        func row(_ name: String, _ p50: Double, _ p90: Double, _ share: Double) -> String {
            TextTable.left(name, 24) + TextTable.right(TextTable.fixed(p50, 3), 9)
                + TextTable.right(TextTable.fixed(p90, 3), 9)
                + TextTable.right(TextTable.fixed(100 * share, 1) + " %", 9)
        }
        var lines = [
            "\(model), \(sourceHeight)x\(sourceWidth) yuv420p to \(height)x\(width), "
                + "\(threads) \(threads == 1 ? "thread" : "threads"), \(instructionSet), \(frames) pictures, "
                + "\(TextTable.fixed(Double(bytes) / 1e6, 2)) MB of each to the readers of two sockets",
            "",
            TextTable.left("stage", 24) + TextTable.right("p50 ms", 9) + TextTable.right("p90 ms", 9)
                + TextTable.right("share", 9),
        ]
        lines += stages.map { row($0.name, $0.p50, $0.p90, $0.share) }
        lines.append(row("picture", p50, p90, 1))
        lines.append(
            TextTable.left("all but the network", 42) + TextTable.right(TextTable.fixed(100 * outside, 1) + " %", 9))
        return lines.joined(separator: "\n")
    }
}

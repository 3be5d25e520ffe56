import Foundation
import Imaging
import Inference
import Networks

/// What the engine makes of a network: what `describe --compiled` prints.
struct CompiledDescription: Encodable {
    struct Amount: Encodable {
        let operations: Int
        let multiplyAccumulates: Int
        let bytesRead: Int
        let bytesWritten: Int

        var bytes: Int { bytesRead + bytesWritten }

        enum CodingKeys: String, CodingKey {
            case operations
            case multiplyAccumulates = "multiply_accumulates"
            case bytesRead = "bytes_read"
            case bytesWritten = "bytes_written"
        }

        init(_ work: Work) {
            operations = work.operations
            multiplyAccumulates = work.multiplyAccumulates
            bytesRead = work.traffic.read
            bytesWritten = work.traffic.written
        }
    }

    struct Block: Encodable {
        let block: String
        let specification: Amount
        let compiled: Amount
    }

    struct Pass: Encodable {
        let name: String
        let after: Amount
    }

    struct Executed: Encodable {
        let name: String
        let block: String
        let kind: String
        let inputs: [[Int]]
        let output: [Int]
        let multiplyAccumulates: Int
        let bytes: Int

        enum CodingKeys: String, CodingKey {
            case name, block, kind, inputs, output, bytes
            case multiplyAccumulates = "multiply_accumulates"
        }
    }

    let title: String
    let height: Int
    let width: Int
    let threads: Int
    let instructionSet: String
    let specification: Amount
    let passes: [Pass]
    let compiled: Amount
    let blocks: [Block]
    let operations: [Executed]
    let arenaBytes: Int
    let weightBytes: Int
    let engineBytes: Int

    enum CodingKeys: String, CodingKey {
        case title, height, width, threads, specification, passes, compiled, blocks, operations
        case instructionSet = "instruction_set"
        case arenaBytes = "arena_bytes"
        case weightBytes = "weight_bytes"
        case engineBytes = "engine_bytes"
    }

    /// Compiles the part of `program` that yields the class map.
    init(_ program: Program, title: String, size: ImageSize, options: EngineOptions) throws {
        let network = Program(
            graph: program.graph.keeping(outputs: [NetworkOutput.classMap]), weights: program.weights)
        let rewriting: Rewriting
        do { rewriting = try Rewriting(network, passes: options.passes) } catch { throw Engine.Failure.graph(error) }
        let engine = try Engine(network, options: options)
        let (before, after) = (rewriting.specification, engine.graph)
        self.title = title
        height = size.height
        width = size.width
        threads = engine.threads
        instructionSet = engine.instructionSet.rawValue
        specification = Amount(before.work(placing: false))
        passes =
            rewriting.passes.map { Pass(name: $0.name, after: Amount($0.graph.work(placing: false))) }
            + [Pass(name: "place tensors", after: Amount(after.work(placing: true)))]
        compiled = Amount(after.work(placing: true))
        var names: [String] = []
        for node in before.nodes where !names.contains(node.block) { names.append(node.block) }
        blocks = names.compactMap { block in
            let old = before.work(ofBlock: block, placing: false)
            guard old.operations > 0 else { return nil }
            return Block(
                block: block, specification: Amount(old), compiled: Amount(after.work(ofBlock: block, placing: true)))
        }
        func numbers(_ shape: Shape) -> [Int] { [shape.channels, shape.height, shape.width] }
        operations = engine.executed.map { index in
            let node = after.nodes[index]
            return Executed(
                name: node.name, block: node.block, kind: node.operation.kind,
                inputs: node.inputs.map { numbers(after[$0].shape) }, output: numbers(node.shape),
                multiplyAccumulates: node.cost.multiplyAccumulates, bytes: after.traffic(ofNode: index).total)
        }
        arenaBytes = engine.arenaBytes
        weightBytes = engine.weightBytes
        engineBytes = arenaBytes + weightBytes
    }

    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}

extension CompiledDescription {
    var table: String {
        var lines = [
            "\(title), \(height)x\(width), compiled for \(threads) \(threads == 1 ? "thread" : "threads"), "
                + instructionSet,
            "",
            TextTable.left("", 32) + TextTable.right("operations", 20) + TextTable.right("GMAC", 20)
                + TextTable.right("MB moved", 20),
            TextTable.left("block", 32)
                + String(repeating: TextTable.right("before", 10) + TextTable.right("after", 10), count: 3),
        ]
        lines += blocks.map { row($0.block, $0.specification, $0.compiled) }
        lines.append(row("sum", specification, compiled))
        lines += [
            "", TextTable.left("pass", 32) + lines[3].dropFirst(32),
        ]
        for (previous, pass) in zip([specification] + passes.map(\.after), passes) {
            lines.append(row(pass.name, previous, pass.after))
        }
        lines += [
            "",
            TextTable.left("operation", 34) + TextTable.left("kind", 32) + TextTable.left("inputs", 30)
                + TextTable.left("output", 18) + TextTable.right("GMAC", 8) + TextTable.right("MB", 8),
        ]
        for operation in operations {
            lines.append(
                TextTable.left(operation.name, 34) + TextTable.left(operation.kind, 32)
                    + TextTable.left(Self.shapes(operation.inputs), 30)
                    + TextTable.left(Self.shape(operation.output), 18)
                    + TextTable.right(
                        operation.multiplyAccumulates > 0 ? Self.billions(operation.multiplyAccumulates) : "", 8)
                    + TextTable.right(Self.megabytes(operation.bytes, 2), 8))
        }
        lines += [
            "",
            "engine memory \(Self.megabytes(engineBytes, 1)) MB: tensors \(Self.megabytes(arenaBytes, 1)) MB, "
                + "weights \(Self.megabytes(weightBytes, 1)) MB",
        ]
        return lines.joined(separator: "\n")
    }

    private func row(_ name: String, _ before: Amount, _ after: Amount) -> String {
        TextTable.left(name, 32) + TextTable.right("\(before.operations)", 10)
            + TextTable.right("\(after.operations)", 10)
            + TextTable.right(Self.billions(before.multiplyAccumulates), 10)
            + TextTable.right(Self.billions(after.multiplyAccumulates), 10)
            + TextTable.right(Self.megabytes(before.bytes, 1), 10)
            + TextTable.right(Self.megabytes(after.bytes, 1), 10)
    }

    private static func shape(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "x") }

    /// Equal ones that follow each other are counted: `4 of 464x48x64 + 256x1x1`.
    private static func shapes(_ shapes: [[Int]]) -> String {
        var runs: [(shape: [Int], count: Int)] = []
        for shape in shapes {
            if let last = runs.indices.last, runs[last].shape == shape {
                runs[last].count += 1
            } else {
                runs.append((shape, 1))
            }
        }
        return runs.map { ($0.count > 1 ? "\($0.count) of " : "") + shape($0.shape) }.joined(separator: " + ")
    }

    private static func billions(_ count: Int) -> String { TextTable.fixed(Double(count) / 1e9, 3) }

    private static func megabytes(_ bytes: Int, _ digits: Int) -> String {
        TextTable.fixed(Double(bytes) / 1e6, digits)
    }
}

extension Program {
    /// A variant without a model: every parameter is 1, which tells nothing and costs the same.
    static func unweighted(_ variant: NetworkVariant, classes: Int, size: ImageSize) throws -> Program {
        do {
            let graph = try variant.graph(
                classes: classes, size: size, input: .picture(mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25]))
            var weights = Weights()
            for parameter in graph.parameters {
                weights.set(parameter.name, [Float](repeating: 1, count: parameter.count))
            }
            return Program(graph: graph, weights: weights)
        } catch {
            throw Engine.Failure.graph(error)
        }
    }
}

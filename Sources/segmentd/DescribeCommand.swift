import ArgumentParser
import Foundation
import Imaging
import Inference
import Networks

/// `segmentd describe`: Table II of the network, with output sizes, parameters and multiply–accumulates.
struct DescribeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "Print the network block by block: sizes, parameters, multiply-accumulates.",
        discussion: """
            With --compiled, what the engine makes of it: operations, multiply-accumulates and bytes moved before and \
            after the passes, what each pass changed, the operations that are executed, and the memory they take.
            """)

    @OptionGroup var engine: EngineArguments

    @Option(
        name: [.customLong("variant"), .customLong("configuration")],
        help: "Describe a variant of a network (the paper's Table IV) instead of a model.")
    var variant: NetworkVariant?

    @Option(parsing: .unconditional, help: "Classes of the variant.")
    var classes: Int?

    @Option(help: "Input size, height x width, multiples of 16.")
    var size = NetworkSize.standard

    @Flag(help: "Describe what is executed instead, as compiled for --threads and --cpu-features.")
    var compiled = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if engine.model != nil, variant != nil {
            throw ValidationError("--model and --variant exclude each other")
        }
        if classes != nil, variant == nil {
            throw ValidationError("--classes goes with --variant; a model knows its classes")
        }
        if !compiled, engine.threads != nil || engine.cpuFeatures != nil {
            throw ValidationError("--threads and --cpu-features go with --compiled")
        }
        if let classes, !(1...255).contains(classes) {
            throw ValidationError("--classes \(classes): expected 1 to 255")
        }
    }

    func run() throws {
        if compiled { return print(try describeCompiled()) }
        let description: NetworkDescription
        if let variant {
            description = try NetworkDescription(variant, classes: classes ?? 19, size: size.size)
        } else {
            let model = try engine.loadModel()
            description = try NetworkDescription(
                model.metadata.variant, classes: model.labels.count, size: size.size, model: model)
        }
        print(try json ? description.json : description.table)
    }

    private func describeCompiled() throws -> String {
        let (program, title): (Program, String)
        if let variant {
            (program, title) = (
                try .unweighted(variant, classes: classes ?? 19, size: size.size),
                variant.title
            )
        } else {
            let model = try engine.loadModel()
            (program, title) = (try model.program(size: size.size, input: model.pictureInput), model.name)
        }
        let description = try CompiledDescription(
            program, title: title, size: size.size,
            options: engine.options)
        return try json ? description.json : description.table
    }
}

/// Table II of one configuration at one size.
private struct NetworkDescription: Encodable {
    struct Block: Encodable {
        let block: String
        let channels: Int
        let height: Int
        let width: Int
        let parameters: Int
        let multiplyAccumulates: Int

        enum CodingKeys: String, CodingKey {
            case block, channels, height, width, parameters
            case multiplyAccumulates = "multiply_accumulates"
        }
    }

    struct ModelFacts: Encodable {
        let name: String
        let classes: [String]
        let trainedOn: String
        let license: String

        enum CodingKeys: String, CodingKey {
            case name, classes, license
            case trainedOn = "trained_on"
        }
    }

    let configuration: String
    let title: String
    let classes: Int
    let height: Int
    let width: Int
    let blocks: [Block]
    let parameters: Int
    let multiplyAccumulates: Int
    let model: ModelFacts?

    enum CodingKeys: String, CodingKey {
        case configuration, title, classes, height, width, blocks, parameters, model
        case multiplyAccumulates = "multiply_accumulates"
    }

    init(_ variant: NetworkVariant, classes: Int, size: ImageSize, model: Model? = nil) throws {
        let graph = try variant.graph(classes: classes, size: size, input: .normalized)
        configuration = variant.name
        title = variant.title
        self.classes = classes
        height = size.height
        width = size.width
        blocks = graph.outputs.filter { $0.name != NetworkOutput.classMap }.map { output in
            let shape = graph[output.value].shape
            let cost = graph.cost(ofBlock: output.name)
            return Block(
                block: output.name, channels: shape.channels, height: shape.height, width: shape.width,
                parameters: cost.parameters, multiplyAccumulates: cost.multiplyAccumulates)
        }
        let cost = graph.cost()
        parameters = cost.parameters
        multiplyAccumulates = cost.multiplyAccumulates
        self.model = model.map {
            ModelFacts(
                name: $0.name, classes: $0.labels.names, trainedOn: $0.metadata.trainedOn,
                license: $0.metadata.license)
        }
    }

    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    var table: String {
        var lines = ["\(title), \(classes) classes, \(height)x\(width)"]
        if let model {
            lines.append("model \(model.name): \(model.classes.joined(separator: ", "))")
            lines.append("trained on: \(model.trainedOn)")
            lines.append("license: \(model.license)")
        }
        lines.append("")
        func row(_ name: String, _ shape: String, _ parameters: Int, _ accumulates: Int) -> String {
            TextTable.left(name, 12) + TextTable.left(shape, 20) + TextTable.right("\(parameters)", 12)
                + TextTable.right(TextTable.fixed(Double(accumulates) / 1e9, 3), 10)
        }
        lines.append(
            TextTable.left("block", 12) + TextTable.left("output (C, H, W)", 20) + TextTable.right("parameters", 12)
                + TextTable.right("GMAC", 10))
        for block in blocks {
            lines.append(
                row(
                    block.block, "\(block.channels), \(block.height), \(block.width)", block.parameters,
                    block.multiplyAccumulates))
        }
        lines.append(row("sum", "", parameters, multiplyAccumulates))
        return lines.joined(separator: "\n")
    }
}

import Inference
import Testing

@Suite("The graph builder refuses what makes no sense, and says what it was given")
struct BuilderTests {
    struct Mistake: CustomTestStringConvertible, Sendable {
        let name: String
        let words: [String]
        let make: @Sendable (inout GraphBuilder, Value) throws -> Value

        var testDescription: String { name }

        init(
            _ name: String, says words: String..., make: @escaping @Sendable (inout GraphBuilder, Value) throws -> Value
        ) {
            self.name = name
            self.words = words
            self.make = make
        }
    }

    // Each on a tensor of (6, 5, 7), in block "trunk".
    static let mistakes: [Mistake] = [
        Mistake("no output channels", says: "c", "0 output") { try $0.convolution($1, "c", out: 0, kernel: 3) },
        Mistake("no kernel", says: "c") { try $0.convolution($1, "c", out: 1, kernel: 0) },
        Mistake("no stride", says: "c") { try $0.convolution($1, "c", out: 1, kernel: 3, stride: 0) },
        Mistake("negative padding", says: "c") { try $0.convolution($1, "c", out: 1, kernel: 3, padding: -1) },
        Mistake("no dilation", says: "c") { try $0.convolution($1, "c", out: 1, kernel: 3, dilation: 0) },
        Mistake("groups that do not divide the input", says: "c", "6 input", "4 groups") {
            try $0.convolution($1, "c", out: 4, kernel: 1, groups: 4)
        },
        Mistake("groups that do not divide the output", says: "c", "4 output", "3 groups") {
            try $0.convolution($1, "c", out: 4, kernel: 1, groups: 3)
        },
        Mistake("a kernel larger than its input", says: "c", "(6, 5, 7)", "7 pixels") {
            try $0.convolution($1, "c", out: 4, kernel: 7)
        },
        Mistake("a dilated kernel larger than its input", says: "c", "(6, 5, 7)", "9 pixels") {
            try $0.convolution($1, "c", out: 4, kernel: 3, padding: 1, dilation: 4)
        },
        Mistake("a sum of two shapes", says: "add", "(6, 5, 7)", "(3, 5, 7)") {
            try $0.sum($1, $0.slice($1, channels: 0..<3))
        },
        Mistake("nothing to concatenate", says: "concat") { graph, _ in try graph.concat([]) },
        Mistake("planes of two sizes", says: "concat", "5x7", "1x1") { try $0.concat([$1, $0.globalAveragePool($1)]) },
        Mistake("a slice beyond the end", says: "slice", "3..<7", "(6, 5, 7)") { try $0.slice($1, channels: 3..<7) },
        Mistake("a slice before the beginning", says: "slice", "-1..<2") { try $0.slice($1, channels: -1..<2) },
        Mistake("an empty slice", says: "slice", "2..<2") { try $0.slice($1, channels: 2..<2) },
        Mistake("a shuffle in groups that do not divide", says: "shuffle", "6 channels", "4 groups") {
            try $0.shuffle($1, groups: 4)
        },
        Mistake("a shuffle in no groups", says: "shuffle", "0 groups") { try $0.shuffle($1, groups: 0) },
        Mistake("max-pooling of windows larger than the input", says: "max pool", "windows of 9", "(6, 5, 7)") {
            try $0.maxPool($1, kernel: 9, stride: 1, padding: 1)
        },
        Mistake("max-pooling of padding alone", says: "max pool", "padding 3") {
            try $0.maxPool($1, kernel: 3, stride: 1, padding: 3)
        },
        Mistake("max-pooling without a stride", says: "max pool", "stride 0") {
            try $0.maxPool($1, kernel: 3, stride: 0, padding: 1)
        },
        Mistake("max-pooling with negative padding", says: "max pool", "padding -1") {
            try $0.maxPool($1, kernel: 3, stride: 1, padding: -1)
        },
        Mistake("an average without a middle", says: "average pool", "4") { try $0.averagePool($1, kernel: 4) },
        Mistake("an average over nothing", says: "average pool", "0") { try $0.averagePool($1, kernel: 0) },
        Mistake("an empty resize", says: "resize", "0x4") { try $0.resize($1, height: 0, width: 4) },
        Mistake("an argmax of too many channels", says: "argmax", "258") {
            try $0.argmax($0.concat(Array(repeating: $1, count: 43)))
        },
        Mistake("an empty input", says: "input", "(0, 5, 7)") { graph, _ in try graph.input(Shape(0, 5, 7), .uint8) },
        Mistake("normalisation of values", says: "normalize") {
            try $0.normalize($1, mean: Array(repeating: 0, count: 6), std: Array(repeating: 1, count: 6))
        },
        Mistake("normalisation with too few means", says: "normalize", "2 means", "(3, 5, 7)") { graph, _ in
            try graph.normalize(graph.input(Shape(3, 5, 7), .uint8), mean: [0, 0], std: [1, 1, 1])
        },
    ]

    @Test("and names the block and the operation", arguments: mistakes)
    func refusal(_ mistake: Mistake) throws {
        var graph = GraphBuilder()
        let x = try graph.input(Shape(6, 5, 7), .float32)
        graph.begin(block: "trunk")
        let count = graph.built.nodes.count
        let error = #expect(throws: GraphError.self) { _ = try mistake.make(&graph, x) }
        for word in ["trunk: "] + mistake.words where mistake.name != "nothing to concatenate" {
            #expect(error?.description.contains(word) == true, "\(error?.description ?? "") says nothing of \(word)")
        }
        #expect(graph.built.nodes.count <= count + 2, "a refused operation stays in the graph")
    }

    @Test("operations on numbers take no 8-bit samples")
    func types() throws {
        typealias Make = @Sendable (inout GraphBuilder, Value) throws -> Value
        let operations: [(String, Make)] = [
            ("c", { try $0.convolution($1, "c", out: 1, kernel: 1) }), ("add", { try $0.sum($1, $1) }),
            ("concat", { try $0.concat([$1, $1]) }), ("slice", { try $0.slice($1, channels: 0..<1) }),
            ("shuffle", { try $0.shuffle($1, groups: 1) }),
            ("max pool", { try $0.maxPool($1, kernel: 3, stride: 1, padding: 1) }),
            ("average pool", { try $0.averagePool($1, kernel: 3) }),
            ("resize", { try $0.resize($1, height: 4, width: 4) }), ("argmax", { try $0.argmax($1) }),
        ]
        for (name, make) in operations {
            var graph = GraphBuilder()
            let picture = try graph.input(Shape(3, 5, 7), .uint8)
            let error = #expect(throws: GraphError.self) { _ = try make(&graph, picture) }
            #expect(error?.description.contains(name) == true && error?.description.contains("8-bit") == true)
        }
        // Those that cannot fail while building are refused when the graph is compiled.
        let others: [@Sendable (inout GraphBuilder, Value) -> Value] = [
            { $0.relu($1) }, { $0.batchNorm($1, "n") }, { $0.globalAveragePool($1) },
        ]
        for make in others {
            for ofClasses in [false, true] {
                let sample = try Sample(seed: 1) { graph in
                    var x = try graph.input(Shape(3, 5, 7), .uint8)
                    if ofClasses { x = try graph.argmax(graph.normalize(x, mean: [0, 0, 0], std: [1, 1, 1])) }
                    graph.mark(make(&graph, x), as: "y")
                }
                let error = #expect(throws: Engine.Failure.self) { try Engine(sample.program) }
                #expect(error?.description.contains("8-bit") == true)
            }
        }
    }
}

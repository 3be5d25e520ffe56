import Inference
import Kernels
import Testing

/// An operation in a graph of its own.
struct OperationCase: CustomTestStringConvertible, Sendable {
    typealias Build = @Sendable (inout GraphBuilder, Value) throws -> Value
    let name: String
    let shapes: [Shape]
    let type: ElementType
    let build: Build

    var testDescription: String { name }

    init(_ name: String, _ shapes: [Shape], _ type: ElementType = .float32, _ build: @escaping Build) {
        self.name = name
        self.shapes = shapes
        self.type = type
        self.build = build
    }

    private static let small = [
        Shape(4, 1, 1), Shape(4, 1, 9), Shape(4, 7, 1), Shape(4, 5, 6), Shape(4, 9, 33), Shape(12, 13, 70),
    ]
    private static let large = [Shape(4, 30, 31), Shape(4, 33, 64)]

    static let all: [OperationCase] = convolutions + pools + others

    private static let convolutions: [OperationCase] =
        [
            OperationCase("convolution 1x1", small) { try $0.convolution($1, "c", out: 7, kernel: 1) },
            OperationCase("convolution 1x1 to many", small) {
                try $0.convolution($1, "c", out: 131, kernel: 1, bias: true)
            },
            // A single channel's windows are deeper than a block of the product.
            OperationCase("convolution 27x27", small) {
                try $0.convolution($1, "c", out: 3, kernel: 27, padding: 13, bias: true)
            },
            OperationCase("convolution 1x1 stride 2", small) {
                try $0.convolution($1, "c", out: 3, kernel: 1, stride: 2)
            },
            OperationCase("convolution 1x1 padded", small) {
                try $0.convolution($1, "c", out: 3, kernel: 1, padding: 2)
            },
            OperationCase("convolution 3x3", small) { try $0.convolution($1, "c", out: 5, kernel: 3, padding: 1) },
            OperationCase("convolution 3x3 with bias", small) {
                try $0.convolution($1, "c", out: 5, kernel: 3, padding: 1, bias: true)
            },
            OperationCase("convolution 3x3 stride 2", small) {
                try $0.convolution($1, "c", out: 24, kernel: 3, stride: 2, padding: 1)
            },
            OperationCase("convolution 3x3 stride 3 far out", small) {
                try $0.convolution($1, "c", out: 2, kernel: 3, stride: 3, padding: 5)
            },
            OperationCase("convolution 3x3 dilated", small) {
                try $0.convolution($1, "c", out: 3, kernel: 3, padding: 9, dilation: 9)
            },
            OperationCase("convolution 2x2", small) { try $0.convolution($1, "c", out: 3, kernel: 2, padding: 1) },
            OperationCase("convolution 5x5 unpadded", large) { try $0.convolution($1, "c", out: 3, kernel: 5) },
            OperationCase("convolution in two groups", small) {
                try $0.convolution($1, "c", out: 6, kernel: 3, padding: 1, groups: 2, bias: true)
            },
            OperationCase("depthwise convolution with a multiplier", small) {
                try $0.convolution(
                    $1, "c", out: 2 * $0.shape(of: $1).channels, kernel: 3, padding: 1,
                    groups: $0.shape(of: $1).channels)
            },
            OperationCase("convolution of one channel", [Shape(1, 9, 21)]) {
                try $0.convolution($1, "c", out: 1, kernel: 3, padding: 1)
            },
        ]
        + [(3, 1), (5, 1), (7, 1), (3, 2), (5, 2), (7, 2), (2, 1), (1, 1), (3, 3)].map { kernel, stride in
            OperationCase("depthwise convolution \(kernel)x\(kernel) stride \(stride)", small) {
                let channels = $0.shape(of: $1).channels
                return try $0.convolution(
                    $1, "d", out: channels, kernel: kernel, stride: stride, padding: kernel / 2, groups: channels)
            }
        }
        + [2, 3, 9, 27].map { dilation in
            OperationCase("depthwise convolution of dilation \(dilation)", small) {
                let channels = $0.shape(of: $1).channels
                return try $0.convolution(
                    $1, "d", out: channels, kernel: 3, padding: dilation, dilation: dilation, groups: channels,
                    bias: true)
            }
        }

    private static let pools: [OperationCase] =
        [(3, 2, 1), (3, 1, 1), (2, 2, 0), (1, 1, 0), (5, 3, 2)].flatMap {
            kernel, stride, padding in
            [
                OperationCase("max pool \(kernel) stride \(stride) padding \(padding)", padding == 0 ? large : small) {
                    try $0.maxPool($1, kernel: kernel, stride: stride, padding: padding)
                }
            ]
        }
        + [1, 3, 9, 27].map { kernel in
            OperationCase("average pool \(kernel)", small + large) { try $0.averagePool($1, kernel: kernel) }
        } + [OperationCase("global average pool", small) { $0.globalAveragePool($1) }]

    private static let others: [OperationCase] =
        [
            OperationCase("normalisation", [Shape(3, 5, 7), Shape(3, 16, 33)], .uint8) {
                try $0.normalize($1, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
            },
            OperationCase("batch normalisation", small) { $0.batchNorm($1, "bn") },
            OperationCase("ReLU", small) { $0.relu($1) },
            OperationCase("a tensor added to itself", small) { try $0.sum($1, $1) },
            OperationCase("sum", small) { try $0.sum($1, $0.relu($1)) },
            OperationCase("concatenation", small) { try $0.concat([$0.relu($1), $1, $0.batchNorm($1, "bn")]) },
            OperationCase("concatenation of one tensor twice", small) { try $0.concat([$1, $1]) },
            OperationCase("concatenation of a concatenation", small) {
                try $0.concat([$0.concat([$1, $0.relu($1)]), $0.concat([$0.relu($1)])])
            },
            OperationCase("slice", small) { try $0.slice($1, channels: 1..<3) },
            OperationCase("slice of a slice of a shuffle", small) {
                try $0.slice($0.slice($0.shuffle($1, groups: 2), channels: 1..<4), channels: 1..<2)
            },
            OperationCase("resize to another size, down and across", small) {
                try $0.resize($1, height: 11, width: 23)
            },
            OperationCase("resize to the same size", small) {
                try $0.resize($1, height: $0.shape(of: $1).height, width: $0.shape(of: $1).width)
            },
            OperationCase("resize by four", small) {
                try $0.resize($1, height: 4 * $0.shape(of: $1).height, width: 4 * $0.shape(of: $1).width)
            },
            OperationCase("argmax", small + [Shape(1, 3, 3), Shape(255, 2, 17)]) { try $0.argmax($1) },
            OperationCase("argmax of a resize", small) {
                let shape = $0.shape(of: $1)
                return try $0.argmax($0.resize($1, height: 4 * shape.height, width: 4 * shape.width))
            },
            OperationCase("argmax of a resize to any size", small) {
                try $0.argmax($0.resize($1, height: 3, width: 50))
            },
        ]
        + [1, 2, 4].map { groups in
            OperationCase("shuffle in \(groups) groups", small) { try $0.shuffle($1, groups: groups) }
        }
}

@Suite("An operation computes what its definition says")
struct OperationTests {
    @Test("however it is compiled", arguments: OperationCase.all)
    func definition(_ operation: OperationCase) throws {
        for (number, shape) in operation.shapes.enumerated() {
            // Of what comes in; and of what another operation computed and another one reads, where it may lie anywhere.
            for isInside in operation.type == .uint8 ? [false] : [false, true] {
                let sample = try Sample(seed: UInt64(number)) { graph in
                    var x = try graph.input(shape, operation.type)
                    if isInside { x = graph.batchNorm(x, "before") }
                    x = try operation.build(&graph, x)
                    graph.mark(x, as: "result")
                    if isInside, graph.built[x].type == .float32 { graph.mark(graph.relu(x), as: "behind") }
                }
                let expected = try Reference.run(sample.program, input: sample.input)
                for variant in Variant.all {
                    let problem = sample.difference(try sample.outputs(variant.options), from: expected)
                    #expect(problem == nil, "\(variant.name) on \(shape)\(isInside ? ", inside" : "")")
                }
            }
        }
    }
}

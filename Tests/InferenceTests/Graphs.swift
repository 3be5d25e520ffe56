import Testing
import Inference

/// A piece of network as passes are made for, and its neighbours for which they are not.
struct Pattern: CustomTestStringConvertible, Sendable {
    let name: String
    /// Of the input: eight channels of values, or three of 8-bit samples.
    let type: ElementType
    /// From the input.
    let build: @Sendable (inout GraphBuilder, Value) throws -> Void

    var testDescription: String { name }

    /// The input for it at a size.
    func input(_ height: Int, _ width: Int) -> Shape { Shape(type == .uint8 ? 3 : 8, height, width) }

    init(
        _ name: String, _ type: ElementType = .float32,
        _ build: @escaping @Sendable (inout GraphBuilder, Value) throws -> Void
    ) {
        self.name = name
        self.type = type
        self.build = build
    }

    /// The pattern called `name` on an input of `shape`, all weights 1.
    static func build(_ name: String, _ shape: Shape) throws -> Program {
        let pattern = try #require(all.first { $0.name == name })
        var graph = GraphBuilder()
        try pattern.build(&graph, try graph.input(shape, .float32))
        var weights = Weights()
        for parameter in graph.built.parameters {
            weights.set(parameter.name, Array(repeating: 1, count: parameter.count))
        }
        return Program(graph: graph.built, weights: weights)
    }

    static let all: [Pattern] = pictures + normalisations + depthwise + concatenations + heads + units

    private static let pictures: [Pattern] = [
        Pattern("a picture's 3x3 stride 2, batch norm, ReLU, max pool", .uint8) {
            let x = try $0.convBNReLU($0.normalized($1), "a", out: 24, kernel: 3, stride: 2, padding: 1)
            $0.mark(try $0.maxPool(x, kernel: 3, stride: 2, padding: 1), as: "y")
        },
        Pattern("a picture's 7x7 stride 2 with bias, max pool 2", .uint8) {
            let x = try $0.convolution(
                $0.normalized($1), "a", out: 17, kernel: 7, stride: 2, padding: 3, bias: true)
            $0.mark(try $0.maxPool(x, kernel: 2, stride: 2, padding: 1), as: "y")
        },
        Pattern("a picture's 5x5 stride 2, max pool 5, then another max pool", .uint8) {
            let x = try $0.convBNReLU($0.normalized($1), "a", out: 3, kernel: 5, stride: 2, padding: 2)
            let y = try $0.maxPool(x, kernel: 5, stride: 2, padding: 2)
            $0.mark(try $0.maxPool(y, kernel: 3, stride: 2, padding: 1), as: "y")
        },
        Pattern("a picture's 1x1 stride 2, max pool 1", .uint8) {
            let x = try $0.convolution($0.normalized($1), "a", out: 5, kernel: 1, stride: 2)
            $0.mark(try $0.maxPool(x, kernel: 1, stride: 2, padding: 0), as: "y")
        },
        Pattern("a picture's 3x3 stride 2 without pooling", .uint8) {
            $0.mark(try $0.convBNReLU($0.normalized($1), "a", out: 9, kernel: 3, stride: 2, padding: 1), as: "y")
        },
        Pattern("a picture's convolution that is read twice", .uint8) {
            let x = try $0.convBNReLU($0.normalized($1), "a", out: 9, kernel: 3, stride: 2, padding: 1)
            $0.mark(x, as: "x")
            $0.mark(try $0.maxPool(x, kernel: 3, stride: 2, padding: 1), as: "y")
        },
        Pattern("a normalised picture that is read twice", .uint8) {
            let x = try $0.normalized($1)
            $0.mark(try $0.convBNReLU(x, "a", out: 9, kernel: 3, stride: 2, padding: 1), as: "a")
            $0.mark(try $0.convBNReLU(x, "b", out: 9, kernel: 3, stride: 2, padding: 1), as: "b")
        },
        Pattern("a picture's 3x3 stride 1, max pool; stride 2 off centre", .uint8) {
            let x = try $0.convBNReLU($0.normalized($1), "a", out: 9, kernel: 3, padding: 1)
            $0.mark(try $0.maxPool(x, kernel: 3, stride: 2, padding: 1), as: "a")
            $0.mark(try $0.convolution($0.normalized($1), "b", out: 9, kernel: 3, stride: 2, padding: 2), as: "b")
        },
    ]

    private static let normalisations: [Pattern] = [
        Pattern("convolution, batch norm, ReLU") {
            $0.mark(try $0.convBNReLU($1, "a", out: 9, kernel: 3, padding: 1), as: "y")
        },
        Pattern("convolution with bias, batch norm") {
            let y = try $0.convolution($1, "a", out: 9, kernel: 3, stride: 2, padding: 1, bias: true)
            $0.mark($0.batchNorm(y, "a.bn"), as: "y")
        },
        Pattern("a marked convolution before its batch norm") {
            let y = try $0.convolution($1, "a", out: 9, kernel: 1)
            $0.mark(y, as: "convolution")
            $0.mark($0.batchNorm(y, "a.bn"), as: "y")
        },
        Pattern("a marked batch norm before its ReLU") {
            let y = $0.batchNorm(try $0.convolution($1, "a", out: 9, kernel: 1), "a.bn")
            $0.mark(y, as: "norm")
            $0.mark($0.relu(y), as: "y")
        },
        Pattern("a convolution that two batch norms read") {
            let y = try $0.convolution($1, "a", out: 9, kernel: 1)
            $0.mark(try $0.sum($0.batchNorm(y, "one"), $0.relu($0.batchNorm(y, "two"))), as: "y")
        },
        Pattern("one convolution's weights in two places, normalised differently") {
            let one = $0.batchNorm(try $0.convolution($1, "shared", out: 8, kernel: 3, padding: 1), "one")
            let two = $0.batchNorm(try $0.convolution(one, "shared", out: 8, kernel: 3, padding: 1), "two")
            $0.mark(one, as: "one")
            $0.mark(two, as: "two")
        },
        Pattern("one batch norm in two places, behind different convolutions") {
            let one = $0.batchNorm(try $0.convolution($1, "a", out: 8, kernel: 1, bias: true), "shared")
            let two = $0.batchNorm(try $0.convolution($1, "b", out: 8, kernel: 3, padding: 1), "shared")
            $0.mark(try $0.sum(one, two), as: "y")
        },
        Pattern("batch norm and ReLU with nothing before them") { $0.mark($0.relu($0.batchNorm($1, "a")), as: "y") },
        Pattern("batch norm behind ReLU behind a convolution") {
            $0.mark($0.batchNorm($0.relu(try $0.convolution($1, "a", out: 5, kernel: 1)), "a.bn"), as: "y")
        },
        Pattern("two batch norms in a row") {
            let y = $0.batchNorm(try $0.convolution($1, "a", out: 5, kernel: 1), "one")
            $0.mark($0.batchNorm(y, "two"), as: "y")
        },
        Pattern("two ReLUs in a row") {
            $0.mark($0.relu($0.relu(try $0.convolution($1, "a", out: 5, kernel: 3, padding: 1))), as: "y")
        },
        Pattern("an output under two names") {
            let y = try $0.convBNReLU($1, "a", out: 5, kernel: 1)
            $0.mark(y, as: "one")
            $0.mark(y, as: "two")
        },
    ]

    private static let depthwise: [Pattern] = [
        Pattern("a pyramid: running sums of depthwise kernels, concatenated, then 1x1") {
            let y = try $0.pyramid($1, "p", kernels: [3, 5, 7], stride: 1)
            $0.mark(try $0.convBNReLU(y, "fuse", out: 8, kernel: 1), as: "y")
        },
        Pattern("a pyramid of stride 2") {
            let y = try $0.pyramid($1, "p", kernels: [3, 5, 7], stride: 2)
            $0.mark(try $0.convBNReLU(y, "fuse", out: 8, kernel: 1), as: "y")
        },
        Pattern("a pyramid whose sums are marked") {
            let y = try $0.pyramid($1, "p", kernels: [3, 5], stride: 1)
            $0.mark(y, as: "pyramid")
            $0.mark(try $0.slice(y, channels: 8..<16), as: "sum")
            $0.mark(try $0.convolution(y, "fuse", out: 8, kernel: 1), as: "y")
        },
        Pattern("a sum of depthwise convolutions with ReLU between") {
            let one = $0.relu(try $0.depthwise($1, "one", kernel: 3))
            $0.mark(try $0.sum(one, $0.depthwise($1, "two", kernel: 5)), as: "y")
        },
        Pattern("a sum of depthwise convolutions of two tensors") {
            let other = $0.relu($1)
            $0.mark(try $0.sum($0.depthwise($1, "one", kernel: 3), $0.depthwise(other, "two", kernel: 5)), as: "y")
        },
        Pattern("a sum of depthwise convolutions of two dilations") {
            let one = try $0.depthwise($1, "one", kernel: 3, dilation: 2)
            $0.mark(try $0.sum(one, $0.depthwise($1, "two", kernel: 5)), as: "y")
        },
        Pattern("a sum of dilated depthwise convolutions, with itself") {
            let one = try $0.depthwise($1, "one", kernel: 3, dilation: 3)
            let sum = try $0.sum(one, $0.depthwise($1, "two", kernel: 5, dilation: 3))
            $0.mark(try $0.sum(sum, sum), as: "y")
        },
        Pattern("a sum of depthwise convolutions of unlike centres") {
            let (h, w) = ($0.shape(of: $1).height, $0.shape(of: $1).width)
            let one = try $0.convolution($1, "one", out: 8, kernel: 3, padding: 2, dilation: 2, groups: 8, bias: true)
            let two = try $0.convolution($1, "two", out: 8, kernel: 1, groups: 8, bias: true)
            let other = try $0.convolution($1, "other", out: 8, kernel: 3, padding: 2, groups: 8)
            $0.mark(try $0.sum(one, two), as: "y")
            if h > 2, w > 2 { $0.mark(other, as: "other") }
        },
        Pattern("depthwise, then 1x1") {
            $0.mark(try $0.convBNReLU($0.depthwise($1, "d", kernel: 3), "p", out: 11, kernel: 1), as: "y")
        },
        Pattern("depthwise with ReLU, then 1x1") {
            $0.mark(try $0.convBNReLU($0.relu($0.depthwise($1, "d", kernel: 5)), "p", out: 11, kernel: 1), as: "y")
        },
        Pattern("a wide depthwise that is off centre, then 1x1") {
            let y = try $0.convolution($1, "d", out: 8, kernel: 3, padding: 2, groups: 8, bias: true)
            $0.mark(try $0.convolution(y, "p", out: 4, kernel: 1), as: "y")
        },
        Pattern("an even depthwise kernel, then 1x1") {
            let y = try $0.convolution($1, "d", out: 8, kernel: 2, padding: 1, groups: 8)
            $0.mark(try $0.convolution(y, "p", out: 4, kernel: 1), as: "y")
        },
        Pattern("a depthwise that two 1x1 read") {
            let y = try $0.depthwise($1, "d", kernel: 3)
            let one = try $0.convolution(y, "one", out: 4, kernel: 1)
            $0.mark(try $0.sum(one, $0.convolution(y, "two", out: 4, kernel: 1)), as: "y")
        },
        Pattern("a marked depthwise, then 1x1") {
            let y = try $0.depthwise($1, "d", kernel: 3, stride: 2)
            $0.mark(y, as: "depthwise")
            $0.mark(try $0.convolution(y, "p", out: 4, kernel: 1), as: "y")
        },
    ]

    private static let concatenations: [Pattern] = [
        Pattern("1x1 over a concatenation of everything") {
            let (h, w) = ($0.shape(of: $1).height, $0.shape(of: $1).width)
            let constant = try $0.resize($0.relu($0.globalAveragePool($1)), height: h, width: w)
            let parts = [
                constant, $1, try $0.depthwise($1, "one", kernel: 3), try $0.depthwise($1, "two", kernel: 5),
                try $0.slice($1, channels: 3..<6), try $0.depthwise($0.relu($1), "three", kernel: 3, dilation: 2),
                try $0.averagePool($1, kernel: 3), constant, $1,
            ]
            $0.mark(try $0.convBNReLU($0.concat(parts), "p", out: 13, kernel: 1), as: "y")
        },
        Pattern("1x1 over a marked concatenation") {
            let all = try $0.concat([$1, $0.depthwise($1, "d", kernel: 3)])
            $0.mark(all, as: "all")
            $0.mark(try $0.convBNReLU(all, "p", out: 13, kernel: 1), as: "y")
        },
        Pattern("1x1 over a marked constant") {
            let (h, w) = ($0.shape(of: $1).height, $0.shape(of: $1).width)
            let constant = try $0.resize($0.globalAveragePool($1), height: h, width: w)
            $0.mark(constant, as: "constant")
            $0.mark(try $0.convolution($0.concat([$1, constant]), "p", out: 3, kernel: 1, bias: true), as: "y")
        },
        Pattern("1x1 over a constant alone") {
            let (h, w) = ($0.shape(of: $1).height, $0.shape(of: $1).width)
            let constant = try $0.resize($0.globalAveragePool($1), height: h, width: w)
            $0.mark(try $0.convBNReLU(constant, "p", out: 3, kernel: 1), as: "y")
            $0.mark(try $0.convolution($0.concat([constant, constant]), "q", out: 3, kernel: 1), as: "z")
        },
        Pattern("one 1x1's weights over different concatenations") {
            let (h, w) = ($0.shape(of: $1).height, $0.shape(of: $1).width)
            let constant = try $0.resize($0.globalAveragePool($1), height: h, width: w)
            let one = try $0.convolution($0.concat([$1, constant]), "shared", out: 3, kernel: 1)
            let two = try $0.convolution($0.concat([constant, $1]), "shared", out: 3, kernel: 1)
            $0.mark(one, as: "one")
            $0.mark(two, as: "two")
        },
        Pattern("3x3 over a concatenation of slices and a shuffle") {
            let parts = [try $0.slice($1, channels: 4..<8), try $0.shuffle($1, groups: 4), $0.relu($1)]
            let all = try $0.shuffle($0.concat(parts), groups: 2)
            $0.mark(try $0.convBNReLU(all, "p", out: 6, kernel: 3, padding: 1), as: "y")
        },
        Pattern("marked slices, shuffles and concatenations, and what reads them") {
            let slice = try $0.slice($1, channels: 2..<6)
            let shuffle = try $0.shuffle(slice, groups: 2)
            let all = try $0.concat([shuffle, slice, $0.relu(shuffle)])
            $0.mark(slice, as: "slice")
            $0.mark(shuffle, as: "shuffle")
            $0.mark(all, as: "all")
            $0.mark(try $0.depthwise(all, "d", kernel: 3), as: "y")
        },
    ]

    private static let heads: [Pattern] =
        [(4, 3, 1, 1), (4, 3, 0, 1), (4, 3, 1, 2), (2, 3, 1, 1), (4, 5, 2, 1), (4, 1, 0, 1)]
        .map { scale, kernel, padding, stride in
            Pattern(
                "\(kernel)x\(kernel) padding \(padding) stride \(stride) over a resize by \(scale), 1x1, resize, argmax"
            ) {
                let (h, w) = ($0.shape(of: $1).height, $0.shape(of: $1).width)
                var y = try $0.resize($1, height: scale * h, width: scale * w)
                y = try $0.convBNReLU(y, "head", out: 6, kernel: kernel, stride: stride, padding: padding)
                y = try $0.convolution(y, "classifier", out: 5, kernel: 1, bias: true)
                y = try $0.resize(y, height: 4 * $0.shape(of: y).height, width: 4 * $0.shape(of: y).width)
                $0.mark(try $0.argmax(y), as: "classes")
            }
        } + [
            Pattern("every step of the head marked") {
                let (h, w) = ($0.shape(of: $1).height, $0.shape(of: $1).width)
                let up = try $0.resize($1, height: 4 * h, width: 4 * w)
                let head = try $0.convBNReLU(up, "head", out: 6, kernel: 3, padding: 1)
                let logits = try $0.convolution(head, "classifier", out: 5, kernel: 1, bias: true)
                let large = try $0.resize(logits, height: 16 * h, width: 16 * w)
                for (value, name) in [(up, "up"), (head, "head"), (logits, "logits"), (large, "large")] {
                    $0.mark(value, as: name)
                }
                $0.mark(try $0.argmax(large), as: "classes")
            },
            Pattern("3x3 over a resize, its result without a projection") {
                let (h, w) = ($0.shape(of: $1).height, $0.shape(of: $1).width)
                let up = try $0.resize($1, height: 4 * h, width: 4 * w)
                $0.mark(try $0.convolution(up, "head", out: 6, kernel: 3, padding: 1, bias: true), as: "y")
            },
            Pattern("3x3 over a resize of reordered planes") {
                let (h, w) = ($0.shape(of: $1).height, $0.shape(of: $1).width)
                let mixed = try $0.shuffle($0.concat([$1, $0.relu($1)]), groups: 2)
                let up = try $0.resize(mixed, height: 4 * h, width: 4 * w)
                $0.mark(try $0.convBNReLU(up, "head", out: 6, kernel: 3, padding: 1), as: "y")
            },
            Pattern("grouped 3x3 over a resize") {
                let (h, w) = ($0.shape(of: $1).height, $0.shape(of: $1).width)
                let up = try $0.resize($1, height: 4 * h, width: 4 * w)
                $0.mark(try $0.convolution(up, "head", out: 6, kernel: 3, padding: 1, groups: 2), as: "y")
                $0.mark(try $0.depthwise(up, "d", kernel: 3), as: "z")
            },
            Pattern("two projections of one head") {
                let (h, w) = ($0.shape(of: $1).height, $0.shape(of: $1).width)
                let up = try $0.resize($1, height: 4 * h, width: 4 * w)
                let head = try $0.convBNReLU(up, "head", out: 6, kernel: 3, padding: 1)
                $0.mark(try $0.convolution(head, "one", out: 3, kernel: 1), as: "one")
                $0.mark(try $0.convolution(head, "two", out: 4, kernel: 1, bias: true), as: "two")
            },
            Pattern("an argmax that two read, and one of a marked resize") {
                let (h, w) = ($0.shape(of: $1).height, $0.shape(of: $1).width)
                let up = try $0.resize($1, height: 3 * h, width: 2 * w)
                let classes = try $0.argmax(up)
                $0.mark(classes, as: "one")
                $0.mark(classes, as: "two")
                $0.mark(up, as: "up")
            },
        ]

    private static let units: [Pattern] = [
        Pattern("two basic units") { $0.mark(try $0.basicUnit($0.basicUnit($1, "0"), "1"), as: "y") },
        Pattern("a down-sampling unit") {
            var left = try $0.depthwise($1, "shortcut", kernel: 3, stride: 2)
            left = try $0.convBNReLU(left, "pointwise", out: 6, kernel: 1)
            var right = try $0.convBNReLU($1, "reduce", out: 6, kernel: 1)
            right = try $0.pyramid(right, "pyramid", kernels: [3, 5, 7], stride: 2)
            right = try $0.convBNReLU(right, "fuse", out: 6, kernel: 1)
            $0.mark(try $0.shuffle($0.concat([left, right]), groups: 2), as: "y")
        },
        Pattern("vortex pooling") { $0.mark(try $0.vortexPooling($1, "v", out: 10), as: "y") },
        Pattern("vortex pooling with whole convolutions") {
            let (h, w) = ($0.shape(of: $1).height, $0.shape(of: $1).width)
            let image = try $0.convBNReLU($0.globalAveragePool($1), "image", out: 8, kernel: 1)
            var parts = [try $0.resize(image, height: h, width: w)]
            for k in [1, 3, 9] {
                parts.append(
                    try $0.convBNReLU(
                        $0.averagePool($1, kernel: k), "branch\(k)", out: 8, kernel: 3, padding: k, dilation: k))
            }
            $0.mark(try $0.convBNReLU($0.concat(parts), "project", out: 10, kernel: 1), as: "y")
        },
    ]
}

extension GraphBuilder {
    /// 8-bit samples normalised as ImageNet's.
    mutating func normalized(_ x: Value) throws -> Value {
        try normalize(x, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
    }

    mutating func convBNReLU(
        _ x: Value, _ name: String, out: Int, kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1
    ) throws -> Value {
        let y = try convolution(
            x, "\(name).conv", out: out, kernel: kernel, stride: stride, padding: padding, dilation: dilation)
        return relu(batchNorm(y, "\(name).bn"))
    }

    mutating func depthwise(
        _ x: Value, _ name: String, kernel: Int, stride: Int = 1, dilation: Int = 1
    ) throws -> Value {
        let channels = shape(of: x).channels
        let y = try convolution(
            x, "\(name).conv", out: channels, kernel: kernel, stride: stride, padding: dilation * (kernel / 2),
            dilation: dilation, groups: channels)
        return batchNorm(y, "\(name).bn")
    }

    mutating func pyramid(_ x: Value, _ name: String, kernels: [Int], stride: Int) throws -> Value {
        var sums: [Value] = []
        for (j, kernel) in kernels.enumerated() {
            let y = try depthwise(x, "\(name).\(j)", kernel: kernel, stride: stride)
            sums.append(try sums.last.map { try sum($0, y) } ?? y)
        }
        return try concat(sums)
    }

    /// Figure 1(a).
    mutating func basicUnit(_ x: Value, _ name: String) throws -> Value {
        let c = shape(of: x).channels / 2
        var y = try slice(x, channels: c..<2 * c)
        y = try convBNReLU(y, "\(name).reduce", out: c, kernel: 1)
        y = try pyramid(y, "\(name).pyramid", kernels: [3, 5, 7], stride: 1)
        y = try convBNReLU(y, "\(name).fuse", out: c, kernel: 1)
        return try shuffle(concat([slice(x, channels: 0..<c), y]), groups: 2)
    }

    /// Figure 3.
    mutating func vortexPooling(_ x: Value, _ name: String, out: Int) throws -> Value {
        let from = shape(of: x)
        let image = try convBNReLU(globalAveragePool(x), "\(name).image", out: from.channels, kernel: 1)
        var parts = [try resize(image, height: from.height, width: from.width)]
        for k in [1, 3, 9, 27] {
            parts.append(try depthwise(averagePool(x, kernel: k), "\(name).\(k)", kernel: 3, dilation: k))
        }
        return try convBNReLU(concat(parts), "\(name).project", out: out, kernel: 1)
    }
}

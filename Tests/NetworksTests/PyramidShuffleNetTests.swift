import Imaging
import Inference
import Networks
import Testing

@Suite("The paper's network in its four variants")
struct PyramidShuffleNetTests {
    private func graph(_ variant: PyramidShuffleNet.Variant, classes: Int = 19) throws -> Graph {
        try PyramidShuffleNet.graph(
            variant, classes: classes, size: ImageSize(height: 768, width: 1024),
            input: .picture(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]))
    }

    private func rounded(_ count: Int, _ unit: Double) -> Double { (Double(count) / unit * 1_000).rounded() / 1_000 }

    @Test(
        "has as many parameters as docs/network.md says",
        arguments: [
            (PyramidShuffleNet.Variant.plain, 1.314), (.pyramid, 1.646), (.full, 9.972), (.efficient, 2.238),
        ])
    func parameters(_ variant: PyramidShuffleNet.Variant, _ millions: Double) throws {
        let graph = try graph(variant)
        #expect(rounded(graph.cost().parameters, 1e6) == millions)
        // The graph's parameters are those of its cost and the two statistics of each batch normalisation.
        let trained = graph.parameters.filter { !$0.name.contains(".running_") }
        #expect(trained.reduce(0) { $0 + $1.count } == graph.cost().parameters)
    }

    @Test("takes the paper's steps from one variant to the next, to the digit it gives")
    func steps() throws {
        let counts = try PyramidShuffleNet.Variant.allCases.map { Double(try graph($0).cost().parameters) / 1e6 }
        #expect(((counts[2] - counts[1]) * 100).rounded() / 100 == 8.33)
        #expect(((counts[2] - counts[3]) * 100).rounded() / 100 == 7.73)
    }

    @Test(
        "costs as many multiply–accumulates, block by block, as docs/network.md says",
        arguments: [
            ("stem", 0.127), ("pool", 0), ("stage1", 0.945), ("stage2", 1.728), ("stage3", 1.520), ("vortex", 1.876),
            ("head", 14.496), ("classifier", 0.120), ("logits", 0),
        ])
    func costs(_ block: String, _ billions: Double) throws {
        #expect(rounded(try graph(.efficient).cost(ofBlock: block).multiplyAccumulates, 1e9) == billions)
    }

    @Test("costs 20.81 billion of them in all")
    func sum() throws {
        let graph = try graph(.efficient)
        #expect((Double(graph.cost().multiplyAccumulates) / 1e7).rounded() / 100 == 20.81)
        #expect(
            PyramidShuffleNet.blocks.reduce(0) { $0 + graph.cost(ofBlock: $1).multiplyAccumulates }
                == graph.cost().multiplyAccumulates)
    }

    @Test("has Table II's sizes")
    func sizes() throws {
        let expected = [
            "stem": Shape(24, 384, 512), "pool": Shape(24, 192, 256), "stage1": Shape(116, 96, 128),
            "stage2": Shape(232, 48, 64), "stage3": Shape(464, 48, 64), "vortex": Shape(256, 48, 64),
            "head": Shape(128, 192, 256), "classifier": Shape(19, 192, 256), "logits": Shape(19, 768, 1024),
            "classes": Shape(1, 768, 1024),
        ]
        for variant in PyramidShuffleNet.Variant.allCases {
            let graph = try graph(variant)
            let blocks = PyramidShuffleNet.blocks.filter {
                $0 != "vortex" || variant == .full || variant == .efficient
            }
            #expect(graph.outputs.map(\.name) == blocks + ["classes"])
            for output in graph.outputs {
                #expect(graph[output.value].shape == expected[output.name], "\(output.name)")
            }
        }
    }

    /// docs/network.md's names, written out.
    private func documentedNames(_ variant: PyramidShuffleNet.Variant) -> Set<String> {
        var units: [String] = ["stem", "head"]
        for (stage, count) in [(1, 4), (2, 8), (3, 4)] {
            let kernels = stage == 3 || variant == .plain ? 1 : 3
            for i in 0..<count {
                let unit = "stage\(stage).\(i)"
                if i == 0 { units += ["\(unit).shortcut.depthwise", "\(unit).shortcut.pointwise"] }
                units += ["\(unit).reduce", "\(unit).fuse"] + (0..<kernels).map { "\(unit).pyramid.\($0)" }
            }
        }
        if variant == .full || variant == .efficient {
            units += ["vortex.image_pool", "vortex.project"] + (0..<4).map { "vortex.branches.\($0)" }
        }
        let parts = ["conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"]
        return Set(units.flatMap { unit in parts.map { "\(unit).\($0)" } } + ["classifier.weight", "classifier.bias"])
    }

    @Test("names its parameters as documented", arguments: PyramidShuffleNet.Variant.allCases)
    func names(_ variant: PyramidShuffleNet.Variant) throws {
        let names = try graph(variant).parameters.map(\.name)
        let documented = documentedNames(variant)
        #expect(Set(names).subtracting(documented) == [])
        #expect(documented.subtracting(names) == [])
        #expect(names.count == documented.count)
    }

    @Test(
        "refuses sizes that are no multiples of 16",
        arguments: [(0, 16), (16, 0), (-16, 16), (15, 16), (16, 24), (760, 1024), (1, 1)])
    func sizesRefused(_ height: Int, _ width: Int) throws {
        let size = ImageSize(height: height, width: width)
        let error = #expect(throws: GraphError.self) {
            try PyramidShuffleNet.graph(.efficient, classes: 2, size: size, input: .normalized)
        }
        #expect(error?.description.contains("\(size)") == true && error?.description.contains("16") == true)
    }

    @Test("takes 1 to 255 classes", arguments: [(0, false), (1, true), (255, true), (256, false), (-1, false)])
    func classes(_ count: Int, _ isRight: Bool) throws {
        let graph = try? PyramidShuffleNet.graph(
            .plain, classes: count, size: ImageSize(height: 16, width: 16), input: .normalized)
        #expect((graph != nil) == isRight)
    }
}

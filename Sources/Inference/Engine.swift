import Glibc
import Kernels
import Threads

/// How a program is compiled.
public struct EngineOptions: Sendable {
    /// Threads that work on one picture, the caller's included.
    public var threads: Int
    /// The kernels to use.
    public var instructionSet: InstructionSet
    /// The passes to apply, in order; none for the specification itself.
    public var passes: [any Pass]
    /// What multiplies matrices.
    public var multiplier: Multiplier

    /// What multiplies matrices.
    public enum Multiplier: String, CaseIterable, Sendable {
        /// For each shape of product, whichever is faster on this machine when the engine is made; our kernels where
        /// there is no OpenBLAS.
        case measured
        /// Our own kernels, which know that the weights never change.
        case kernels
        /// OpenBLAS: the baseline, and the better choice where there are no kernels for the processor.
        case openblas
    }

    /// One thread, the best kernels, all passes; what multiplies is measured, and OpenBLAS where the kernels are scalar.
    public init(
        threads: Int = 1, instructionSet: InstructionSet = .best, passes: [any Pass]? = nil,
        multiplier: Multiplier? = nil
    ) {
        self.threads = threads
        self.instructionSet = instructionSet
        let multiplier = multiplier ?? (instructionSet == .scalar ? .openblas : .measured)
        self.multiplier = multiplier
        self.passes = passes ?? (multiplier == .openblas ? Passes.forOpenBLAS : Passes.all)
    }

    /// The graph as built, on scalar kernels, each convolution by its definition: the oracle of the tests.
    public static let specification = EngineOptions(
        instructionSet: .scalar, passes: [], multiplier: .kernels)
}

/// A program compiled for one size: planned, its weights prepared, ready to run picture after picture without
/// allocating.
///
/// Not for two threads at once: whoever shares an engine calls it from one queue.
public final class Engine: @unchecked Sendable {
    /// The graph after the passes.
    public let graph: Graph
    /// Threads that work on a picture.
    public var threads: Int { team.count }
    /// The kernels in use.
    public let instructionSet: InstructionSet
    /// Bytes of tensors and scratch memory.
    public let arenaBytes: Int
    /// Bytes of weights made ready.
    public let weightBytes: Int

    private let arena: Memory
    private let prepared: PreparedWeights
    private let plan: MemoryPlan
    private let picture: PicturePointer
    private let inputBytes: Int
    private let inputType: ElementType
    private let steps: [(node: Int, step: Step)]
    let team: ThreadTeam
    private let elapsed: UnsafeMutableBufferPointer<UInt64>

    /// The engine cannot run the program on this machine.
    public enum Failure: Error, CustomStringConvertible {
        case graph(GraphError)
        case instructionSet(UnsupportedInstructionSet)
        case blas(BLAS.LoadError)
        case threads(ThreadError)
        case input(expected: Int, got: Int)
        case size(of: String, expected: String, got: String)
        case noSuchOutput(String, outputs: [String])

        /// One sentence for people.
        public var description: String {
            switch self {
            case .graph(let error): "the network cannot be run: \(error)"
            case .instructionSet(let error): error.description
            case .blas(let error): error.description
            case .threads(let error): error.description
            case .input(let expected, let got): "the network's input takes \(expected) bytes and was given \(got)"
            case .size(let what, let expected, let got): "the \(what) is \(got); expected \(expected)"
            case .noSuchOutput(let name, let outputs):
                "the network has no output \"\(name)\"; it has \(outputs.joined(separator: ", "))"
            }
        }
    }

    /// Compiles `program`.
    public init(_ program: Program, options: EngineOptions = EngineOptions()) throws(Failure) {
        let kernels: KernelTable
        do { kernels = try KernelTable(options.instructionSet) } catch { throw .instructionSet(error) }
        let multiplying: StepContext.Multiplying
        switch options.multiplier {
        case .kernels: multiplying = .kernels
        case .openblas:
            do { multiplying = .openblas(try BLAS.load(callers: options.threads)) } catch { throw .blas(error) }
        case .measured:
            multiplying =
                (try? BLAS.load(callers: options.threads)).map { .measured(ProductContest(kernels: kernels, blas: $0)) }
                ?? .kernels
        }
        do { team = try ThreadTeam(count: options.threads) } catch { throw .threads(error) }
        do throws(GraphError) {
            var program = program
            try program.graph.validate()
            for pass in options.passes { program = try program.applying(pass) }
            let graph = program.graph
            let inputs = graph.nodes.filter(\.isInput)
            guard inputs.count == 1, let input = inputs.first else {
                throw GraphError("it has \(inputs.count) inputs, not 1")
            }
            let names = graph.outputs.map(\.name)
            guard Set(names).count == names.count else {
                throw GraphError("it has two outputs of one name among \(names.joined(separator: ", "))")
            }
            let plan = MemoryPlan(graph)
            let arena = try Memory(bytes: plan.size)
            let picture = PicturePointer()
            let scratch = Scratch()
            let prepared = PreparedWeights()
            let context = StepContext(
                graph: graph, weights: program.weights, prepared: prepared, plan: plan, provenance: Provenance(graph),
                kernels: kernels, multiplying: multiplying,
                arena: arena, picture: picture, scratch: scratch)
            let factory = StepFactory(context: context)
            var steps: [(Int, Step)] = []
            for index in graph.nodes.indices {
                if let step = try factory.step(for: index) { steps.append((index, step)) }
            }
            try scratch.allocate(threads: team.count)
            self.graph = graph
            instructionSet = options.instructionSet
            arenaBytes = arena.size + scratch.size
            weightBytes = prepared.size
            self.arena = arena
            self.prepared = prepared
            self.plan = plan
            self.picture = picture
            inputBytes = input.shape.count * input.type.size
            inputType = input.type
            self.steps = steps
            elapsed = .allocate(capacity: steps.count)
            elapsed.initialize(repeating: 0)
        } catch {
            throw .graph(error)
        }
    }

    deinit { elapsed.deallocate() }

    /// Runs the network on `input`, the bytes of the graph's input tensor.
    public func run(_ input: UnsafeRawBufferPointer) throws(Failure) {
        guard input.count == inputBytes else { throw .input(expected: inputBytes, got: input.count) }
        picture.bytes = input.baseAddress
        defer { picture.bytes = nil }
        // The caller's thread works too, and gets its own mode back.
        let mode = FloatMode.flushDenormals()
        defer { mode.restore() }
        guard inputType == .uint8 else { return runSteps() }
        input.withMemoryRebound(to: UInt8.self) { samples in
            picture.samples = samples.baseAddress
            defer { picture.samples = nil }
            runSteps()
        }
    }

    private func runSteps() {
        var last = Self.now()
        for index in steps.indices {
            team.run(steps[index].step)
            let now = Self.now()
            elapsed[index] = now - last
            last = now
        }
    }

    /// The shape and type of output `name`.
    public func output(_ name: String) throws(Failure) -> (shape: Shape, type: ElementType) {
        let node = graph[try value(of: name)]
        return (node.shape, node.type)
    }

    /// The bytes of output `name` after a run, valid inside `body`.
    public func withOutput<Result>(
        _ name: String, _ body: (UnsafeRawBufferPointer) -> Result
    ) throws(Failure) -> Result {
        let value = try value(of: name)
        guard let offset = plan.offsets[value.index] else { throw .graph(GraphError("\(name) has no memory")) }
        let bytes = graph[value].shape.count * graph[value].type.size
        return body(UnsafeRawBufferPointer(start: arena.bytes(at: offset, count: bytes), count: bytes))
    }

    /// Of the matrix products, how many our kernels compute and how many OpenBLAS.
    public var products: (byKernels: Int, byOpenBLAS: Int) {
        let all = steps.compactMap { $0.step as? ProductStep }
        let others = all.count(where: \.usesBLAS)
        return (all.count - others, others)
    }

    /// What the last run spent on each operation, in order.
    public var timings: [(node: Node, nanoseconds: UInt64)] {
        zip(steps, elapsed).map { (graph.nodes[$0.node], $1) }
    }

    /// The nodes of `graph` that are executed, by index and in order, as in `timings`.
    public var executed: [Int] { steps.map(\.node) }

    private func value(of name: String) throws(Failure) -> Value {
        guard let output = graph.outputs.first(where: { $0.name == name }) else {
            throw .noSuchOutput(name, outputs: graph.outputs.map(\.name))
        }
        return output.value
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

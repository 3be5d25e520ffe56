import Kernels

/// One operation made ready to run: its pointers, its weights, and the tasks it falls into.
///
/// Tasks of a step may run at once and in any order; how the work is cut does not depend on the number of threads,
/// so neither do the results.
class Step: @unchecked Sendable {
    /// How many tasks there are.
    let tasks: Int

    init(tasks: Int) { self.tasks = tasks }

    /// Does task `task`, on thread `thread` of the team.
    func run(task: Int, thread: Int) {}

    static let nothing = Step(tasks: 0)
}

/// What every step needs to find its memory.
struct StepContext {
    let graph: Graph
    let weights: Weights
    /// Where steps keep the weights as they read them.
    let prepared: PreparedWeights
    let plan: MemoryPlan
    let provenance: Provenance
    let kernels: KernelTable
    let multiplying: Multiplying
    /// Where the tensors lie.
    let arena: Memory
    /// The picture that comes in, as a pointer that is set for every run.
    let picture: PicturePointer
    /// Each thread's own memory, large enough for the most demanding step.
    let scratch: Scratch

    /// Who multiplies.
    enum Multiplying {
        case kernels
        case openblas(BLAS)
        case measured(ProductContest)
    }

    /// OpenBLAS where it is to multiply products with tiles of `shape`.
    func multiplier(_ shape: ProductContest.Shape) throws(GraphError) -> BLAS? {
        switch multiplying {
        case .kernels: nil
        case .openblas(let blas): blas
        case .measured(let contest): try contest.prefersBLAS(shape) ? contest.blas : nil
        }
    }

    func shape(_ value: Value) -> Shape { graph[value].shape }

    /// The memory that `value` is written to.
    func output(_ value: Value) throws(GraphError) -> UnsafeMutablePointer<Float> {
        arena.floats(at: try offset(value.index), count: graph[value].shape.count)
    }

    /// The memory that the 8-bit `value` is written to.
    func bytes(_ value: Value) throws(GraphError) -> UnsafeMutablePointer<UInt8> {
        arena.values(of: UInt8.self, at: try offset(value.index), count: graph[value].shape.count)
    }

    /// Pointers to the planes of `value`, wherever they lie.
    func planes(_ value: Value) throws(GraphError) -> Planes {
        var pointers: [UnsafePointer<Float>] = []
        for plane in provenance.planes(of: value) {
            let node = graph.nodes[plane.node]
            guard node.type == .float32 else { throw GraphError("\(node.name): its 8-bit values are no numbers") }
            let tensor = arena.floats(at: try offset(plane.node), count: node.shape.count)
            pointers.append(UnsafePointer(tensor + plane.channel * node.shape.plane))
        }
        return Planes(pointers)
    }

    private func offset(_ index: Int) throws(GraphError) -> Int {
        guard let offset = plan.offsets[index] else {
            throw GraphError("\(graph.nodes[index].name): \(graph.nodes[index].operation.kind) has no memory")
        }
        return offset
    }
}

/// A tensor as a table of its planes, in order.
final class Planes: @unchecked Sendable {
    private let table: UnsafeMutableBufferPointer<UnsafePointer<Float>>

    init(_ pointers: [UnsafePointer<Float>]) {
        table = .allocate(capacity: max(1, pointers.count))
        _ = table.initialize(from: pointers)
        count = pointers.count
    }

    deinit { table.deallocate() }

    /// How many planes there are.
    let count: Int

    /// The plane of channel `channel`.
    subscript(channel: Int) -> UnsafePointer<Float> { table[channel] }

    /// The table itself, for kernels.
    func withTable(_ body: (UnsafePointer<UnsafePointer<Float>>) -> Void) {
        if let base = table.baseAddress { body(UnsafePointer(base)) }
    }
}

/// The picture of the current run.
final class PicturePointer: @unchecked Sendable {
    /// Its bytes, of no type and not aligned.
    var bytes: UnsafeRawPointer?
    /// Its samples, where they are 8-bit.
    var samples: UnsafePointer<UInt8>?
}

/// Scratch memory of each thread: steps reserve what they need while they are made; then it is allocated once.
final class Scratch: @unchecked Sendable {
    private var floats = 0
    private var pointers = 0
    private var memory: [Memory] = []
    private var tables: [Memory] = []

    /// Makes sure that every thread will have `count` floats.
    func reserve(_ count: Int) { floats = max(floats, count) }

    /// Makes sure that every thread will have a table of `count` pointers, in memory of its own.
    func reserve(pointers count: Int) { pointers = max(pointers, count) }

    /// Allocates for `threads` threads.
    func allocate(threads: Int) throws(GraphError) {
        for _ in 0..<threads {
            memory.append(try Memory(bytes: floats * MemoryLayout<Float>.stride))
            tables.append(try Memory(bytes: pointers * MemoryLayout<UnsafePointer<Float>>.stride))
        }
    }

    /// The scratch memory of `thread`.
    func of(_ thread: Int) -> UnsafeMutablePointer<Float> { memory[thread].floats(at: 0, count: floats) }

    /// The table of pointers of `thread`.
    func table(of thread: Int) -> UnsafeMutablePointer<UnsafePointer<Float>> {
        tables[thread].values(of: UnsafePointer<Float>.self, at: 0, count: pointers)
    }

    /// All threads', in bytes.
    var size: Int { (memory + tables).reduce(0) { $0 + $1.size } }
}

/// Cuts `count` things into `tasks` ranges as even as can be.
func part(_ task: Int, of tasks: Int, _ count: Int) -> Range<Int> {
    count * task / tasks..<count * (task + 1) / tasks
}

import COpenBLAS
import Glibc

/// OpenBLAS, opened at run time.
///
/// It is opened rather than linked because it chooses its kernels while it is loaded, and the version in Debian 12
/// does not know processors made after it: there it falls back to SSE3 kernels, a fifth of the speed. So the core
/// type is chosen here, from what the processor supports, unless `OPENBLAS_CORETYPE` says otherwise.
/// It runs on the caller's thread only: the engine has its own threads.
public struct BLAS: Sendable {
    private typealias Sgemm =
        @convention(c) (
            CBLAS_ORDER, CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, blasint, blasint, blasint, Float, UnsafePointer<Float>,
            blasint, UnsafePointer<Float>, blasint, Float, UnsafeMutablePointer<Float>, blasint
        ) -> Void
    private typealias SetThreads = @convention(c) (CInt) -> Void
    private typealias CoreName = @convention(c) () -> UnsafePointer<CChar>?
    private typealias AllocateBuffer = @convention(c) (CInt) -> UnsafeMutableRawPointer?
    private typealias FreeBuffer = @convention(c) (UnsafeMutableRawPointer) -> Void

    private let sgemm: Sgemm
    private let allocateBuffer: AllocateBuffer
    private let freeBuffer: FreeBuffer
    /// The core type whose kernels OpenBLAS uses, as it names it (`SkylakeX`, `Haswell`, …).
    public let coreName: String

    /// OpenBLAS could not be used.
    public struct LoadError: Error, CustomStringConvertible {
        /// What the dynamic linker said, or what is missing.
        public let reason: String
        /// What helps.
        public let advice: String

        init(reason: String, advice: String = "install it with: apt-get install libopenblas0-pthread") {
            self.reason = reason
            self.advice = advice
        }

        /// One sentence for people.
        public var description: String { "cannot load OpenBLAS (libopenblas.so.0): \(reason); \(advice)" }
    }

    /// The library, opened once for the process, for `callers` threads that multiply at once.
    ///
    /// Throws besides where the process may not have the address space for OpenBLAS's buffers, one for each caller: it
    /// does not fail without one, but asks for it again for ever.
    public static func load(callers: Int = 1) throws(LoadError) -> BLAS {
        let blas = try opened.get()
        let callers = min(callers, mostBuffers)
        let needed = max(1, callers) * bufferBytes + spareBytes
        let found = mmap(nil, needed, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let found, found != MAP_FAILED else {
            throw LoadError(
                reason: "it needs \(needed >> 20) MiB of address space for its buffers and the system gives no more",
                advice: "allow more, with ulimit -v or LimitAS= of the unit, or use fewer threads")
        }
        munmap(found, needed)
        // OpenBLAS keeps buffers that were given back: later calls need no more.
        let buffers = (0..<max(1, callers)).compactMap { _ in blas.allocateBuffer(0) }
        for buffer in buffers { blas.freeBuffer(buffer) }
        return blas
    }

    /// Buffers that OpenBLAS has places for, whatever it was built for.
    private static let mostBuffers = 50

    /// What OpenBLAS allocates for each thread that calls it (BUFFER_SIZE, x86-64 and 64-bit Arm) and glibc adds.
    private static let bufferBytes = 130 << 20
    /// What the rest of the process may want meanwhile.
    private static let spareBytes = 64 << 20

    private static let opened: Result<BLAS, LoadError> = Result { () throws(LoadError) -> BLAS in try BLAS() }

    /// Whether the library was in the process before `load`, brought by another (libavdevice brings it): then it chose
    /// its kernels by itself, unless `prepareEnvironment` was called before.
    public let wasLoadedBefore: Bool

    /// Tells OpenBLAS, whoever loads it later, which kernels to choose and to start no threads of its own. To be called
    /// while the process has one thread: it sets environment variables. `OPENBLAS_CORETYPE` is left alone where it is set.
    public static func prepareEnvironment() {
        if let core = coreType(for: .best) { setenv("OPENBLAS_CORETYPE", core, 0) }
        // Its worker threads would be started while it loads, and spin beside ours.
        setenv("OPENBLAS_NUM_THREADS", "1", 1)
    }

    private init() throws(LoadError) {
        let present = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_NOLOAD)
        wasLoadedBefore = present != nil
        if present == nil { Self.prepareEnvironment() }
        guard let library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL) else {
            throw LoadError(reason: dlerror().map { String(cString: $0) } ?? "unknown reason")
        }
        func symbol<Function>(_ name: String, as type: Function.Type) throws(LoadError) -> Function {
            guard let address = dlsym(library, name) else { throw LoadError(reason: "it has no \(name)") }
            return unsafeBitCast(address, to: type)
        }
        sgemm = try symbol("cblas_sgemm", as: Sgemm.self)
        allocateBuffer = try symbol("blas_memory_alloc", as: AllocateBuffer.self)
        freeBuffer = try symbol("blas_memory_free", as: FreeBuffer.self)
        try symbol("openblas_set_num_threads", as: SetThreads.self)(1)
        let name = try symbol("openblas_get_corename", as: CoreName.self)()
        coreName = name.map { String(cString: $0) } ?? "unknown"
    }

    /// OpenBLAS's name for a core that has `set`; nil where its own choice is right.
    static func coreType(for set: InstructionSet) -> String? {
        switch set {
        case .avx512: "SkylakeX"
        case .avx2: "Haswell"
        case .scalar, .neon: nil
        }
    }

    /// C = A · B for row-major matrices: A is rows × depth, B depth × columns, C rows × columns, each with the
    /// distance between its rows in elements. With `adding`, C += A · B.
    public func product(
        rows: Int, columns: Int, depth: Int, _ a: UnsafePointer<Float>, _ aStride: Int, _ b: UnsafePointer<Float>,
        _ bStride: Int, into c: UnsafeMutablePointer<Float>, _ cStride: Int, adding: Bool = false
    ) {
        sgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(rows), blasint(columns), blasint(depth), 1, a,
            blasint(aStride), b, blasint(bStride), adding ? 1 : 0, c, blasint(cStride))
    }
}

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

    private let sgemm: Sgemm
    /// The core type whose kernels OpenBLAS uses, as it names it (`SkylakeX`, `Haswell`, …).
    public let coreName: String

    /// OpenBLAS could not be used.
    public struct LoadError: Error, CustomStringConvertible {
        /// What the dynamic linker said.
        public let reason: String

        /// One sentence for people.
        public var description: String {
            "cannot load OpenBLAS (libopenblas.so.0): \(reason); install it with: apt-get install libopenblas0-pthread"
        }
    }

    /// The library, opened once for the process.
    public static func load() throws(LoadError) -> BLAS { try opened.get() }

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

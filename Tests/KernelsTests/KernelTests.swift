import Kernels
import Testing

/// Every kernel of every instruction set that this machine has, against the scalar definition: the manner of dav1d's
/// checkasm. One test at a time, so that a crash can be laid to the call that caused it.
@Suite("A kernel computes what its definition says, and touches nothing else", .serialized)
enum KernelTests {
    /// Stops a test after so many failures: one broken kernel would print thousands.
    static let failureLimit = 5
}

/// Runs cases until too many fail; a case says what is wrong, or nil.
func check<Case: CustomStringConvertible>(
    _ cases: some Sequence<Case>, sourceLocation: SourceLocation = #_sourceLocation, _ run: (Case) -> String?
) {
    var failures = 0
    for one in cases {
        CurrentCase.set(one.description)
        let problem = run(one)
        CurrentCase.clear()
        guard let problem else { continue }
        Issue.record("\(one): \(problem)", sourceLocation: sourceLocation)
        failures += 1
        if failures == KernelTests.failureLimit { return }
    }
}

@Suite("The kernels' tests")
struct KernelCoverageTests {
    @Test("are there for every kernel of the table")
    func coverage() throws {
        let tested: Set = [
            "add", "argmaxUpdate", "averagePool", "depthwise", "depthwiseApart", "depthwisePyramid", "depthwiseSplit",
            "interleave", "maxPool", "normalize", "normalizeSplit", "padRows", "product", "productOfRows", "resizeRow",
            "resizedArgmax", "resizedTaps", "scaleShift", "sum",
        ]
        let kernels = Mirror(reflecting: try KernelTable()).children.compactMap(\.label)
        let untested = Set(kernels).subtracting(tested).subtracting(["instructionSet", "productRows", "productDepth"])
        #expect(untested == [], "a kernel without a test: write one beside the others and name it here")
    }
}

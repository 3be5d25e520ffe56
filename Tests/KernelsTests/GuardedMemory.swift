import Glibc

/// A kind of value that memory under test holds.
protocol Sample: BitwiseCopyable {
    /// Lies around what a kernel may touch: unlikely in data, and poison to whoever computes with it.
    static var canary: Self { get }
}

extension Float: Sample {
    static let canary = Float(bitPattern: 0x7fc5_a5a5)
}

extension UInt8: Sample {
    static let canary: UInt8 = 0xa5
}

extension Int32: Sample {
    // An index far outside anything mapped: whoever gathers with it crashes.
    static let canary: Int32 = 0x5a5a_5a5a
}

/// Memory between two unreadable pages, used again and again: data are placed so that the element after the last one
/// (and `slack` canaries, to vary the alignment) is the first of an unreadable page; with a slack of -1 so that the
/// element before the first one is the last of an unreadable page.
final class GuardedMemory<Element: Sample> {
    private static var margin: Int { 64 }
    private let map: UnsafeMutableRawPointer
    private let mapBytes: Int
    private let elements: UnsafeMutablePointer<Element>
    private let count: Int
    // What should be in memory from the margin before the placed data to the end.
    private let shadow: UnsafeMutablePointer<Element>
    private let canaries: UnsafeMutablePointer<Element>
    private var start = 0
    private var placed = 0
    private var before = 0
    private var behind = 0

    /// The system gave no memory.
    struct Failure: Error {}

    init(capacity: Int) throws {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let wanted = (capacity + 2 * Self.margin) * MemoryLayout<Element>.stride
        let usable = (wanted + page - 1) / page * page
        mapBytes = usable + 2 * page
        guard let map = mmap(nil, mapBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), map != MAP_FAILED else {
            throw Failure()
        }
        self.map = map
        guard mprotect(map + page, usable, PROT_READ | PROT_WRITE) == 0 else { throw Failure() }
        count = usable / MemoryLayout<Element>.stride
        elements = (map + page).bindMemory(to: Element.self, capacity: count)
        shadow = .allocate(capacity: count)
        canaries = .allocate(capacity: count)
        canaries.initialize(repeating: .canary, count: count)
    }

    deinit {
        munmap(map, mapBytes)
        shadow.deallocate()
        canaries.deallocate()
    }

    /// Puts `values` there, canaries around them.
    func place(_ values: [Element], slack: Int = 0) -> UnsafeMutablePointer<Element> {
        let target = clear(values.count, slack)
        values.withUnsafeBufferPointer { source in
            guard let base = source.baseAddress else { return }
            memcpy(target, base, values.count * MemoryLayout<Element>.stride)
            memcpy(shadow + before, base, values.count * MemoryLayout<Element>.stride)
        }
        return target
    }

    /// Room for what `layout` holds, all canaries.
    func reserve(_ layout: Layout, slack: Int = 0) -> UnsafeMutablePointer<Element> { clear(layout.count, slack) }

    private func clear(_ values: Int, _ slack: Int) -> UnsafeMutablePointer<Element> {
        precondition(values + max(slack, 0) + Self.margin <= count, "the guarded memory is too small")
        placed = values
        (before, behind) = slack < 0 ? (0, Self.margin) : (Self.margin, slack)
        start = slack < 0 ? 0 : count - slack - values
        let bytes = (before + values + behind) * MemoryLayout<Element>.stride
        memcpy(elements + start - before, canaries, bytes)
        memcpy(shadow, canaries, bytes)
        return elements + start
    }

    /// What lies in the placed range now.
    var contents: [Element] { Array(UnsafeBufferPointer(start: elements + start, count: placed)) }

    /// The first place where something changed outside of `written`, as distance from the first element: negative
    /// before it. With nothing given: the first change at all.
    func firstIntrusion(outside written: Layout = Layout(count: 0)) -> Int? {
        for run in written.runs {
            memcpy(
                shadow + before + run.lowerBound, elements + start + run.lowerBound,
                run.count * MemoryLayout<Element>.stride)
        }
        let window = elements + start - before
        let length = before + placed + behind
        guard memcmp(shadow, window, length * MemoryLayout<Element>.stride) != 0 else { return nil }
        return (0..<length).first { memcmp(shadow + $0, window + $0, MemoryLayout<Element>.stride) != 0 }
            .map { $0 - before }
    }
}

/// Says which call was running when a kernel touched an unreadable page: a crash alone would not tell.
enum CurrentCase {
    private static let capacity = 1_024
    nonisolated(unsafe) private static let text: UnsafeMutablePointer<UInt8> = {
        let text = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        text.initialize(repeating: 0, count: capacity)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { signal in CurrentCase.report(signal) }
        sigaction(SIGSEGV, &action, nil)
        sigaction(SIGBUS, &action, nil)
        return text
    }()
    nonisolated(unsafe) private static var length = 0

    /// Remembers the parameters of the call that comes next.
    static func set(_ description: String) {
        var count = 0
        for byte in description.utf8.prefix(capacity) {
            text[count] = byte
            count += 1
        }
        length = count
    }

    /// No call is running.
    static func clear() { length = 0 }

    private static func report(_ number: Int32) {
        if length > 0 {
            let message: StaticString = "\na kernel touched memory it must not: "
            _ = write(2, message.utf8Start, message.utf8CodeUnitCount)
            _ = write(2, text, length)
            _ = write(2, "\n", 1)
        }
        signal(number, SIG_DFL)
    }
}

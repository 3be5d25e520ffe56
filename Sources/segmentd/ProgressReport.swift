import Dispatch
import Imaging
import Operations
import Pipeline
import Synchronization
import Threads

/// Tells how work on frames gets on: a bar on a terminal, a line now and then elsewhere, and a table at the end.
///
/// A thread shows it now and then.
final class ProgressReport: Sendable {
    private let title: String
    private let ledger: LatencyLedger
    private let total: @Sendable () -> Int?
    private let isTerminal = StandardError.isTerminal
    private let ending = MonotonicSemaphore()
    private let thread = Mutex<NamedThread?>(nil)

    /// Reports on `ledger` from now on. `total` is asked how many frames there will be, nil while that is not known.
    init(title: String, ledger: LatencyLedger, total: @escaping @Sendable () -> Int?) throws(ThreadError) {
        self.title = title
        self.ledger = ledger
        self.total = total
        let period = isTerminal ? DispatchTimeInterval.milliseconds(200) : .seconds(5)
        let showing = try NamedThread("progress") { [self] in
            while ending.wait(timeout: .now() + period) == .timedOut { show() }
        }
        thread.withLock { $0 = showing }
    }

    /// Writes what came of it; `note` says why it is not all, where it is not.
    func end(note: String?) {
        ending.signal()
        thread.withLock { $0 }?.join()
        if isTerminal { StandardError.write("\r\u{1B}[K") }
        let account = ledger.snapshot()
        guard account.published > 0 else { return }
        let frames = account.published == 1 ? "1 frame" : "\(account.published) frames"
        var text = "\(title): \(frames) in \(account.seconds.fixed(2)) s, "
        text += "\(account.framesPerSecond.fixed(2)) fps\(note.map { ", \($0)" } ?? "")\n"
        if account.droppedInAll > 0 {
            let reasons = account.dropped.sorted { $0.key.rawValue < $1.key.rawValue }
            text += "without a mask: \(reasons.map { "\($0.key.rawValue) \($0.value)" }.joined(separator: ", "))\n"
        }
        StandardError.write(text + LatencyTable.text(account))
    }

    private func show() {
        let account = ledger.snapshot()
        let total = total()
        let rate = account.framesPerSecond
        var facts = "\(account.published)\(total.map { "/\($0)" } ?? "") frames, "
        facts += "\(rate.fixed(1)) fps"
        if let total, rate > 0, total > account.published {
            facts += ", \(Self.duration(Double(total - account.published) / rate)) to go"
        }
        if account.published > 0 { facts += ", latency \(LatencyTable.milliseconds(account.endToEnd.p50)) ms" }
        guard isTerminal else { return StandardError.write("\(title): \(facts)\n") }
        let share = total.map { min(1, Double(account.published) / Double(max(1, $0))) }
        let bar = share.map { Self.bar($0) + " \(Int($0 * 100)) % " } ?? ""
        let line = "\(bar)\(facts)  \(title)"
        StandardError.write("\r\(line.prefix(max(10, StandardError.columns - 1)))\u{1B}[K")
    }

    private static func bar(_ share: Double) -> String {
        let width = 24
        let done = Int(share * Double(width))
        return String(repeating: "█", count: done) + String(repeating: "░", count: width - done)
    }

    private static func duration(_ seconds: Double) -> String {
        let whole = Int(min(seconds.rounded(), 359_999))
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let hours = whole / 3600
        let minutes = whole / 60 % 60
        return hours > 0 ? "\(hours):\(two(minutes)):\(two(whole % 60))" : "\(minutes):\(two(whole % 60))"
    }
}

import Imaging
import Operations
import Pipeline

/// The percentiles of every stage, as a table.
enum LatencyTable {
    /// A row a stage, and one from capture to publish; milliseconds.
    static func text(_ account: LedgerSnapshot) -> String {
        let columns = ["p50", "p95", "p99", "max"]
        var text = TextTable.left("ms", 12) + columns.map { TextTable.right($0, 10) }.joined() + "\n"
        for stage in Stage.allCases where account[stage].count > 0 { text += row(stage.name, account[stage]) }
        return text + row("end to end", account.endToEnd)
    }

    /// Nanoseconds as milliseconds with two digits.
    static func milliseconds(_ nanoseconds: UInt64) -> String { (Double(nanoseconds) / 1e6).fixed(2) }

    private static func row(_ name: String, _ summary: LatencySummary) -> String {
        let values = [summary.p50, summary.p95, summary.p99, summary.max]
        return TextTable.left(name, 12) + values.map { TextTable.right(milliseconds($0), 10) }.joined() + "\n"
    }
}

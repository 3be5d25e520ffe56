import Foundation

/// Columns of plain text.
enum TextTable {
    /// `text` and then spaces, `width` characters in all.
    static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// Spaces and then `text`, `width` characters in all.
    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    /// A line a row, its columns two spaces apart: numbers to the right, words to the left. The first row is the header.
    static func lines(_ rows: [[String]]) -> [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        let numeric = (0..<columns).map { column in
            rows.count > 1 && rows.dropFirst().allSatisfy { column < $0.count && Double($0[column]) != nil }
        }
        return rows.map { row in
            let cells = row.enumerated().map { column, text in
                numeric[column] ? right(text, widths[column]) : left(text, widths[column])
            }
            let line = cells.joined(separator: "  ")
            return String(line.prefix(line.count - line.reversed().prefix { $0 == " " }.count))
        }
    }

    /// `value` with `digits` digits behind the point.
    static func fixed(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)f", value)
    }
}

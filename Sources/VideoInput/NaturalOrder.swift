/// File names in the order people expect: runs of digits compare as numbers, `frame2` before `frame10`.
package enum NaturalOrder {
    /// Whether `left` comes before `right`.
    package static func precedes(_ left: String, _ right: String) -> Bool {
        var a = Array(left.utf8)[...]
        var b = Array(right.utf8)[...]
        while let x = a.first, let y = b.first {
            if isDigit(x), isDigit(y) {
                let m = number(&a)
                let n = number(&b)
                if m.count != n.count { return m.count < n.count }
                if m != n { return m.lexicographicallyPrecedes(n) }
            } else {
                if x != y { return x < y }
                a.removeFirst()
                b.removeFirst()
            }
        }
        if a.isEmpty != b.isEmpty { return a.isEmpty }
        // Equal but for leading zeros.
        return left < right
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Takes a run of digits off the front, without leading zeros.
    private static func number(_ text: inout ArraySlice<UInt8>) -> [UInt8] {
        let digits = text.prefix(while: isDigit)
        text = text.dropFirst(digits.count)
        return Array(digits.drop { $0 == UInt8(ascii: "0") })
    }
}

extension Double {
    /// The number with `digits` digits after the point, at most nine: `3.14`.
    public func fixed(_ digits: Int) -> String {
        guard isFinite, magnitude < 1e9 else { return "\(self)" }
        let digits = Swift.min(Swift.max(digits, 0), 9)
        let scale = (0..<digits).reduce(1) { scale, _ in scale * 10 }
        let scaled = Int((magnitude * Double(scale)).rounded())
        let sign = self < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(scaled)" }
        let fraction = "\(scaled % scale)"
        return "\(sign)\(scaled / scale).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
    }
}

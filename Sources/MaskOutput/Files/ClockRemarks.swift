import MediaIO

extension ClockCorrections {
    /// Seconds from which on a clock's beginning is worth a word; MPEG transport streams begin after a second or two.
    private static let noteworthyOrigin = 10.0

    /// What a user should know of it, a sentence each. `isExact` says whether the input's time stamps were to be kept.
    public func remarks(isExact: Bool) -> [String] {
        var sentences: [String] = []
        let times = jumps == 1 ? "once" : "\(jumps) times"
        let option = isExact ? "" : "; --exact-times keeps the input's times"
        if isExact, origin < 0 || origin >= Self.noteworthyOrigin {
            sentences.append(
                "the input's clock begins \(Self.seconds(origin)) s from 0, which no file can hold; the video begins at 0"
            )
        } else if abs(origin) >= Self.noteworthyOrigin {
            sentences.append("the input's clock begins at \(Self.seconds(origin)) s; the video begins at 0" + option)
        }
        if jumps > 0 {
            sentences.append(
                isExact
                    ? "the input's clock jumped \(times) as this kind of file cannot hold; there the video goes on at its frame rate"
                    : "the input's clock jumped \(times); the video keeps its pace and has no gap there" + option)
        }
        return sentences
    }

    private static func seconds(_ value: Double) -> String {
        guard abs(value) < 1e15 else { return "\(value)" }
        let tenths = Int64((value * 10).rounded())
        return "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
    }
}

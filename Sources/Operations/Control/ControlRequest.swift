import Foundation
import MaskOutput

/// A request that cannot be met, in one sentence for whoever made it.
public struct ControlError: Error, Equatable, CustomStringConvertible {
    /// The sentence.
    public let description: String

    /// It cannot be met because of `description`.
    public init(_ description: String) { self.description = description }
}

/// What the control socket can be asked: one JSON object on a line.
public struct ControlRequest: Hashable, Sendable {
    /// What is asked for.
    public enum Kind: String, CaseIterable, Sendable {
        /// The service's report.
        case status
        /// Classes by id.
        case labels
        /// Colours by id.
        case palette
        /// From each camera's mask to its source's pixels.
        case geometry
        /// The network and its input.
        case model
        /// The page of metrics.
        case metrics
        /// A PNG of what a camera sees.
        case snapshot
        /// To read the configuration again.
        case reload
    }

    /// What is asked for.
    public var kind: Kind
    /// The camera, for a snapshot; nil where there is only one.
    public var camera: String?
    /// What a snapshot shows.
    public var style = MaskSnapshot.Style.overlay

    /// A request for `kind`.
    public init(_ kind: Kind) { self.kind = kind }

    /// The request on `line`. Throws `ControlError` where it is none.
    public init(line: String) throws(ControlError) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
            throw ControlError("expected a JSON object on one line, such as {\"request\":\"status\"}")
        }
        let known = ["request", "camera", "style"]
        guard object["path"] == nil else {
            throw ControlError(
                "path is no longer accepted: the service writes no files for others; the answer has the picture in png, "
                    + "and segmentd ctl snapshot -o FILE writes it as the user who runs it")
        }
        if let stranger = object.keys.sorted().first(where: { !known.contains($0) }) {
            throw ControlError("unknown key \(Self.shown(stranger)); the keys are \(known.joined(separator: ", "))")
        }
        func text(_ key: String) throws(ControlError) -> String? {
            guard let value = object[key], !(value is NSNull) else { return nil }
            guard let text = value as? String else { throw ControlError("\(key): expected a text") }
            return text
        }
        let kinds = Kind.allCases.map(\.rawValue)
        guard let word = try text("request") else {
            throw ControlError("request is missing; expected one of \(kinds.joined(separator: ", "))")
        }
        guard let kind = Kind(rawValue: word) else {
            let nearest = NearestName.nearest(to: word, among: kinds).map { "; did you mean \"\($0)\"?" } ?? ""
            throw ControlError(
                "unknown request \(Self.shown(word)); expected one of \(kinds.joined(separator: ", "))\(nearest)")
        }
        self.kind = kind
        camera = try text("camera")
        if let word = try text("style") {
            guard let style = MaskSnapshot.Style(rawValue: word) else {
                let styles = MaskSnapshot.Style.allCases.map(\.rawValue).joined(separator: ", ")
                throw ControlError("unknown style \(Self.shown(word)); expected one of \(styles)")
            }
            self.style = style
        }
        func isGiven(_ key: String) -> Bool { object[key].map { !($0 is NSNull) } ?? false }
        if kind != .snapshot, let key = ["camera", "style"].first(where: isGiven) {
            throw ControlError("\(key) belongs to a snapshot, not to \(kind.rawValue)")
        }
    }

    /// The request as a line, without its end.
    public var line: String {
        var object = ["request": kind.rawValue]
        if kind == .snapshot {
            object["style"] = style.rawValue
            object["camera"] = camera
        }
        return (try? ServiceJSON.encode(object)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private static func shown(_ text: String) -> String {
        "\"\(SourceText.shown(String(text.prefix(60))))\(text.count > 60 ? "…" : "")\""
    }
}

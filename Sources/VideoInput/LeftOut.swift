import Imaging

/// A file or folder of a folder that was not read, and why. Nothing is left out without one.
public struct LeftOut: Hashable, Sendable {
    /// Why it was not read.
    public enum Reason: String, CaseIterable, Sendable {
        /// Its name begins with a point.
        case hidden
        /// Its name does not end as a picture's does.
        case notAPicture = "not_a_picture"
        /// A folder where only files are read.
        case folder
        /// Neither file nor folder: a pipe, a socket, a device.
        case special
        /// It went away, or is a link that leads nowhere, or may not be looked at.
        case unreachable
        /// A picture, and it cannot be read.
        case unreadable
        /// A picture without a label.
        case withoutLabel = "picture_without_label"
        /// A label without a picture.
        case withoutPicture = "label_without_picture"
        /// A label that cannot be read, or does not fit.
        case unreadableLabel = "unreadable_label"
        /// What lies beside labels and is none: colours, numbers of objects, a picture that is no PNG.
        case notALabel = "not_a_label"

        func words(_ count: Int) -> String {
            let isOne = count == 1
            switch self {
            case .hidden: return "\(count) hidden"
            case .notAPicture:
                return isOne ? "1 that is no picture by its name" : "\(count) that are no pictures by name"
            case .folder: return isOne ? "1 folder" : "\(count) folders"
            case .special: return isOne ? "1 that is no file" : "\(count) that are no files"
            case .unreachable: return isOne ? "1 that cannot be reached" : "\(count) that cannot be reached"
            case .unreadable: return isOne ? "1 picture that cannot be read" : "\(count) pictures that cannot be read"
            case .withoutLabel: return isOne ? "1 picture without a label" : "\(count) pictures without a label"
            case .withoutPicture: return isOne ? "1 label without a picture" : "\(count) labels without a picture"
            case .unreadableLabel: return isOne ? "1 label that cannot be used" : "\(count) labels that cannot be used"
            case .notALabel: return isOne ? "1 that is no label" : "\(count) that are no labels"
            }
        }
    }

    /// Its name, as a path from the folder that was given.
    public let name: String
    /// Why it was not read.
    public let reason: Reason
    /// What went wrong with it, as a sentence; nil where the reason says all.
    public let problem: String?

    /// A file that was left out for a reason.
    public init(_ name: String, _ reason: Reason, problem: String? = nil) {
        self.name = name
        self.reason = reason
        self.problem = problem
    }

    /// The same, named from a folder further up.
    func under(_ prefix: String) -> LeftOut { LeftOut(prefix + name, reason, problem: problem) }

    /// How many there are for each reason with the first few names, one clause after the other; nil where there are
    /// none.
    public static func summary(of all: [LeftOut]) -> String? {
        let clauses = Reason.allCases.compactMap { reason -> String? in
            let names = all.filter { $0.reason == reason }.map { PathBytes.shown($0.name) }
            guard !names.isEmpty else { return nil }
            return
                "\(reason.words(names.count)) (\(names.prefix(3).joined(separator: ", "))\(names.count > 3 ? ", …" : ""))"
        }
        return clauses.isEmpty ? nil : clauses.joined(separator: "; ")
    }
}

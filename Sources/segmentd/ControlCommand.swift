import ArgumentParser
import Foundation
import Glibc
import Imaging
import MaskOutput
import MediaIO
import Operations

/// `segmentd ctl`: asks a service that runs.
struct ControlCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ctl",
        abstract: "Ask a service that runs how it is doing, what it sees, or to read its configuration again.",
        subcommands: [
            StatusCommand.self, LabelsCommand.self, SnapshotCommand.self, TopCommand.self, ReloadCommand.self,
        ])
}

/// The options of everything that asks the service.
struct ControlArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The control socket; /run/segmentd/control, or that of this user's own service, where left out.",
            valueName: "path"))
    var socket: String?

    @Flag(help: "Print the answer as JSON.")
    var json = false

    /// The socket that is meant: a user's own service goes before the system's.
    var path: String {
        if let socket { return socket }
        let own = SocketDirectory.automatic() + "/control"
        let system = "/run/segmentd/control"
        return access(own, F_OK) != 0 && access(system, F_OK) == 0 ? system : own
    }

    /// A connection to the service.
    func connect() throws -> ControlClient { try ControlClient(path: path) }

    /// Prints what the service answers to `kind`: JSON for programs, `text` for people.
    func show<Value: Codable>(_ kind: ControlRequest.Kind, as type: Value.Type, text: (Value) -> String) throws {
        let value = try connect().answer(to: ControlRequest(kind), as: type)
        print(json ? String(decoding: try ServiceJSON.encode(value, isPretty: true), as: UTF8.self) : text(value))
    }
}

/// `segmentd ctl status`.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "Show how the service is doing.")

    @OptionGroup var control: ControlArguments

    func run() throws { try control.show(.status, as: ServiceReport.self) { StatusText($0).lines } }
}

/// `segmentd ctl labels`.
struct LabelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "labels", abstract: "Show what the values of a mask's pixels mean.")

    @OptionGroup var control: ControlArguments

    func run() throws {
        try control.show(.labels, as: [ControlAnswers.Label].self) { labels in
            TextTable.lines([["id", "colour", "class"]] + labels.map { ["\($0.id)", $0.color, $0.name] })
                .joined(separator: "\n")
        }
    }
}

/// `segmentd ctl snapshot`.
struct SnapshotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Save as a PNG what a camera sees now.")

    @OptionGroup var control: ControlArguments

    @Argument(help: "The camera; may be left out where there is only one.")
    var camera: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("The PNG file; - for standard output.", valueName: "file"))
    var output: String

    @Option(help: "What it shows: overlay, mask (the colours), ids (a value a class), or picture.")
    var style: MaskSnapshot.Style = .overlay

    func run() throws {
        var request = ControlRequest(.snapshot)
        request.camera = camera
        request.style = style
        var snapshot = try control.connect().answer(to: request, as: ControlAnswers.Snapshot.self)
        guard let png = snapshot.png else { throw ControlClientError.notUnderstood(path: control.path) }
        if output == "-" {
            try StandardOutput.write(png)
            return
        }
        let file = try PartialFile(path: output)
        try png.withUnsafeBytes { try file.write($0) }
        try file.commit()
        snapshot.png = nil
        snapshot.path = output
        if control.json {
            print(String(decoding: try ServiceJSON.encode(snapshot, isPretty: true), as: UTF8.self))
        } else {
            let seconds = (Double(snapshot.ageMs) / 1000).fixed(1)
            print(
                "\(output): \(snapshot.camera), frame \(snapshot.sequence), \(snapshot.width)×\(snapshot.height), "
                    + "\(seconds) s old")
        }
    }
}

extension MaskSnapshot.Style: ExpressibleByArgument {}

/// `segmentd ctl top`.
struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Show how the service is doing, again and again.")

    @OptionGroup var control: ControlArguments

    @Option(name: .shortAndLong, help: "Seconds from one look to the next.")
    var interval = 1.0

    @Option(name: .shortAndLong, help: "How often to look; for ever where left out.")
    var count: Int?

    func validate() throws {
        guard (0.1...3600).contains(interval) else { throw ValidationError("--interval: expected 0.1 to 3600") }
        if let count, count < 1 { throw ValidationError("--count: expected 1 or more") }
    }

    func run() throws {
        let client = try control.connect()
        let isTerminal = isatty(STDOUT_FILENO) != 0 && !control.json
        var looks = 0
        while count.map({ looks < $0 }) ?? true {
            if looks > 0 { usleep(UInt32(interval * 1e6)) }
            let report = try client.answer(to: ControlRequest(.status), as: ServiceReport.self)
            let text =
                control.json
                ? String(decoding: try report.json(), as: UTF8.self) : StatusText(report).lines
            // Home, and away with what is below: the screen does not flicker as when it is cleared.
            guard try StandardOutput.show((isTerminal ? "\u{1B}[H\u{1B}[J" : "") + text + "\n") else { return }
            looks += 1
        }
    }
}

/// `segmentd ctl reload`.
struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Have the service read its configuration again, and wait until it has.")

    @OptionGroup var control: ControlArguments

    func run() throws {
        do {
            try control.show(.reload, as: ControlAnswers.Reload.self) { reload in
                guard !reload.changes.isEmpty else { return "nothing changes" }
                return reload.changes.joined(separator: ", ")
                    + (reload.kept.isEmpty ? "" : "; keeps \(reload.kept.joined(separator: ", "))")
            }
        } catch ControlClientError.refused(let reason) {
            throw CommandFailure(.configuration, reason)
        }
    }
}

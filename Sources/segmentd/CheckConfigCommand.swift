import ArgumentParser
import Glibc
import MaskOutput
import Operations

/// `segmentd check-config`: every mistake in a configuration file, with its place.
struct CheckConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Check a configuration file, or print the manual of all settings.")

    @Argument(help: ArgumentHelp("The configuration file.", valueName: "file"))
    var file: String?

    @Option(
        help: ArgumentHelp(
            "Another configuration file, such as the one in force: say what a change from it to FILE does.",
            valueName: "file"))
    var against: String?

    @Flag(help: "Print a configuration file that names every key with its default.")
    var manual = false

    func validate() throws {
        if against != nil, file == nil { throw ValidationError("--against needs a FILE to compare with.") }
        if (file == nil) != manual { throw ValidationError("Give a FILE to check, or --manual.") }
    }

    func run() throws {
        if manual { return print(ConfigurationManual.text, terminator: "") }
        guard let file else { return }
        do {
            let configuration = try ServiceConfiguration(path: file)
            let count = configuration.cameras.count
            print("\(file): valid, \(count) camera\(count == 1 ? "" : "s")")
            // No mistake in the file, which may be meant for another machine.
            if let group = configuration.sockets.group, getgrnam(group) == nil {
                StandardError.write(
                    "\(file): warning: sockets.group: this machine has no group \"\(group)\", without which the "
                        + "service does not start; `groupadd --system \(group)` makes it\n")
            }
            if let group = configuration.control.group, getgrnam(group) == nil {
                StandardError.write(
                    "\(file): warning: control.group: this machine has no group \"\(group)\", so it lets nobody in; "
                        + "`groupadd --system \(group)` makes it\n")
            }
            for path in CameraSockets.paths(of: configuration) where path.utf8.count > SocketServer.longestPath {
                let error = OutputError.socketPathTooLong(path: path, limit: SocketServer.longestPath)
                StandardError.write("\(file): warning: the service does not start: \(error)\n")
            }
            if let against {
                print(
                    "from \(against): \(ReloadPlan(from: try ServiceConfiguration(path: against), to: configuration))"
                )
            }
        } catch let error as ConfigurationError {
            // As compilers do: a line a problem, ready to be jumped to.
            for problem in error.problems { StandardError.write("\(problem)\n") }
            throw ExitCode(ExitStatus.configuration.rawValue)
        }
    }
}

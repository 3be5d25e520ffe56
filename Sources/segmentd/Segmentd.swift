import ArgumentParser
import Glibc
import Imaging
import Kernels
import Threads

/// The command line: one file a command, wiring only.
@main
struct Segmentd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "segmentd",
        abstract: "Real-time video segmentation for vehicle computers.",
        discussion: "Road scenes in, a class for every pixel out: to video files, pictures, or Unix sockets.",
        version: "segmentd \(version)",
        subcommands: [
            SegmentCommand.self, RunCommand.self, CheckConfigCommand.self, SynthesizeCommand.self,
            EvaluateCommand.self, DescribeCommand.self, BenchCommand.self, TraceCommand.self, ControlCommand.self,
        ])

    /// The version of the next release, or of this one: the only place that states it.
    static let version = "0.2.0"

    // Not async: nothing but `run` needs the concurrency pool, and that makes sure of it first.
    static func main() {
        do { try SignalThread.begin() } catch { leave(error) }
        OutOfMemory.install()
        // Threads that libraries make get as much as our own; the system's usual 8 MiB each are too much for hundreds.
        NamedThread.setDefaultStack()
        BLAS.prepareEnvironment()
        // A reader that goes away is an error of the write, told like any other.
        signal(SIGPIPE, SIG_IGN)
        openStandardDescriptors()
        var command: any ParsableCommand
        do {
            command = try parseAsRoot(arguments)
        } catch {
            leaveUnstarted(error)
        }
        CommandLineSecrets.hide()
        do {
            try command.run()
            try StandardOutput.flush()
        } catch {
            leave(error)
        }
    }

    /// The arguments without the program's name; bytes that are no UTF-8 are kept, as Swift's own list does not.
    private static var arguments: [String] {
        (1..<max(Int(CommandLine.argc), 1)).compactMap { CommandLine.unsafeArgv[$0].map { PathBytes.text($0) } }
    }

    /// Gives descriptors 0 to 2 that the caller closed something to be, lest the next file opened become standard
    /// output. Reading or writing them stays the error that it was.
    private static func openStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    /// Ends the process with what ArgumentParser says: help, or which argument is wrong, without a password that is in it.
    private static func leaveUnstarted(_ error: any Error) -> Never {
        let status = exitCode(for: error)
        let message = fullMessage(for: error)
        if !message.isEmpty {
            if status == .success { print(message) } else { StandardError.write(message + "\n") }
        }
        fflush(nil)
        Glibc.exit(status.rawValue)
    }

    /// Ends the process: one sentence on standard error, and the code of sysexits.h that fits.
    private static func leave(_ error: any Error) -> Never {
        // Help, usage errors and bare exit codes are ArgumentParser's to tell.
        if error is ExitCode || [.success, .validationFailure].contains(exitCode(for: error)) {
            leaveUnstarted(error)
        }
        let failure = error as? CommandFailure ?? CommandFailure(error)
        let status = failure.tell()
        StandardError.flush()
        Glibc.exit(status.rawValue)
    }
}

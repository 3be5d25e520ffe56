import ArgumentParser

/// The command line: one file a command, wiring only.
@main
struct Segmentd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "segmentd", abstract: "Real-time video segmentation for vehicle computers.",
        subcommands: [DescribeCommand.self, BenchCommand.self])
}

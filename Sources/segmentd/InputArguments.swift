import ArgumentParser
import MediaIO
import VideoInput

/// The options of every command that reads videos or pictures: what may be opened.
struct InputArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Protocols that may be used, FFmpeg's names with commas between them; those that the input itself needs where left out.",
            valueName: "names"))
    var protocols: NameList?

    @Option(
        help: ArgumentHelp(
            "Formats that may be read, FFmpeg's names of demuxers; where left out, those that open nothing but what they are given, and of local files also playlists of local files.",
            valueName: "names"))
    var formats: NameList?

    @Option(
        help: ArgumentHelp(
            "Codecs that may be decoded, FFmpeg's names of decoders; those of cameras, recorders and editors where left out.",
            valueName: "names"))
    var codecs: NameList?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The most pixels a picture may have, 1024 to 268435456.", valueName: "count"))
    var maxPixels = 1 << 28

    func validate() throws {
        guard (1024...1 << 28).contains(maxPixels) else {
            throw ValidationError("--max-pixels takes 1024 to 268435456, not \(maxPixels).")
        }
    }

    /// How sources are opened with these.
    var sourceOptions: SourceOptions {
        var options = SourceOptions()
        options.access = MediaAccess(
            protocols: protocols?.names, formats: formats?.names, codecs: codecs?.names, readsAnyFile: true)
        options.maxPixels = maxPixels
        return options
    }
}

/// Names with commas between them.
struct NameList: ExpressibleByArgument {
    let names: [String]

    init?(argument: String) {
        names = argument.split(separator: ",", omittingEmptySubsequences: false).map {
            $0.trimmingPrefix { $0 == " " }.description
        }
        guard !names.isEmpty, names.allSatisfy({ !$0.isEmpty && !$0.contains(" ") }) else { return nil }
    }
}

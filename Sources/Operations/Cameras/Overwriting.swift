import Glibc
import Imaging
import MaskOutput
import VideoInput

/// An output would replace what is read: the recording would be gone, and nothing could bring it back.
public struct Overwriting: Error, CustomStringConvertible {
    /// The output as the user named it.
    public let output: String
    /// The input as the user may see it.
    public let input: String
    /// Whether the output is a folder that the input's pictures lie in.
    public let isFolder: Bool

    /// One sentence: what, where, and what to do.
    public var description: String {
        isFolder
            ? "cannot write pictures to \(output): they could replace those that are read from \(input); "
                + "give another folder"
            : "cannot write to \(output): it is the input \(input) itself; give the output another name"
    }

    /// Throws where writing `output`, a name as `MaskSinks` takes it, could replace what is read from `input`.
    ///
    /// Links are followed. A folder of PNGs may be written beside pictures, but not among those that are read, nor
    /// beside one whose name a frame may get.
    public static func check(_ input: SourceInput, output: String) throws {
        guard let path = path(of: input), !output.isEmpty, output != "-" else { return }
        if isSame(path, output), !isFolder(path) { throw Overwriting(output: output, input: path, isFolder: false) }
        guard case .folder? = try? MaskSinks.kind(of: output) else { return }
        if case .folder = input {
            if isSame(path, output) { throw Overwriting(output: output, input: path, isFolder: true) }
            return
        }
        let (folder, name) = split(path)
        guard name.hasPrefix("frame_"), name.lowercased().hasSuffix(".png"), isSame(folder, output) else { return }
        throw Overwriting(output: output, input: path, isFolder: true)
    }

    private static func path(of input: SourceInput) -> String? {
        switch input {
        case .synthetic, .device: nil
        case .folder(let path): path
        case .media(let location): location.path
        }
    }

    private static func split(_ path: String) -> (folder: String, name: Substring) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path[...]) }
        return (String(path[...slash]), path[path.index(after: slash)...])
    }

    private static func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }

    private static func isSame(_ first: String, _ second: String) -> Bool {
        var one = stat()
        var other = stat()
        // Devices are not replaced: what cannot be written over is refused by the outputs themselves.
        return stat(first, &one) == 0 && stat(second, &other) == 0 && one.st_dev == other.st_dev
            && one.st_ino == other.st_ino && [S_IFREG, S_IFDIR].contains(one.st_mode & S_IFMT)
    }
}

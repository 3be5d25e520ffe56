import Foundation

extension Model {
    /// The name of the model that comes with segmentd.
    public static let bundledName = "street11"

    /// The model that comes with segmentd.
    ///
    /// It is looked for beside the executable, where the package manager puts resources, and in `../share/segmentd`,
    /// where an installation does. (The package manager's own `Bundle.module` stops the process when it is missing.)
    public static func bundled() throws(ModelError) -> Model {
        let places = bundledPlaces
        guard let path = places.first(where: { FileManager.default.isReadableFile(atPath: $0) }) else {
            throw ModelError(
                path: "\(bundledName) (the one that comes with segmentd)",
                "not found; looked for \(places.joined(separator: " and ")). Reinstall, or name a model with --model")
        }
        return try load(path: path)
    }

    private static var bundledPlaces: [String] {
        let executable = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "/"
        let folder = (executable as NSString).deletingLastPathComponent
        let file = "models/\(bundledName).safetensors"
        return [
            "\(folder)/segmentd_Networks.resources/\(file)",
            "\((folder as NSString).deletingLastPathComponent)/share/segmentd/\(file)",
        ]
    }
}

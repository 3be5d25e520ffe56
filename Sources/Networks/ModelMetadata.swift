import Foundation
import Imaging

/// The strings in a model file's `__metadata__`, by their keys.
public struct MetadataStrings: Sendable {
    /// The file's path, for errors.
    public let path: String
    let values: [String: String]

    /// The value of `key`. Throws where there is none.
    public func string(_ key: String) throws(ModelError) -> String {
        guard let value = values[key] else {
            throw ModelError(path: path, "its metadata has no \"\(key)\"; is it a segmentd model?")
        }
        return value
    }
}

/// What a model file says of itself in `__metadata__`.
public struct ModelMetadata: Sendable {
    /// The network.
    public let variant: NetworkVariant
    /// Classes, colours, the id that is ignored, and categories where the file names them.
    public let labels: LabelSet
    /// Subtracted from red, green and blue, of 0…1.
    public let mean: [Float]
    /// Then divided by.
    public let std: [Float]
    /// What it was trained on.
    public let trainedOn: String
    /// Under which terms it may be used.
    public let license: String

    /// The value of `format` that this version reads.
    public static let format = "segmentd-model/1"

    /// Reads the metadata of the file at `path`.
    init(_ strings: [String: String], path: String) throws(ModelError) {
        let metadata = MetadataStrings(path: path, values: strings)
        func value<Wanted: Decodable>(_ key: String, _ type: Wanted.Type, _ expected: String) throws(ModelError)
            -> Wanted
        {
            let text = try metadata.string(key)
            do { return try JSONDecoder().decode(type, from: Data(text.utf8)) } catch {
                throw ModelError(path: path, "metadata \"\(key)\" is \"\(text.prefix(80))\"; expected \(expected)")
            }
        }
        let format = try metadata.string("format")
        guard format == Self.format else {
            throw ModelError(path: path, "metadata \"format\" is \"\(format)\"; expected \"\(Self.format)\"")
        }
        let name = try metadata.string("architecture")
        guard let architecture = Architectures.all.first(where: { $0.name == name }) else {
            let known = Architectures.all.map { "\"\($0.name)\"" }.joined(separator: " or ")
            throw ModelError(path: path, "metadata \"architecture\" is \"\(name)\"; expected \(known)")
        }
        variant = try architecture.variant(of: metadata)
        let names = try value("classes", [String].self, "a JSON list of names")
        let colors = try value("palette", [[UInt8]].self, "a JSON list of [red, green, blue], 0 to 255")
        let ignore = try value("ignore_id", Int.self, "a number")
        guard names.count > 255 || (names.count...255).contains(ignore) else {
            throw ModelError(
                path: path,
                "metadata \"ignore_id\" is \(ignore); expected \(names.count) to 255, a number that is no class")
        }
        let categories =
            strings["categories"] == nil
            ? nil : try value("categories", [String].self, "a JSON list with the name of each class's category")
        if let categories, categories.count != names.count || categories.contains("") {
            throw ModelError(
                path: path,
                "metadata has \(names.count) classes and \(categories.count) categories; expected the name of a category for each class, none empty"
            )
        }
        guard colors.allSatisfy({ $0.count == 3 }),
            let labels = LabelSet(
                names: names, palette: colors.map { RGB($0[0], $0[1], $0[2]) }, ignoreID: ignore,
                categories: categories)
        else {
            throw ModelError(
                path: path,
                "metadata has \(names.count) classes and \(colors.count) colours; expected 1 to 255 different names and a colour of three numbers for each"
            )
        }
        self.labels = labels
        mean = try value("mean", [Float].self, "a JSON list of three numbers")
        std = try value("std", [Float].self, "a JSON list of three numbers")
        guard mean.count == 3, std.count == 3, mean.allSatisfy(\.isFinite), std.allSatisfy({ $0.isFinite && $0 > 0 })
        else {
            throw ModelError(
                path: path, "metadata mean \(mean) and std \(std): expected three numbers each, std above 0")
        }
        trainedOn = strings["trained_on"] ?? ""
        license = strings["license"] ?? ""
    }
}

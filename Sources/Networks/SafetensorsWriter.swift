import Foundation

/// Writes a safetensors file: what `segmentd trace` leaves.
public struct SafetensorsWriter {
    private var header: [String: Tensor] = [:]
    private var data = Data()
    private let metadata: [String: String]

    private struct Tensor: Encodable {
        let dtype: String
        let shape: [Int]
        let dataOffsets: [Int]

        enum CodingKeys: String, CodingKey {
            case dtype, shape
            case dataOffsets = "data_offsets"
        }
    }

    private enum Entry: Encodable {
        case metadata([String: String])
        case tensor(Tensor)

        func encode(to encoder: any Encoder) throws {
            switch self {
            case .metadata(let strings): try strings.encode(to: encoder)
            case .tensor(let tensor): try tensor.encode(to: encoder)
            }
        }
    }

    /// An empty file with `metadata`.
    public init(metadata: [String: String] = [:]) { self.metadata = metadata }

    /// Adds a tensor of `shape` whose little-endian elements are `bytes`.
    public mutating func add(
        _ name: String, type: SafetensorsFile.ElementType, shape: [Int], bytes: UnsafeRawBufferPointer
    ) {
        header[name] = Tensor(
            dtype: type.rawValue, shape: shape, dataOffsets: [data.count, data.count + bytes.count])
        data.append(contentsOf: bytes)
    }

    /// Adds a tensor of 32-bit floating point values.
    public mutating func add(_ name: String, shape: [Int], _ values: [Float]) {
        values.withUnsafeBytes { add(name, type: .float32, shape: shape, bytes: $0) }
    }

    /// Writes the file to `path`; it appears whole or not at all.
    public func write(to path: String) throws { try encoded().write(to: URL(fileURLWithPath: path), options: .atomic) }

    /// The bytes of the file.
    public func encoded() throws -> Data {
        var entries = header.mapValues { Entry.tensor($0) }
        if !metadata.isEmpty { entries["__metadata__"] = .metadata(metadata) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var json = try encoder.encode(entries)
        while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
        var file = Data()
        withUnsafeBytes(of: UInt64(json.count).littleEndian) { file.append(contentsOf: $0) }
        file.append(json)
        file.append(data)
        return file
    }
}

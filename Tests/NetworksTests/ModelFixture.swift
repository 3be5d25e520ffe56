import Foundation
import Imaging
import Inference
import Networks

/// A model file in pieces, to be put together wrongly.
struct ModelFixture {
    struct Tensor {
        var name: String
        var dtype: String
        var shape: [Int]
        var begin: Int
        var end: Int

        /// As in the header.
        var json: [String: Any] { ["dtype": dtype, "shape": shape, "data_offsets": [begin, end]] }
    }

    var metadata: [String: String]
    var tensors: [Tensor]
    /// Bytes of data, all zero but for `patches`.
    var dataSize: Int
    var patches: [(offset: Int, bytes: [UInt8])] = []
    /// Replaces the header that the pieces make.
    var header: [UInt8]?
    /// Replaces the header's length in the first eight bytes.
    var headerLength: UInt64?
    /// Cuts the file, or adds zeros to it.
    var size: Int?

    /// A small right model: the plain configuration in half precision, two classes, all weights 0.
    static func valid() throws -> ModelFixture {
        let graph = try PyramidShuffleNet.graph(
            .plain, classes: 2, size: ImageSize(height: 16, width: 16), input: .normalized)
        var tensors: [Tensor] = []
        var offset = 0
        for parameter in graph.parameters {
            let end = offset + 2 * parameter.count
            tensors.append(
                Tensor(name: parameter.name, dtype: "F16", shape: parameter.shape, begin: offset, end: end))
            offset = end
        }
        return ModelFixture(
            metadata: [
                "format": "segmentd-model/1", "architecture": "pyramid-shufflenet-v2", "pyramid": "false",
                "vortex": "none", "classes": #"["Road", "Sky"]"#, "palette": "[[128, 64, 128], [70, 130, 180]]",
                "ignore_id": "255", "mean": "[0.485, 0.456, 0.406]", "std": "[0.229, 0.224, 0.225]",
                "trained_on": "nothing", "license": "none",
            ], tensors: tensors, dataSize: offset)
    }

    /// Where `name` stands among the tensors.
    func index(_ name: String) -> Int { tensors.firstIndex { $0.name == name } ?? 0 }

    /// Puts `halves` into tensor `name` from element `element` on.
    mutating func put(_ halves: [UInt16], into name: String, at element: Int = 0) {
        let bytes = halves.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
        patches.append((tensors[index(name)].begin + 2 * element, bytes))
    }

    /// The header's JSON, as the pieces say.
    func headerBytes() throws -> [UInt8] {
        var object: [String: Any] = ["__metadata__": metadata]
        for tensor in tensors { object[tensor.name] = tensor.json }
        return Array(try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys]))
    }

    /// Writes the file; zeros take no room on the disk.
    func write(to path: String) throws {
        let header = try self.header ?? headerBytes()
        var bytes = Data()
        withUnsafeBytes(of: (headerLength ?? UInt64(header.count)).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: header)
        try bytes.write(to: URL(fileURLWithPath: path))
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.truncate(atOffset: UInt64(bytes.count + dataSize))
        for patch in patches {
            try file.seek(toOffset: UInt64(bytes.count + patch.offset))
            try file.write(contentsOf: Data(patch.bytes))
        }
        if let size { try file.truncate(atOffset: UInt64(size)) }
        try file.close()
    }
}

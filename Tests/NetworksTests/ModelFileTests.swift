import Foundation
import Imaging
import Inference
import Networks
import Testing

@Suite("A model file that is not right is refused, and says why")
struct ModelFileTests {
    /// A way to spoil a file, and the words that the refusal must have besides the path.
    struct Fault: CustomTestStringConvertible, Sendable {
        let name: String
        let words: [String]
        let spoil: @Sendable (inout ModelFixture) throws -> Void

        var testDescription: String { name }

        init(_ name: String, says words: String..., spoil: @escaping @Sendable (inout ModelFixture) throws -> Void) {
            self.name = name
            self.words = words
            self.spoil = spoil
        }
    }

    static let lengths: [Fault] = [
        Fault("empty", says: "0 bytes") { $0.size = 0 },
        Fault("cut within the header's length", says: "7 bytes", "8") { $0.size = 7 },
        Fault("cut behind the header's length", says: "truncated", "0 follow") { $0.size = 8 },
        Fault("cut within the header", says: "truncated", "92 follow") { $0.size = 100 },
        Fault("cut before the data", says: "truncated", "tensor") { $0.size = 8 + (try $0.headerBytes().count) },
        Fault("cut within the data", says: "truncated", "tensor", "1000") {
            $0.size = 8 + (try $0.headerBytes().count) + 1_000
        },
        Fault("cut by one byte", says: "truncated", "tensor \"classifier.bias\"") {
            $0.size = 7 + (try $0.headerBytes().count) + $0.dataSize
        },
        Fault("longer by one byte", says: "1 bytes at its end") {
            $0.size = 9 + (try $0.headerBytes().count) + $0.dataSize
        },
        Fault("a header as long as can be said", says: "18446744073709551615") { $0.headerLength = .max },
        Fault("a header of negative length", says: "18446744073709551608") {
            $0.headerLength = UInt64(bitPattern: -8)
        },
        Fault("a header that takes all the file and more", says: "header") {
            $0.headerLength = UInt64(try $0.headerBytes().count + $0.dataSize + 1)
        },
        Fault("a header longer than any model has", says: "10000000") {
            $0.headerLength = 10_000_001
            $0.size = 200_000_000
        },
        Fault("a header of no length", says: "JSON") { $0.headerLength = 0 },
        Fault("a header one byte short", says: "JSON") { $0.headerLength = UInt64(try $0.headerBytes().count - 1) },
    ]

    private static func header(_ text: String) -> @Sendable (inout ModelFixture) -> Void {
        { $0.header = Array(text.utf8) }
    }

    static let headers: [Fault] = [
        Fault("no JSON", says: "JSON", spoil: header("this is no header")),
        Fault("bytes that are no text", says: "JSON") { $0.header = [0xff, 0xfe, 0x00, 0x80, 0xc0] },
        Fault("a list for a header", says: "JSON", spoil: header("[]")),
        Fault("a number for a header", says: "JSON", spoil: header("1e999")),
        Fault("nesting without end", says: "JSON", spoil: header(String(repeating: "[", count: 100_000))),
        Fault("nesting in a tensor", says: "JSON") {
            $0.header = Array(#"{"a":\#(String(repeating: "[", count: 50_000))}"#.utf8)
        },
        Fault("a tensor that is no object", says: "JSON", "a", spoil: header(#"{"a": 1}"#)),
        Fault("a tensor that is null", says: "JSON", "a", spoil: header(#"{"a": null}"#)),
        Fault(
            "a tensor without a type", says: "JSON", "dtype",
            spoil: header(#"{"a": {"shape": [], "data_offsets": [0, 0]}}"#)),
        Fault(
            "a tensor without a shape", says: "JSON", "shape",
            spoil: header(#"{"a": {"dtype": "F32", "data_offsets": [0, 0]}}"#)),
        Fault(
            "a tensor without offsets", says: "JSON", "data_offsets",
            spoil: header(#"{"a": {"dtype": "F32", "shape": []}}"#)),
        Fault(
            "offsets that are no numbers", says: "JSON", "data_offsets",
            spoil: header(#"{"a": {"dtype": "F32", "shape": [1], "data_offsets": ["0", "4"]}}"#)),
        Fault(
            "offsets that are no whole numbers", says: "JSON",
            spoil: header(#"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4.5]}}"#)),
        Fault(
            "offsets beyond any integer", says: "JSON",
            spoil: header(#"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 99999999999999999999]}}"#)),
        Fault(
            "metadata that are no strings", says: "JSON", "__metadata__",
            spoil: header(#"{"__metadata__": {"format": 1}}"#)),
        Fault("metadata that are a list", says: "JSON", "__metadata__", spoil: header(#"{"__metadata__": []}"#)),
        Fault("metadata that are null", says: "JSON", "__metadata__", spoil: header(#"{"__metadata__": null}"#)),
        Fault("no metadata", says: "format", "segmentd model") {
            $0.header = Array("{}".utf8)
            $0.dataSize = 0
        },
    ]

    private static func tensor(
        _ name: String = "stage2.3.fuse.conv.weight", _ change: @escaping @Sendable (inout ModelFixture.Tensor) -> Void
    ) -> @Sendable (inout ModelFixture) -> Void {
        { change(&$0.tensors[$0.index(name)]) }
    }

    static let tensors: [Fault] =
        ["F64", "BF16", "I8", "f16", ""].map { type in
            Fault(
                "an element type of \"\(type)\"", says: "\"stage2.3.fuse.conv.weight\"", "\"\(type)\"",
                "F32, F16 or U8", spoil: tensor { $0.dtype = type })
        } + [
            Fault("samples for weights", says: "\"head.bn.bias\"", "U8", "F32 or F16") {
                let index = $0.index("head.bn.bias")
                // Twice as many samples as there were halves would have another shape; so the data shrink.
                let shrink = ($0.tensors[index].end - $0.tensors[index].begin) / 2
                $0.tensors[index].dtype = "U8"
                $0.tensors[index].end -= shrink
                for later in index + 1..<$0.tensors.count {
                    $0.tensors[later].begin -= shrink
                    $0.tensors[later].end -= shrink
                }
                $0.dataSize -= shrink
            },
            Fault(
                "another shape of as many values", says: "\"stem.conv.weight\"", "[24, 3, 9, 1]",
                "expected [24, 3, 3, 3]", spoil: tensor("stem.conv.weight") { $0.shape = [24, 3, 9, 1] }),
            Fault(
                "a flat shape", says: "\"stem.conv.weight\"", "[648]", "[24, 3, 3, 3]",
                spoil: tensor("stem.conv.weight") { $0.shape = [648] }),
            Fault(
                "a shape of other size than its data", says: "\"stem.conv.weight\"", "1296", "1298",
                spoil: tensor("stem.conv.weight") { $0.shape = [649] }),
            Fault(
                "a negative dimension", says: "\"stem.bn.bias\"", "impossible", "-24",
                spoil: tensor("stem.bn.bias") { $0.shape = [-24] }),
            Fault(
                "two negative dimensions", says: "\"stem.bn.bias\"", "impossible",
                spoil: tensor("stem.bn.bias") { $0.shape = [-4, -6] }),
            Fault(
                "a shape whose size overflows", says: "\"stem.bn.bias\"", "impossible",
                spoil: tensor("stem.bn.bias") { $0.shape = [1 << 40, 1 << 40] }),
            Fault("one offset", says: "JSON") { file in
                var object = try #require(
                    try JSONSerialization.jsonObject(with: Data(file.headerBytes())) as? [String: Any])
                object["stem.bn.bias"] = ["dtype": "F16", "shape": [24], "data_offsets": "none"] as [String: Any]
                file.header = Array(try JSONSerialization.data(withJSONObject: object))
            },
            Fault("three offsets", says: "\"stem.bn.bias\"", "3 data offsets") { file in
                var object = try #require(
                    try JSONSerialization.jsonObject(with: Data(file.headerBytes())) as? [String: Any])
                object["stem.bn.bias"] = ["dtype": "F16", "shape": [24], "data_offsets": [0, 24, 48]] as [String: Any]
                file.header = Array(try JSONSerialization.data(withJSONObject: object))
            },
            Fault(
                "an end before the beginning", says: "\"stem.bn.bias\"", "bytes 2000 to 1000",
                spoil: tensor("stem.bn.bias") {
                    $0.begin = 2_000
                    $0.end = 1_000
                }),
            Fault(
                "a negative beginning", says: "\"stem.bn.bias\"", "-48",
                spoil: tensor("stem.bn.bias") {
                    $0.begin = -48
                    $0.end = 0
                }),
            Fault(
                "an end at the end of all numbers", says: "\"stem.bn.bias\"", "\(Int.max)",
                spoil: tensor("stem.bn.bias") {
                    $0.begin = Int.max - 48
                    $0.end = Int.max
                }),
            Fault("a tensor on top of another", says: "overlaps", "tensor \"") { file in
                let (index, length) = (file.index("head.bn.bias"), 256)
                file.tensors[index].begin = file.tensors[index - 1].begin
                file.tensors[index].end = file.tensors[index - 1].begin + length
            },
            Fault(
                "a tensor on part of another", says: "overlaps", "\"stem.bn.weight\"",
                spoil: tensor("stem.bn.bias") {
                    $0.begin -= 2
                    $0.end -= 2
                }),
            Fault("a gap between two tensors", says: "gap", "expected") { file in
                for later in file.index("head.bn.bias")..<file.tensors.count {
                    file.tensors[later].begin += 8
                    file.tensors[later].end += 8
                }
                file.dataSize += 8
            },
            Fault("a gap before the first", says: "gap", "the header") { file in
                for index in file.tensors.indices {
                    file.tensors[index].begin += 2
                    file.tensors[index].end += 2
                }
                file.dataSize += 2
            },
            Fault("a tensor too few", says: "no tensor \"classifier.bias\"", "[2]") { file in
                let last = file.tensors.removeLast()
                file.dataSize = last.begin
            },
            Fault("a tensor too many", says: "\"extra.weight\"", "does not know") { file in
                file.tensors.append(
                    ModelFixture.Tensor(
                        name: "extra.weight", dtype: "F32", shape: [1], begin: file.dataSize, end: file.dataSize + 4))
                file.dataSize += 4
            },
            Fault("a tensor of another configuration", says: "stage1.0.pyramid.0.bn.running_mean", "plain") { file in
                file.tensors[file.index("stage1.0.pyramid.0.bn.running_mean")].name = "stage1.0.pyramid.0.bn.mean"
            },
            Fault("a weight that is no number", says: "\"stage3.0.reduce.conv.weight\"", "nan", "element 777", "finite")
            {
                $0.put([0x7e00], into: "stage3.0.reduce.conv.weight", at: 777)
            },
            Fault("an infinite weight", says: "\"head.conv.weight\"", "inf", "element 0") {
                $0.put([0xfc00], into: "head.conv.weight")
            },
            Fault("a negative variance", says: "\"stem.bn.running_var\"", "-1.0", "element 23", "variance") {
                $0.put([0xbc00], into: "stem.bn.running_var", at: 23)
            },
        ]

    private static func set(_ key: String, _ value: String?) -> @Sendable (inout ModelFixture) -> Void {
        { $0.metadata[key] = value }
    }

    static let metadata: [Fault] =
        ["format", "architecture", "pyramid", "vortex", "classes", "palette", "ignore_id", "mean", "std"].map {
            Fault("no \($0)", says: "\"\($0)\"", "segmentd model", spoil: set($0, nil))
        } + [
            Fault(
                "another format", says: "format", "segmentd-model/2", "segmentd-model/1",
                spoil: set("format", "segmentd-model/2")),
            Fault(
                "another architecture", says: "architecture", "unet", "pyramid-shufflenet-v2",
                spoil: set("architecture", "unet")),
            Fault("a pyramid that is neither", says: "pyramid", "yes", "true or false", spoil: set("pyramid", "yes")),
            Fault(
                "an unknown vortex", says: "vortex", "quick", "efficient, full or none", spoil: set("vortex", "quick")),
            Fault("vortex pooling without a pyramid", says: "pyramid", "vortex", spoil: set("vortex", "full")),
            Fault(
                "another configuration than the tensors'", says: "no tensor", "pyramid.1", spoil: set("pyramid", "true")
            ),
            Fault(
                "classes that are no JSON", says: "classes", "Road, Sky", "JSON list",
                spoil: set("classes", "Road, Sky")),
            Fault("classes that are numbers", says: "classes", "JSON list", spoil: set("classes", "[1, 2]")),
            Fault("no classes", says: "0 classes", spoil: set("classes", "[]")),
            Fault(
                "two classes of one name", says: "2 classes", "different", spoil: set("classes", #"["Road", "Road"]"#)),
            Fault("a class without a name", says: "2 classes", spoil: set("classes", #"["Road", ""]"#)),
            Fault(
                "more classes than the classifier has", says: "\"classifier.weight\"", "[2, 128, 1, 1]",
                "[3, 128, 1, 1]"
            ) {
                $0.metadata["classes"] = #"["Road", "Sky", "Tree"]"#
                $0.metadata["palette"] = "[[1, 1, 1], [2, 2, 2], [3, 3, 3]]"
            },
            Fault("more classes than a byte counts", says: "256 classes") {
                $0.metadata["classes"] = "[\((0..<256).map { "\"\($0)\"" }.joined(separator: ","))]"
                $0.metadata["palette"] = "[\(Array(repeating: "[0,0,0]", count: 256).joined(separator: ","))]"
            },
            Fault("fewer colours than classes", says: "2 classes", "1 colours", spoil: set("palette", "[[1, 2, 3]]")),
            Fault("a colour of two numbers", says: "colour", spoil: set("palette", "[[1, 2, 3], [1, 2]]")),
            Fault(
                "a colour beyond white", says: "palette", "0 to 255", spoil: set("palette", "[[1, 2, 256], [1, 2, 3]]")),
            Fault(
                "a colour below black", says: "palette", "0 to 255", spoil: set("palette", "[[1, 2, -1], [1, 2, 3]]")),
            Fault(
                "categories that are no JSON", says: "categories", "flat, sky", "JSON list",
                spoil: set("categories", "flat, sky")),
            Fault(
                "fewer categories than classes", says: "2 classes", "1 categories", "for each class",
                spoil: set("categories", #"["flat"]"#)),
            Fault(
                "more categories than classes", says: "2 classes", "3 categories",
                spoil: set("categories", #"["flat", "sky", "void"]"#)),
            Fault(
                "a category without a name", says: "categories", "none empty",
                spoil: set("categories", #"["flat", ""]"#)
            ),
            Fault("an ignored id that is no number", says: "ignore_id", "none", spoil: set("ignore_id", "none")),
            Fault("an ignored id that is a class", says: "ignore_id", "1", spoil: set("ignore_id", "1")),
            Fault("an ignored id beyond a byte", says: "ignore_id", "256", spoil: set("ignore_id", "256")),
            Fault("a negative ignored id", says: "ignore_id", "-1", spoil: set("ignore_id", "-1")),
            Fault("two means", says: "mean", "three numbers", spoil: set("mean", "[0.5, 0.5]")),
            Fault("means that are no numbers", says: "mean", "three numbers", spoil: set("mean", "grey")),
            Fault("a mean beyond all numbers", says: "mean", "three numbers", spoil: set("mean", "[1e999, 0, 0]")),
            Fault("a deviation of zero", says: "std", "above 0", spoil: set("std", "[0.2, 0, 0.2]")),
            Fault("a negative deviation", says: "std", "above 0", spoil: set("std", "[0.2, -0.2, 0.2]")),
            Fault("four deviations", says: "std", spoil: set("std", "[0.2, 0.2, 0.2, 0.2]")),
        ]

    private func refuse(_ path: String, _ words: [String]) throws {
        let error = #expect(throws: ModelError.self) { try Model.load(path: path) }
        let text = try #require(error?.description)
        for word in [path] + words { #expect(text.contains(word), "\(text)") }
        #expect(!text.contains("\n") && text.count < 1_000 && error?.path == path)
    }

    @Test("whatever is wrong", arguments: lengths + headers + tensors + metadata)
    func faults(_ fault: Fault) throws {
        let folder = try TemporaryFolder()
        var file = try ModelFixture.valid()
        try fault.spoil(&file)
        try file.write(to: folder.file("model.safetensors"))
        try refuse(folder.file("model.safetensors"), fault.words)
    }

    @Test("whatever kind of file it is")
    func kinds() throws {
        let folder = try TemporaryFolder()
        try refuse(folder.file("nothing.safetensors"), ["cannot open", "No such file"])
        try refuse(folder.path, ["not a regular file"])
        try refuse("/dev/null", ["not a regular file"])
        try refuse(folder.path + "/model/inside.safetensors", ["cannot open"])
        // Opening a named pipe waits for its writer, unless one is careful.
        #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
        try refuse(folder.file("pipe"), ["not a regular file"])
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("loop"), withDestinationPath: folder.file("loop"))
        try refuse(folder.file("loop"), ["cannot open"])
        try "not a model\n".write(toFile: folder.file("text.safetensors"), atomically: true, encoding: .utf8)
        try refuse(folder.file("text.safetensors"), ["no safetensors file"])
    }

    @Test("which may be that we must not read it", .enabled(if: geteuid() != 0, "skipped: root may read everything"))
    func unreadable() throws {
        let folder = try TemporaryFolder()
        try ModelFixture.valid().write(to: folder.file("model.safetensors"))
        #expect(chmod(folder.file("model.safetensors"), 0) == 0)
        try refuse(folder.file("model.safetensors"), ["cannot open", "Permission denied"])
    }

    @Test("and one that is right is read, in half and in single precision, in any order of its tensors")
    func right() throws {
        let folder = try TemporaryFolder()
        var file = try ModelFixture.valid()
        file.put([0x3c00, 0xc000, 0x0001], into: "classifier.weight", at: 7)
        file.metadata["note"] = "keys that we do not know are nobody's business"
        try file.write(to: folder.file("half.safetensors"))
        let half = try Model.load(path: folder.file("half.safetensors"))
        #expect(half.name == "half" && half.labels.names == ["Road", "Sky"] && half.labels.ignoreID == 255)
        #expect(half.metadata.variant.name == "plain" && half.metadata.license == "none")
        #expect(half.metadata.mean == [0.485, 0.456, 0.406] && half.labels.categories == nil)
        file.metadata["categories"] = #"["flat", "flat"]"#
        try file.write(to: folder.file("grouped.safetensors"))
        #expect(try Model.load(path: folder.file("grouped.safetensors")).labels.categories == ["flat", "flat"])

        var single = file
        var offset = 0
        for index in single.tensors.indices.reversed() {
            let size = 2 * (single.tensors[index].end - single.tensors[index].begin)
            single.tensors[index].dtype = "F32"
            (single.tensors[index].begin, single.tensors[index].end) = (offset, offset + size)
            offset += size
        }
        single.dataSize = offset
        let values: [Float] = [1, -2, 0x1p-24]
        single.patches = [
            (single.tensors[single.index("classifier.weight")].begin + 28, values.withUnsafeBytes { Array($0) })
        ]
        try single.write(to: folder.file("single"))
        let other = try Model.load(path: folder.file("single"))
        #expect(other.name == "single")
        let size = ImageSize(height: 16, width: 32)
        let (a, b) = (
            try half.program(size: size, input: .normalized), try other.program(size: size, input: .normalized)
        )
        for parameter in a.graph.parameters {
            #expect(try a.weights.values(of: parameter) == b.weights.values(of: parameter), "\(parameter)")
        }
        let classifier = try #require(a.graph.parameters.first { $0.name == "classifier.weight" })
        #expect(Array(try a.weights.values(of: classifier)[6...10]) == [0, 1, -2, 0x1p-24, 0])
    }
}

/// A block of bytes, 64-byte aligned, allocated once and reused for its owner's life. SIMD code may read, not write,
/// a vector past its end.
final class AlignedBytes: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    init(count: Int) {
        let padded = UnsafeMutableRawBufferPointer.allocate(byteCount: count + 64, alignment: 64)
        padded.initializeMemory(as: UInt8.self, repeating: 0)
        bytes = UnsafeMutableRawBufferPointer(rebasing: padded[..<count])
    }

    deinit { bytes.deallocate() }
}

/// The network's input: three 8-bit planes, red, green, blue, one after the other, rows without padding.
public final class PlanarRGB: @unchecked Sendable {
    /// The size of each plane.
    public let size: ImageSize
    private let storage: AlignedBytes

    /// A black picture.
    public init(size: ImageSize) {
        self.size = size
        storage = AlignedBytes(count: 3 * size.area)
    }

    /// Reads the 3 × height × width bytes.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(storage.bytes))
    }

    /// Writes the 3 × height × width bytes. Nobody else may use the picture meanwhile.
    public func withUnsafeMutableBytes<Result, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(storage.bytes)
    }
}

/// A class id for every pixel, rows without padding; 255 means no answer.
public final class ClassMap: @unchecked Sendable {
    /// The id that means "no answer".
    public static let noAnswer: UInt8 = 255

    /// Rows and pixels in a row.
    public let size: ImageSize
    private let storage: AlignedBytes
    /// Where the storage goes when the map is released.
    private let pool: ClassMapPool?

    /// A map of zeros.
    public init(size: ImageSize) {
        self.size = size
        storage = AlignedBytes(count: size.area)
        pool = nil
    }

    /// A map of `pool`.
    init(size: ImageSize, storage: AlignedBytes, pool: ClassMapPool) {
        self.size = size
        self.storage = storage
        self.pool = pool
    }

    deinit { pool?.give(back: storage) }

    /// The id at a pixel. Stops the process where the pixel lies outside, as an array does.
    public subscript(row row: Int, column column: Int) -> UInt8 {
        precondition(row >= 0 && row < size.height && column >= 0 && column < size.width, "pixel outside the map")
        return storage.bytes[row * size.width + column]
    }

    /// Reads the height × width ids.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(storage.bytes))
    }

    /// Writes the height × width ids. Nobody else may use the map meanwhile.
    public func withUnsafeMutableBytes<Result, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(storage.bytes)
    }
}

extension ClassMap {
    /// Writes `id` everywhere. Nobody else may use the map meanwhile.
    public func fill(_ id: UInt8) {
        withUnsafeMutableBytes { bytes in
            if !bytes.isEmpty { bytes.initializeMemory(as: UInt8.self, repeating: id) }
        }
    }

    /// How many pixels have each of the 256 ids.
    public func counts() -> [Int] {
        // Neighbours mostly have the same id: four tables, so that no count waits for the one before it.
        var tables = [UInt32](repeating: 0, count: 4 * 256)
        withUnsafeBytes { bytes in
            tables.withUnsafeMutableBufferPointer { tables in
                let whole = bytes.count & ~3
                for index in stride(from: 0, to: whole, by: 4) {
                    tables[Int(bytes[index])] &+= 1
                    tables[256 + Int(bytes[index + 1])] &+= 1
                    tables[512 + Int(bytes[index + 2])] &+= 1
                    tables[768 + Int(bytes[index + 3])] &+= 1
                }
                for index in whole..<bytes.count { tables[Int(bytes[index])] &+= 1 }
            }
        }
        return (0..<256).map { id -> Int in
            let sum: UInt32 = tables[id] &+ tables[256 + id] &+ tables[512 + id] &+ tables[768 + id]
            return Int(sum)
        }
    }
}

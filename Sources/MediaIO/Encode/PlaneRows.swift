/// The rows of one plane in memory that somebody else keeps alive; a row is reached only through its bounds.
public struct PlaneRows {
    /// How many rows there are.
    public let rows: Int
    /// Bytes of a row that belong to the picture.
    public let rowBytes: Int
    private let base: UnsafeMutableRawPointer
    private let stride: Int

    /// `rows` rows of `rowBytes` bytes, the first at `base`, each `stride` bytes after the one before.
    public init(base: UnsafeMutableRawPointer, stride: Int, rows: Int, rowBytes: Int) {
        precondition(rows >= 0 && rowBytes >= 0 && (stride >= rowBytes || rows <= 1), "rows that overlap")
        self.base = base
        self.stride = stride
        self.rows = rows
        self.rowBytes = rowBytes
    }

    /// The bytes of one row. Stops the process where there is no such row, as an array does.
    public subscript(row: Int) -> UnsafeMutableRawBufferPointer {
        precondition(row >= 0 && row < rows, "row outside the plane")
        return UnsafeMutableRawBufferPointer(start: base + row * stride, count: rowBytes)
    }
}

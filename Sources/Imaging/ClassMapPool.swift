import Synchronization

/// Class maps of one size whose memory is used again: after the first few frames no map's memory is allocated.
///
/// A map gives its memory back when the map itself is released. So a map that somebody holds is never written again,
/// whatever else of its mask is gone.
public final class ClassMapPool: Sendable {
    private let size: ImageSize
    private let idle = Mutex<[AlignedBytes]>([])

    /// A pool of maps of `size`, empty.
    public init(size: ImageSize) { self.size = size }

    /// A map whose contents are whatever was last written.
    public func take() -> ClassMap {
        let storage = idle.withLock { $0.popLast() } ?? AlignedBytes(count: size.area)
        return ClassMap(size: size, storage: storage, pool: self)
    }

    func give(back storage: AlignedBytes) { idle.withLock { $0.append(storage) } }
}

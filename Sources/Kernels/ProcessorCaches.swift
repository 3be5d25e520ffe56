import Glibc

/// What the processor tells of its caches.
public enum ProcessorCaches {
    /// Bytes of the second-level cache of a core; nil where the system does not say (virtual machines, many ARM systems).
    public static let secondLevelBytes: Int? = {
        let bytes = sysconf(Int32(_SC_LEVEL2_CACHE_SIZE))
        return bytes > 0 ? bytes : nil
    }()
}

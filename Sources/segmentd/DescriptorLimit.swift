import Glibc

/// The number of descriptors that the process may open.
enum DescriptorLimit {
    /// Raises the soft limit, often 1024, to the hard one: a camera takes up to ten, and each reader one. Nothing here
    /// uses `select`, for which the soft limit is low.
    static func raise() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max
        else {
            return
        }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

import Operations
import Testing

@Suite("The number of processors")
struct ProcessorCountTests {
    private func quota(_ membership: String, _ files: [String: String]) -> Int? {
        ProcessorCount.quota(membership: membership) { files[$0] }
    }

    @Test("is one at least and no more than the machine has")
    func available() {
        #expect(ProcessorCount.available >= 1)
    }

    @Test("follows the tightest quota on the way up the cgroups, rounded up")
    func unified() {
        let files = [
            "/sys/fs/cgroup/system.slice/segmentd.service/cpu.max": "max 100000\n",
            "/sys/fs/cgroup/system.slice/cpu.max": "250000 100000\n",
        ]
        #expect(quota("0::/system.slice/segmentd.service\n", files) == 3)
        #expect(quota("0::/other\n", files) == nil)
        #expect(quota("0::/\n", ["/sys/fs/cgroup//cpu.max": "50000 100000"]) == 1)
    }

    @Test("follows the quota of the older cgroups too")
    func legacy() {
        let files = [
            "/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us": "200000\n",
            "/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/cpu/free/cpu.cfs_quota_us": "-1\n",
            "/sys/fs/cgroup/cpu/free/cpu.cfs_period_us": "100000\n",
        ]
        #expect(quota("5:memory:/x\n4:cpu,cpuacct:/docker/abc\n0::/\n", files) == 2)
        #expect(quota("4:cpu,cpuacct:/free\n", files) == nil)
    }

    @Test("follows the process's affinity", arguments: [("3", 2), ("ff", 8), ("00000001,80000000", 2)])
    func affinity(mask: String, expected: Int) {
        #expect(
            ProcessorCount.affinity(status: "Name:\tx\nCpus_allowed:\t\(mask)\nCpus_allowed_list:\t0-7\n") == expected)
    }

    @Test("ignores what it cannot read")
    func garbage() {
        #expect(quota("garbage\n::\n0::/x\n", ["/sys/fs/cgroup/x/cpu.max": "? ?"]) == nil)
        #expect(ProcessorCount.affinity(status: "") == nil)
    }
}

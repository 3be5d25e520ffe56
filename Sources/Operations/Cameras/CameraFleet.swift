import Dispatch
import Synchronization

/// The cameras that run now: each on its own, started and stopped one by one while the others go on.
public final class CameraFleet: Sendable {
    private struct Member {
        let camera: CameraService
        let ended: DispatchGroup
    }

    private struct State {
        var members: [Member] = []
        var running = 0
        var holds = 0
        var isStopping = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Nobody yet.
    public init() {}

    /// The cameras, those that have ended by themselves too.
    public var cameras: [CameraService] { state.withLock { $0.members.map(\.camera) } }

    /// Starts `camera`, unless all are to stop.
    public func start(_ camera: CameraService) {
        let ended = DispatchGroup()
        let isWanted = state.withLock { state in
            guard !state.isStopping else { return false }
            state.members.append(Member(camera: camera, ended: ended))
            state.running += 1
            return true
        }
        guard isWanted else { return }
        ended.enter()
        Task { [self] in
            await camera.run()
            ended.leave()
            state.withLock { $0.running -= 1 }
            resumeWhenOver()
        }
    }

    /// Stops the cameras of these names and forgets them. Blocks until their outputs are complete; not for async code.
    public func stop(_ names: [String]) {
        let leaving = state.withLock { state in
            let leaving = state.members.filter { names.contains($0.camera.camera.name) }
            state.members.removeAll { names.contains($0.camera.camera.name) }
            return leaving
        }
        for member in leaving { member.camera.stop() }
        for member in leaving { member.ended.wait() }
    }

    /// Puts the cameras into the order of `names`.
    public func order(_ names: [String]) {
        state.withLock { state in
            state.members.sort { one, other in
                (names.firstIndex(of: one.camera.camera.name) ?? .max)
                    < (names.firstIndex(of: other.camera.camera.name) ?? .max)
            }
        }
    }

    /// Stops all, for good. Returns at once.
    public func stopAll() {
        let cameras = state.withLock { state in
            state.isStopping = true
            return state.members.map(\.camera)
        }
        for camera in cameras { camera.stop() }
    }

    /// Whether all are to stop.
    public var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Runs `body` during which the fleet is not over, even if no camera runs for a moment.
    public func holding<Result>(_ body: () throws -> Result) rethrows -> Result {
        state.withLock { $0.holds += 1 }
        defer {
            state.withLock { $0.holds -= 1 }
            resumeWhenOver()
        }
        return try body()
    }

    /// Returns when no camera runs any more.
    public func waitUntilOver() async {
        await withCheckedContinuation { continuation in
            state.withLock { $0.waiters.append(continuation) }
            resumeWhenOver()
        }
    }

    private func resumeWhenOver() {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard state.running == 0, state.holds == 0 else { return [] }
            defer { state.waiters.removeAll() }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}

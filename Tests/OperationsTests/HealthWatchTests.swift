import MaskOutput
import Operations
import Testing

/// A service that is watched once a second, and that can stand still in every way.
private struct Watched {
    var facts = HealthFacts()
    private var watch = HealthWatch(patience: 15_000_000_000)
    private(set) var now: UInt64 = 1_000_000_000_000
    private(set) var health = ServiceHealth(sees: false)

    /// A live camera with a socket and a reader for each name.
    init(_ cameras: String...) {
        facts.cameras = cameras.map { name in
            var camera = HealthFacts.Camera(name: name, state: "live")
            var socket = HealthFacts.Socket(path: "/run/\(name).mask")
            socket.readers = 1
            camera.sockets = [socket]
            return camera
        }
    }

    /// What a camera does in a second while all is well.
    static func works(_ camera: inout HealthFacts.Camera) {
        camera.taken += 30
        camera.answered += 30
        camera.valid += 30
        send(30, of: &camera)
    }

    /// What a camera does in a second while it shows nothing but blindness.
    static func isBlind(_ camera: inout HealthFacts.Camera) {
        camera.blind += 10
        send(10, of: &camera)
    }

    static func send(_ count: UInt64, of camera: inout HealthFacts.Camera) {
        for index in camera.sockets.indices {
            camera.sockets[index].offered += count
            if camera.sockets[index].readers > 0 { camera.sockets[index].sent += count }
        }
    }

    /// Lets `seconds` pass; each camera does `each`.
    mutating func pass(_ seconds: Int, _ each: (inout HealthFacts.Camera) -> Void = Watched.works) {
        for _ in 0..<seconds {
            now += 1_000_000_000
            for index in facts.cameras.indices { each(&facts.cameras[index]) }
            health = watch.judge(facts, at: now)
        }
    }

    /// Nobody looks for `seconds`.
    mutating func sleep(_ seconds: Int) { now += UInt64(seconds) * 1_000_000_000 }

    var worst: String { health.problems.first?.text ?? "" }
    var areas: [ServiceHealth.Area] { health.problems.map(\.area) }
    var isGood: Bool { health.problems.isEmpty && health.isAlive && health.isReady }
}

@Suite("The judgement of a service's health")
struct HealthWatchTests {
    @Test("finds nothing wrong while masks go out")
    func good() {
        var service = Watched("front", "rear")
        service.pass(1)
        #expect(service.isGood)
        service.pass(100)
        #expect(service.isGood, "\(service.health)")
    }

    @Test(
        "an engine that hangs is unready soon and dead later, whatever blind masks go out, and is forgotten when it goes on"
    )
    func engine() {
        var service = Watched("front")
        service.pass(3)
        service.facts.engineSince = service.now
        let hangs: (inout HealthFacts.Camera) -> Void = { camera in
            camera.taken += 30
            Watched.isBlind(&camera)
        }
        service.pass(5, hangs)
        #expect(service.health.isAlive)
        service.pass(3, hangs)
        #expect(service.health.isAlive && !service.health.isReady && service.areas.first == .engine)
        service.pass(10, hangs)
        #expect(!service.health.isAlive && !service.health.isReady && service.areas.contains(.engine))
        #expect(service.worst.contains("the network has worked on one picture for 1"))
        service.facts.engineSince = nil
        service.pass(1)
        #expect(service.isGood, "\(service.health)")
    }

    @Test("an engine that needs long for every picture is not dead")
    func slowEngine() {
        var service = Watched("front")
        service.facts.engineLast = 20_000_000_000
        for _ in 0..<5 {
            service.facts.engineSince = service.now
            service.pass(20) { camera in
                camera.taken += 30
                Watched.isBlind(&camera)
            }
            #expect(service.health.isAlive, "\(service.health)")
            service.pass(1)
        }
    }

    @Test("frames that never get an answer, while the engine does not run, are dead")
    func noTurns() {
        var service = Watched("front", "rear")
        service.pass(3)
        service.pass(20) { camera in
            guard camera.name == "front" else { return Watched.works(&camera) }
            camera.taken += 30
            Watched.isBlind(&camera)
        }
        #expect(!service.health.isAlive && service.areas == [.camera], "\(service.health)")
        #expect(service.health.problems.first?.camera == "front")
    }

    @Test("masks that are all too old are unready, and no reason for a restart")
    func tooSlow() {
        var service = Watched("front")
        service.pass(60) { camera in
            camera.taken += 30
            camera.answered += 4
            Watched.isBlind(&camera)
        }
        #expect(service.health.isAlive && !service.health.isReady && service.areas == [.camera])
        #expect(service.worst.contains("max_age_ms"))
    }

    @Test("a sink that blocks is unready, then dead; one that waits for a disk is not dead", arguments: [false, true])
    func sink(isRecording: Bool) {
        var service = Watched("front", "rear")
        service.pass(3)
        service.facts.cameras[0].writing = .init(output: "thing", since: service.now, isRecording: isRecording)
        let blocked: (inout HealthFacts.Camera) -> Void = { camera in
            guard camera.name == "front" else { return Watched.works(&camera) }
            camera.taken += 30
            camera.answered += 30
        }
        service.pass(8, blocked)
        #expect(service.health.isAlive && service.health.isReady, "the other camera can be had")
        #expect(service.areas == [isRecording ? .disk : .sink] && service.health.problems[0].severity == .unready)
        service.pass(20, blocked)
        #expect(service.health.isAlive == isRecording)
        #expect(service.health.problems[0].text.contains("front: thing has not taken a mask for 2"))
        service.facts.cameras[0].writing = nil
        service.pass(1)
        #expect(service.isGood, "\(service.health)")
    }

    @Test("a file whose output waits for a disk is not dead, though nothing moves")
    func fileBehindDisk() {
        var service = Watched("front")
        service.facts.cameras[0].sendsBlind = false
        service.facts.cameras[0].underWay = 4
        service.facts.cameras[0].writing = .init(output: "recording a.mkv", since: service.now, isRecording: true)
        service.pass(60) { _ in }
        #expect(service.health.isAlive && !service.health.isReady, "\(service.health)")
    }

    @Test("a thread of the sockets that stands still is unready, then dead")
    func socketThread() {
        var service = Watched("front")
        service.pass(3)
        service.facts.socketsSilentSince = service.now
        service.pass(8)
        #expect(service.health.isAlive && !service.health.isReady && service.areas == [.sockets])
        service.pass(10)
        #expect(!service.health.isAlive)
    }

    @Test("a socket that is offered nothing, while the camera's masks go out, is dead")
    func silentSocket() {
        var service = Watched("front")
        service.facts.cameras[0].sockets.append(.init(path: "/run/front.nut"))
        service.pass(3)
        service.pass(20) { camera in
            let before = camera.sockets[1]
            Watched.works(&camera)
            camera.sockets[1] = before
        }
        #expect(!service.health.isAlive && service.worst.hasPrefix("/run/front.nut: its readers were offered"))
    }

    @Test("masks that wait for the readers of a socket are unready, then dead")
    func waitingMask() {
        var service = Watched("front")
        service.pass(3)
        service.facts.cameras[0].sockets[0].waitingSince = service.now
        service.pass(8)
        #expect(!service.health.isReady && service.health.isAlive)
        service.pass(10)
        #expect(!service.health.isAlive && service.areas == [.sockets])
    }

    @Test("a socket that readers cannot connect to is told")
    func unreachable() {
        var service = Watched("front")
        service.facts.cameras[0].sockets[0].unreachable = "Too many open files"
        service.pass(30)
        #expect(service.areas == [.sockets] && service.health.isAlive && service.health.isReady)
        #expect(service.worst == "/run/front.mask: readers cannot connect: Too many open files")
    }

    @Test("readers that take nothing are told, and are their own affair")
    func deafReaders() {
        var service = Watched("front")
        service.pass(3)
        service.pass(20) { camera in
            let sent = camera.sockets[0].sent
            Watched.works(&camera)
            camera.sockets[0].sent = sent
        }
        #expect(service.health.isAlive && service.health.isReady && service.areas == [.sockets])
        service.facts.cameras[0].sockets[0].readers = 0
        service.pass(20)
        #expect(service.isGood, "nobody reads: \(service.health)")
    }

    @Test(
        "a camera that is away is told with its cause, and no reason for a restart", arguments: ["waiting", "stalled"])
    func away(state: String) {
        var service = Watched("front")
        service.pass(3)
        service.facts.cameras[0].state = state
        service.facts.cameras[0].cause = "connection refused"
        service.pass(600, Watched.isBlind)
        #expect(service.health.isAlive && !service.health.isReady && service.areas == [.camera])
        #expect(service.worst == "front: its source gives nothing (\(state)) for 599 s: connection refused")
        service.facts.cameras[0].state = "live"
        service.pass(1)
        #expect(service.isGood, "\(service.health)")
    }

    @Test("a camera whose pictures are refused is told with the reason, not with what failed long ago")
    func refused() {
        var service = Watched("front")
        service.pass(3)
        service.facts.cameras[0].state = "corrupt"
        service.facts.cameras[0].cause = "connection refused"
        service.facts.cameras[0].refusing = "awaiting_key_frame"
        service.pass(60, Watched.isBlind)
        #expect(
            service.worst == "front: its pictures come and have been refused (awaiting_key_frame) for 59 s",
            "\(service.health)")
    }

    @Test("pictures that are too old when they come are told as such: the network is not to blame")
    func old() {
        var service = Watched("front")
        service.pass(3)
        service.facts.cameras[0].ageOnArrival = 3_200_000_000
        service.pass(20) { camera in
            camera.taken += 25
            camera.answered += 25
            camera.blind += 25
            Watched.send(25, of: &camera)
        }
        #expect(service.worst.contains("they are 3200 ms old when they come"), "\(service.health)")
        #expect(!service.worst.contains("network"))
    }

    @Test("a camera that is away, and of which not even blind masks go out, is dead")
    func awayAndSilent() {
        var service = Watched("front")
        service.facts.cameras[0].state = "waiting"
        service.pass(20) { _ in }
        #expect(!service.health.isAlive)
        service.facts.cameras[0].sendsBlind = false
        service.pass(20) { _ in }
        #expect(service.health.isAlive, "its pipeline waits to be started again: \(service.health)")
    }

    @Test("a camera that gives a picture a minute is well")
    func slowCamera() {
        var service = Watched("front")
        for _ in 0..<5 {
            service.pass(1)
            service.pass(60) { _ in }
            #expect(service.isGood, "\(service.health)")
        }
    }

    @Test("a file whose frames wait and do not move is dead; one that waits for its pipe is not", arguments: [0, 3])
    func file(underWay: Int) {
        var service = Watched("front")
        service.facts.cameras[0].sendsBlind = false
        service.facts.cameras[0].underWay = underWay
        service.pass(1)
        service.pass(20) { _ in }
        #expect(service.health.isAlive == (underWay == 0), "\(service.health)")
    }

    @Test("a log that nobody reads or that cannot be written is told, and masks are ready")
    func log() {
        var service = Watched("front")
        service.facts.log = LogWriter.Snapshot(queued: 12, dropped: 7, blockedSeconds: 9.5)
        service.pass(30)
        #expect(service.areas == [.log] && service.health.isAlive && service.health.isReady)
        #expect(service.worst.contains("12 lines wait, 7 were dropped"))
        service.facts.log = LogWriter.Snapshot(dropped: 7, error: "No space left on device")
        service.pass(1)
        #expect(service.worst.contains("No space left on device"))
        service.facts.log = LogWriter.Snapshot(dropped: 7)
        service.pass(1)
        #expect(service.isGood)
    }

    @Test("a thread of the HTTP port or the control socket that stands still is told", arguments: [true, false])
    func servers(isHTTP: Bool) {
        var service = Watched("front")
        var facts = RequestServerFacts()
        func show(_ facts: RequestServerFacts) {
            if isHTTP { service.facts.http = facts } else { service.facts.control = facts }
        }
        let area: ServiceHealth.Area = isHTTP ? .http : .control
        facts.unansweredSince = service.now
        show(facts)
        service.pass(20)
        #expect(service.areas == [area] && service.health.isAlive && service.health.isReady)
        facts.unansweredSince = nil
        facts.answeringSince = service.now
        show(facts)
        service.pass(40)
        #expect(service.areas == [area] && service.worst.contains("one answer"))
        facts.answeringSince = nil
        facts.acceptFailure = 24
        show(facts)
        service.pass(1)
        #expect(service.worst.contains("cannot accept connections: Too many open files"))
    }

    @Test(
        "what is nearly used up is told with the setting that gives more",
        arguments: [
            (ResourceUse.Kind.descriptors, ServiceHealth.Area.descriptors, "1000 of 1024 descriptors"),
            (.threads, .threads, "1000 of 1024 threads"), (.memory, .memory, "0 of 0 MiB"),
        ])
    func resources(kind: ResourceUse.Kind, area: ServiceHealth.Area, text: String) {
        var service = Watched("front")
        service.facts.limits = [ResourceUse(kind, used: 900, limit: 1024, setting: "this")]
        service.pass(1)
        #expect(service.isGood)
        service.facts.limits = [ResourceUse(kind, used: 1000, limit: 1024, setting: "this")]
        service.pass(30)
        #expect(service.areas == [area] && service.health.isAlive && service.health.isReady)
        #expect(service.worst.hasPrefix(text) && service.worst.hasSuffix("allow more: this"))
    }

    @Test("a recording that does not run, or that writes nothing more, is told, and no reason for a restart")
    func disk() {
        var service = Watched("front")
        var recording = HealthFacts.Recording(path: "front.mkv")
        recording.failure = "no space left"
        service.facts.cameras[0].recordings = [recording]
        service.pass(60)
        #expect(service.areas == [.disk] && service.health.isAlive && service.health.isReady)
        #expect(service.worst == "front: front.mkv is not recorded: no space left")
        service.facts.cameras[0].recordings[0].failure = nil
        service.pass(20) { camera in
            Watched.works(&camera)
            camera.recordings[0].dropped += 30
        }
        #expect(service.areas == [.disk] && service.worst.contains("nothing was written for 1"))
    }

    @Test("time in which the machine slept is nobody's standstill")
    func suspended() {
        var service = Watched("front")
        service.pass(3)
        service.facts.engineSince = service.now
        service.facts.socketsSilentSince = service.now
        service.sleep(3600)
        service.pass(1) { _ in }
        #expect(service.health.isAlive && service.health.isReady, "\(service.health)")
    }

    @Test("a service whose files have ended is alive, and has no masks")
    func ended() {
        var service = Watched("front")
        service.facts.cameras[0].state = "ended"
        service.facts.cameras[0].sendsBlind = false
        service.pass(60) { _ in }
        #expect(service.health.isAlive && !service.health.isReady && service.health.problems.isEmpty)
        service.facts.cameras = []
        service.pass(60)
        #expect(service.health.isAlive && !service.health.isReady)
    }
}

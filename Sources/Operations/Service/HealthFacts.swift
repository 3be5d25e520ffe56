import MaskOutput

/// What is seen of a service at one moment, for `HealthWatch` to judge. Times are those of CLOCK_MONOTONIC.
public struct HealthFacts: Sendable {
    /// What is seen of a camera.
    public struct Camera: Sendable {
        /// Its name.
        public var name: String
        /// How its source is doing: `connecting`, `live`, `stalled`, `corrupt`, `waiting` or `ended`.
        public var state: String
        /// Why its source or its outputs failed last; nil where they did not.
        public var cause: String?
        /// Why the pictures that come now are refused, such as `frozen`; nil where they are not, or none come.
        public var refusing: String?
        /// How old pictures are when they come, in nanoseconds; nil where they are young enough for `max_age_ms`.
        public var ageOnArrival: UInt64?
        /// Whether blind masks have to go out while its source gives nothing, several a second.
        public var sendsBlind = true
        /// Frames that came, without those that its rate cap left out.
        public var taken = 0
        /// Frames that the network gave an answer for, or that were too old to ask.
        public var answered = 0
        /// Frames that wait in a stage.
        public var underWay = 0
        /// Valid masks that were handed to the outputs.
        public var valid = 0
        /// Blind masks that were handed to the outputs.
        public var blind = 0
        /// Its sockets.
        public var sockets: [Socket] = []
        /// The output that a mask is being written to; all others of the camera wait for it.
        public var writing: Writing?
        /// Its recordings.
        public var recordings: [Recording] = []

        /// A camera whose source is in `state`, of which nothing else is known.
        public init(name: String, state: String) {
            self.name = name
            self.state = state
        }
    }

    /// What is seen of a socket.
    public struct Socket: Sendable {
        /// Its path.
        public var path: String
        /// Readers connected now.
        public var readers = 0
        /// Masks that the camera had for it.
        public var offered: UInt64 = 0
        /// Masks that went out whole, over all readers.
        public var sent: UInt64 = 0
        /// Why readers cannot connect; nil where they can.
        public var unreachable: String?
        /// Since when a mask has waited for the server's thread; nil where none does.
        public var waitingSince: UInt64?

        /// A socket without readers.
        public init(path: String) { self.path = path }
    }

    /// What is seen of a recording.
    public struct Recording: Sendable {
        /// Its path as configured.
        public var path: String
        /// Masks written.
        public var written: UInt64 = 0
        /// Masks left out.
        public var dropped: UInt64 = 0
        /// Why it does not run; nil where it does.
        public var failure: String?

        /// A recording that runs.
        public init(path: String) { self.path = path }
    }

    /// An output that takes a mask.
    public struct Writing: Sendable {
        /// What it is.
        public var output: String
        /// Since when it takes this mask.
        public var since: UInt64
        /// Whether it waits for a disk, which no restart mends.
        public var isRecording: Bool

        /// `output` has taken a mask since `since`.
        public init(output: String, since: UInt64, isRecording: Bool = false) {
            self.output = output
            self.since = since
            self.isRecording = isRecording
        }
    }

    /// The cameras that are to run.
    public var cameras: [Camera] = []
    /// Since when the thread of the mask sockets has owed a sign of life; nil where it does not.
    public var socketsSilentSince: UInt64?
    /// Since when the network has worked on one picture; nil where it works on none.
    public var engineSince: UInt64?
    /// How long the last picture took, in nanoseconds.
    public var engineLast: UInt64 = 0
    /// The control socket; nil where there is none.
    public var control: RequestServerFacts?
    /// The HTTP port; nil where none is configured.
    public var http: RequestServerFacts?
    /// The log.
    public var log = LogWriter.Snapshot()
    /// What the process uses of its limits.
    public var limits: [ResourceUse] = []

    /// Nothing is wrong.
    public init() {}
}

/// How much of something limited is in use.
public struct ResourceUse: Codable, Hashable, Sendable {
    /// What is limited.
    public enum Kind: String, Codable, Sendable {
        case descriptors, threads, memory
    }

    /// What it is.
    public var kind: Kind
    /// How much is in use: a number, or bytes.
    public var used: Int
    /// How much there may be.
    public var limit: Int
    /// What sets the limit: `LimitNOFILE= in the unit`.
    public var setting: String

    /// `used` of `limit`, which `setting` sets.
    public init(_ kind: Kind, used: Int, limit: Int, setting: String) {
        self.kind = kind
        self.used = used
        self.limit = limit
        self.setting = setting
    }
}

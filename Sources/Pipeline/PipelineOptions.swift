extension CameraPipeline {
    /// How a pipeline behaves.
    public struct Options: Sendable {
        /// What a failing frame or output does.
        public enum OnFailure: Sendable {
            /// It ends the camera.
            case stop
            /// The frame, or the output, is given up and the camera goes on, until it has no output left.
            case carryOn
        }

        /// What a failing frame or output does. A failing source ends the camera always.
        public var onFailure: OnFailure
        /// Frames to take at most; nil for all.
        public var limit: Int?
        /// Frames a second to take at most, evenly spaced; nil for all.
        public var maxFramesPerSecond: Double?

        /// How old a live source's mask may be when it is sent, in nanoseconds from its capture. An older one goes out
        /// blind, and while there is none, or nothing to see, blind masks go out at the camera's rate. Nil: masks of any
        /// age, and no blind ones.
        public var maxAge: UInt64?
        /// The camera's share of the network where several want it, 1 or more.
        public var priority: Int

        /// Takes every frame and stops at the first failure unless told otherwise.
        public init(
            onFailure: OnFailure = .stop, limit: Int? = nil, maxFramesPerSecond: Double? = nil, maxAge: UInt64? = nil,
            priority: Int = 1
        ) {
            self.onFailure = onFailure
            self.limit = limit
            self.maxFramesPerSecond = maxFramesPerSecond
            self.maxAge = maxAge
            self.priority = priority
        }
    }
}

/// Decides which camera has the network next: each gets time in proportion to its weight, none waits for ever, and among
/// those that are about even the one whose frame is soonest too old goes first.
///
/// Start-time fair queueing: a camera's tag is the time it was served, divided by its weight; the lowest tag goes first.
/// A camera that was idle begins at the tag of who is being served: idleness earns nothing. A pure value, without a clock.
public struct TurnSchedule: Sendable {
    private struct Seat {
        let weight: Double
        /// Nanoseconds of the network's time that it had, divided by its weight.
        var tag: Double
        /// When its waiting frame is too old; nil where none waits.
        var deadline: UInt64?
    }

    private var seats: [Int: Seat] = [:]
    private var nextID = 0
    private var virtualTime = 0.0
    private var lastCost = 0.0
    /// The seat that has the network now.
    public private(set) var running: Int?

    /// Nobody there.
    public init() {}

    /// A camera comes, with its weight, at least 1. Returns the number of its seat.
    public mutating func join(weight: Int) -> Int {
        defer { nextID += 1 }
        seats[nextID] = Seat(weight: Double(max(1, weight)), tag: virtualTime)
        return nextID
    }

    /// A camera goes; a turn that it has is over.
    public mutating func leave(_ id: Int) {
        seats[id] = nil
        if running == id { running = nil }
    }

    /// A frame waits at this seat, or a newer one in place of it, and is too old at `deadline` (nanoseconds).
    public mutating func offer(_ id: Int, deadline: UInt64) {
        guard var seat = seats[id] else { return }
        if seat.deadline == nil, running != id { seat.tag = max(seat.tag, virtualTime) }
        seat.deadline = deadline
        seats[id] = seat
    }

    /// Whether a frame waits at this seat.
    public func isWaiting(_ id: Int) -> Bool { seats[id]?.deadline != nil }

    /// Gives the network to the next camera, where it is free and a frame waits.
    public mutating func grant() -> Int? {
        guard running == nil else { return nil }
        let waiting = seats.filter { $0.value.deadline != nil }
        guard let lowest = waiting.map(\.value.tag).min() else { return nil }
        // One turn of the last length makes no difference between cameras; who would be late does.
        let even = waiting.filter { $0.value.tag <= lowest + lastCost / $0.value.weight }
        let chosen = even.min {
            ($0.value.deadline ?? .max, $0.value.tag, $0.key) < ($1.value.deadline ?? .max, $1.value.tag, $1.key)
        }
        guard let id = chosen?.key else { return nil }
        virtualTime = max(virtualTime, lowest)
        seats[id]?.deadline = nil
        running = id
        return id
    }

    /// The turn of this seat is over; it took `cost` nanoseconds.
    public mutating func finished(_ id: Int, cost: UInt64) {
        guard running == id else { return }
        running = nil
        guard let seat = seats[id] else { return }
        seats[id]?.tag = seat.tag + Double(cost) / seat.weight
        if cost > 0 { lastCost = Double(cost) }
    }
}

/// Places frames on one rising time line: fills in missing stamps and joins the passes of a looped file.
struct Timeline {
    private var offset: Int64 = 0
    private var end: Int64?
    private var last: Int64?
    private var beginsPass = false

    /// The ticks of a frame stamped `pts` that is shown for `duration` ticks (0: not known, then `nominal` counts,
    /// the ticks of one frame at the stream's rate, 0 where that is not known either). Nil where nothing tells.
    mutating func place(pts: Int64?, duration: Int64, nominal: Int64) -> Int64? {
        let length = duration > 0 ? duration : nominal
        let placed: Int64?
        if let pts {
            if beginsPass, let end { offset = end &- pts }
            placed = pts &+ offset
        } else if let last {
            // A frame without a stamp follows the one before it.
            placed = nominal > 0 || beginsPass ? end : last
        } else {
            placed = nominal > 0 ? 0 : nil
        }
        beginsPass = false
        if let placed {
            last = placed
            end = max(end ?? .min, placed &+ max(length, 1))
        }
        return placed
    }

    /// The next frame is the first one of another pass over the same file.
    mutating func beginPass() { beginsPass = true }
}

import Imaging

/// What a socket announces: the bytes that every reader gets first, and which stream they begin.
///
/// Readers of a stream may go on as long as `identity` stays, whatever else the header tells (a frame rate that becomes
/// known); of another one they could not make sense.
struct SocketStream: Sendable {
    /// What makes two streams the same one to a reader.
    struct Identity: Hashable, Sendable {
        /// What is sent.
        let content: SocketSink.Content
        /// Rows and pixels in a row of every frame.
        let size: ImageSize
    }

    /// Which stream it is.
    let identity: Identity
    /// The header.
    let header: [UInt8]
}

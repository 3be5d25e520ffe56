import CFFmpeg
import Imaging

/// What a scaler keeps from frame to frame: swscale contexts, buffers between two steps, pools of results.
final class ScalerCache {
    /// A frame that a pool lends; its memory is allocated when it is first used.
    final class PooledFrame: @unchecked Sendable {
        // Only whoever holds the loan touches it.
        private var holder: FrameHolder?

        func holder(size: ImageSize, format: AVPixelFormat) throws -> FrameHolder {
            if let holder { return holder }
            let fresh = try FrameHolder(size: size, format: format)
            holder = fresh
            return fresh
        }
    }

    private struct BufferKey: Hashable {
        let size: ImageSize
        let format: Int32
        let step: Int
    }

    // A camera needs one or two of each; a folder of images of many sizes must not pile them up.
    private static let limit = 8
    private var contexts: [ScalingContext.Key: ScalingContext] = [:]
    private var buffers: [BufferKey: FrameHolder] = [:]
    private var pools: [BufferKey: BufferPool<PooledFrame>] = [:]
    private var toneMappings: [ToneMapping.Key: ToneMapping] = [:]
    private var lastFormat: (name: PixelFormat, value: AVPixelFormat)?

    /// The context for a conversion, made when it is new.
    func context(from source: ScalingContext.End, to target: ScalingContext.End) throws -> ScalingContext {
        let key = ScalingContext.Key(source: source, target: target)
        if let known = contexts[key] { return known }
        if contexts.count >= Self.limit { contexts.removeAll() }
        let fresh = try ScalingContext(key)
        contexts[key] = fresh
        return fresh
    }

    /// The buffer between two steps of a conversion; `step` tells buffers of one kind apart.
    func buffer(_ size: ImageSize, _ format: AVPixelFormat, step: Int) throws -> FrameHolder {
        let key = BufferKey(size: size, format: format.rawValue, step: step)
        if let known = buffers[key] { return known }
        if buffers.count >= Self.limit { buffers.removeAll() }
        let fresh = try FrameHolder(size: size, format: format)
        buffers[key] = fresh
        return fresh
    }

    /// A frame for a result; it comes back when the loan is gone.
    func loan(_ size: ImageSize, _ format: AVPixelFormat) throws -> (frame: FrameHolder, loan: Loan<PooledFrame>) {
        let key = BufferKey(size: size, format: format.rawValue, step: 0)
        if pools[key] == nil {
            if pools.count >= Self.limit { pools.removeAll() }
            pools[key] = BufferPool { PooledFrame() }
        }
        guard let pool = pools[key] else { throw FrameHolder.outOfMemory() }
        let loan = pool.take()
        return (try loan.buffer.holder(size: size, format: format), loan)
    }

    /// The tables that bring colours of a high dynamic range to SDR, made when they are first needed.
    func toneMapping(_ color: ColorDescription) -> ToneMapping {
        let key = ToneMapping.Key(color)
        if let known = toneMappings[key] { return known }
        let fresh = ToneMapping(key)
        toneMappings[key] = fresh
        return fresh
    }

    /// FFmpeg's number for a format, looked up once.
    func value(of format: PixelFormat) throws -> AVPixelFormat {
        if let lastFormat, lastFormat.name == format { return lastFormat.value }
        let value = try format.avFormat()
        lastFormat = (format, value)
        return value
    }
}

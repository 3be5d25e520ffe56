import CFFmpeg
import Glibc

/// libavdevice, loaded when the first camera device is opened: it drags in eighty libraries (X11, SDL, audio)
/// that nothing else here needs.
enum DeviceLibrary {
    private static let soname = "libavdevice.so.59"

    private static let failure: String? = {
        guard let library = dlopen(soname, RTLD_NOW | RTLD_LOCAL) else {
            return dlerror().map { String(cString: $0) } ?? "it could not be loaded"
        }
        guard let symbol = dlsym(library, "avdevice_register_all") else {
            return "\(soname) has no avdevice_register_all"
        }
        unsafeBitCast(symbol, to: (@convention(c) () -> Void).self)()
        return nil
    }()

    /// Makes FFmpeg's devices (`v4l2`) known to `av_find_input_format`.
    static func load(for subject: String) throws {
        if let failure {
            throw MediaError(
                .unsupported, "open", subject, reason: "FFmpeg's device library is missing: \(failure)",
                hint: "apt-get install libavdevice59")
        }
    }
}

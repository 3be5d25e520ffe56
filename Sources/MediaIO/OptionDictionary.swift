import CFFmpeg

/// An `AVDictionary` of options, freed with this object. FFmpeg takes out what it understood.
final class OptionDictionary {
    var pointer: OpaquePointer?

    init(_ options: [String: String] = [:]) {
        for (name, value) in options { av_dict_set(&pointer, name, value, 0) }
    }

    deinit { av_dict_free(&pointer) }

    /// The names that are still in it.
    var names: [String] {
        var names: [String] = []
        var entry: UnsafeMutablePointer<AVDictionaryEntry>?
        while let next = av_dict_get(pointer, "", entry, AV_DICT_IGNORE_SUFFIX) {
            names.append(String(cString: next.pointee.key))
            entry = next
        }
        return names.sorted()
    }
}

// Reads the masks of one camera from its .mask socket: C++17 and POSIX, this header only.
//
//     segmentd::MaskReader reader("/run/segmentd/front.mask");
//     segmentd::Mask mask;
//     while (reader.read(mask) == segmentd::Read::mask)
//         if (mask.is_valid()) use(mask.at(row, column));
//
// The protocol: docs/wire.md.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace segmentd {

// The value of a pixel that has no class.
inline constexpr std::uint8_t no_class = 255;

// The bytes are not a stream of masks. Close the reader and connect again.
struct MalformedStream : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A class id for every pixel, and the facts of its frame.
struct Mask {
    std::size_t width = 0;                     // pixels
    std::size_t height = 0;                    // rows
    std::vector<std::uint8_t> ids;             // height × width, row by row
    std::uint64_t sequence = 0;                // XS
    std::chrono::nanoseconds captured{};       // XT, since the epoch
    std::chrono::microseconds latency{};       // XL, from capture to sending
    std::uint64_t dropped = 0;                 // XD, frames that this reader missed since its last one
    unsigned flags = 1;                        // XF

    // An invalid (blind) mask says nothing: every pixel is 255.
    bool is_valid() const { return (flags & 1) == 0; }

    // Why the mask is invalid; empty for a valid one.
    std::string_view cause() const {
        constexpr std::array<std::string_view, 8> names{
            "unknown", "connecting", "no_signal", "refused_frames", "too_old", "overload", "unknown", "unknown"};
        return is_valid() ? std::string_view{} : names[flags >> 1 & 7];
    }

    std::uint8_t at(std::size_t row, std::size_t column) const { return ids[row * width + column]; }
};

// What `MaskReader::read` got.
enum class Read {
    mask,    // a whole mask
    silence, // no byte within the time: the view is unknown. Read on
    closed,  // the service closed the connection: connect again with a new reader
};

// One connection to a .mask socket. It is moved, not copied; one thread at a time.
class MaskReader {
public:
    // Connects. Throws std::system_error where nothing listens at `path`, or this user may not connect.
    explicit MaskReader(const std::string &path, std::chrono::milliseconds silence = std::chrono::seconds(2))
        : silence_(silence) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (path.size() >= sizeof address.sun_path)
            throw std::system_error(ENAMETOOLONG, std::generic_category(), path);
        path.copy(address.sun_path, path.size());
        descriptor_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (descriptor_ >= 0 && ::connect(descriptor_, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0)
            return;
        const int code = errno;
        close();
        throw std::system_error(code, std::generic_category(), path);
    }

    MaskReader(const MaskReader &) = delete;
    MaskReader &operator=(const MaskReader &) = delete;
    MaskReader(MaskReader &&other) noexcept { swap(other); }
    MaskReader &operator=(MaskReader &&other) noexcept {
        MaskReader moved(std::move(other));
        swap(moved);
        return *this;
    }
    ~MaskReader() { close(); }

    // Waits for the next mask and writes it to `mask`, whose memory is used again. `mask` is complete only after
    // Read::mask. A signal ends the wait as Read::silence. Throws MalformedStream, or std::system_error.
    Read read(Mask &mask) {
        while (true) {
            if (!has_header_ || !has_facts_) {
                const auto end = pending_.find('\n');
                if (end == std::string::npos) {
                    if (pending_.size() > line_limit) throw MalformedStream("a line is too long");
                    if (const auto got = receive(); got != Read::mask) return got;
                    continue;
                }
                const auto line = pending_.substr(0, end);
                pending_.erase(0, end + 1);
                if (has_header_)
                    begin(line);
                else
                    parse_header(line);
                continue;
            }
            const auto count = std::min(pending_.size(), next_.ids.size() - filled_);
            std::memcpy(next_.ids.data() + filled_, pending_.data(), count);
            pending_.erase(0, count);
            filled_ += count;
            if (filled_ == next_.ids.size()) {
                has_facts_ = false;
                std::swap(mask, next_);
                return Read::mask;
            }
            if (const auto got = receive(); got != Read::mask) return got;
        }
    }

private:
    static constexpr std::size_t line_limit = 256; // segmentd's lines have at most 96 bytes
    static constexpr std::size_t side_limit = 8192;

    int descriptor_ = -1;
    std::chrono::milliseconds silence_{};
    std::string pending_; // bytes that came and are not used yet
    bool has_header_ = false;
    bool has_facts_ = false;
    std::size_t width_ = 0;
    std::size_t height_ = 0;
    std::size_t filled_ = 0; // bytes of next_.ids that are there
    Mask next_;              // the mask that is being received

    void swap(MaskReader &other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        std::swap(silence_, other.silence_);
        std::swap(pending_, other.pending_);
        std::swap(has_header_, other.has_header_);
        std::swap(has_facts_, other.has_facts_);
        std::swap(width_, other.width_);
        std::swap(height_, other.height_);
        std::swap(filled_, other.filled_);
        std::swap(next_, other.next_);
    }

    void close() noexcept {
        if (descriptor_ >= 0) ::close(descriptor_);
        descriptor_ = -1;
    }

    // Adds what came to `pending_`; Read::mask means that something came.
    Read receive() {
        pollfd polled{descriptor_, POLLIN, 0};
        const int ready = ::poll(&polled, 1, static_cast<int>(silence_.count()));
        if (ready == 0 || (ready < 0 && errno == EINTR)) return Read::silence;
        if (ready < 0) throw std::system_error(errno, std::generic_category(), "poll");
        std::array<char, 65536> bytes;
        const auto count = ::recv(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (count < 0 && (errno == EINTR || errno == EAGAIN)) return Read::silence;
        if (count <= 0) return Read::closed;
        pending_.append(bytes.data(), static_cast<std::size_t>(count));
        return Read::mask;
    }

    template <typename Number> static Number number(std::string_view text, int base = 10) {
        Number value{};
        const auto result = std::from_chars(text.data(), text.data() + text.size(), value, base);
        if (result.ec != std::errc{} || result.ptr != text.data() + text.size())
            throw MalformedStream("\"" + std::string(text) + "\" is no number");
        return value;
    }

    // Calls `use` with each word after the first, which must be `first`.
    template <typename Use> static void words(std::string_view line, std::string_view first, Use use) {
        bool is_first = true;
        while (!line.empty()) {
            const auto word = line.substr(0, line.find(' '));
            line.remove_prefix(std::min(line.size(), word.size() + 1));
            if (is_first && word != first) break;
            if (!is_first && !word.empty()) use(word);
            is_first = false;
        }
        if (is_first) throw MalformedStream("expected " + std::string(first));
    }

    // Tags come in any order; unknown ones are skipped.
    void parse_header(std::string_view line) {
        bool is_mono = false;
        words(line, "YUV4MPEG2", [&](std::string_view word) {
            const auto value = word.substr(1);
            if (word[0] == 'W') width_ = number<std::size_t>(value);
            if (word[0] == 'H') height_ = number<std::size_t>(value);
            if (word[0] == 'C') is_mono = value == "mono";
        });
        if (!is_mono || width_ < 1 || width_ > side_limit || height_ < 1 || height_ > side_limit)
            throw MalformedStream("this is no stream of masks: " + std::string(line));
        has_header_ = true;
    }

    void begin(std::string_view line) {
        next_.sequence = next_.dropped = 0;
        next_.captured = std::chrono::nanoseconds{};
        next_.latency = std::chrono::microseconds{};
        next_.flags = 1; // without XF nothing says that the mask is valid
        words(line, "FRAME", [&](std::string_view word) {
            const auto key = word.substr(0, 3), value = word.substr(std::min<std::size_t>(3, word.size()));
            if (key == "XS=") next_.sequence = number<std::uint64_t>(value);
            if (key == "XT=") next_.captured = std::chrono::nanoseconds(number<std::int64_t>(value));
            if (key == "XL=") next_.latency = std::chrono::microseconds(number<std::int64_t>(value));
            if (key == "XD=") next_.dropped = number<std::uint64_t>(value);
            if (key == "XF=") next_.flags = number<unsigned>(value, 16);
        });
        next_.width = width_;
        next_.height = height_;
        next_.ids.resize(width_ * height_);
        filled_ = 0;
        has_facts_ = true;
    }
};

} // namespace segmentd

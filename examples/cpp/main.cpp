// Says how far down the mask a class reaches: for a camera that looks ahead, the row of its nearest pixels.
//
//     nearest_row [-n FRAMES] /run/segmentd/front.mask 8        (8: Car; python/control.py lists the classes)
//
// A row counts when at least 1 in 64 of its pixels has the class, so that single pixels do not. The row says nothing
// of metres: that needs the calibration of your camera.
#include "segmentd_mask.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>

namespace {

volatile std::sig_atomic_t is_stopped = 0;

// The lowest row in which `id` has at least `wanted` pixels.
std::optional<std::size_t> nearest_row(const segmentd::Mask &mask, std::uint8_t id, std::ptrdiff_t wanted) {
    for (std::size_t row = mask.height; row-- > 0;) {
        const auto *first = mask.ids.data() + row * mask.width;
        if (std::count(first, first + mask.width, id) >= wanted) return row;
    }
    return std::nullopt;
}

void use(const segmentd::Mask &mask, std::uint8_t id) {
    const auto sequence = static_cast<unsigned long long>(mask.sequence);
    if (!mask.is_valid()) {
        std::printf("%llu invalid %s\n", sequence, std::string(mask.cause()).c_str());
    } else if (const auto row = nearest_row(mask, id, std::max<std::ptrdiff_t>(1, mask.width / 64))) {
        std::printf("%llu row %zu of %zu\n", sequence, *row, mask.height);
    } else {
        std::printf("%llu none\n", sequence);
    }
    std::fflush(stdout);
}

int usage() {
    std::fprintf(stderr, "usage: nearest_row [-n FRAMES] SOCKET CLASS\n");
    return 64;
}

} // namespace

int main(int argc, char **argv) {
    long left = -1; // all
    if (argc > 2 && std::string(argv[1]) == "-n") {
        left = std::atol(argv[2]);
        if (left < 1) return usage();
        argc -= 2;
        argv += 2;
    }
    if (argc != 3) return usage();
    const std::string path = argv[1];
    const int id = std::atoi(argv[2]);
    if (id < 0 || id > 254) return usage();

    // Without SA_RESTART, so that a signal ends a wait.
    struct sigaction action {};
    action.sa_handler = [](int) { is_stopped = 1; };
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);

    constexpr std::chrono::milliseconds first{100}, last{2000};
    auto backoff = first;
    segmentd::Mask mask;
    while (!is_stopped && left != 0) {
        try {
            segmentd::MaskReader reader(path);
            while (!is_stopped && left != 0) {
                const auto got = reader.read(mask);
                if (got == segmentd::Read::closed) break;
                if (got == segmentd::Read::silence) {
                    if (!is_stopped) std::fprintf(stderr, "no frame for 2 s: the view is unknown\n");
                    continue;
                }
                use(mask, static_cast<std::uint8_t>(id));
                backoff = first;
                if (left > 0) --left;
            }
        } catch (const std::exception &error) {
            std::fprintf(stderr, "%s\n", error.what());
        }
        if (is_stopped || left == 0) break;
        std::this_thread::sleep_for(backoff);
        backoff = std::min(2 * backoff, last);
    }
    return 0;
}

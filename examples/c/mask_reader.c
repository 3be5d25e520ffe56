/* Reads the masks of one camera from its .mask socket and prints a line for each frame.
 *
 *     mask_reader [-n FRAMES] [-t SECONDS] /run/segmentd/front.mask
 *
 * C11 and POSIX, no library. Copy it and replace `use_frame`. The protocol: docs/wire.md.
 * The program connects again, after 0.1 s to 2 s, whenever the service is away. SIGINT and SIGTERM end it.
 */
#define _GNU_SOURCE /* ppoll */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_LIMIT = 256,       /* segmentd's lines have at most 96 bytes */
    BUFFER_BYTES = 65536,
    SIDE_LIMIT = 8192,      /* the largest side that segmentd's `size` allows */
    BACKOFF_FIRST_MS = 100,
    BACKOFF_LAST_MS = 2000,
};

/* What the header says. */
struct stream {
    size_t width, height; /* pixels */
};

/* What the line before a frame says. */
struct facts {
    uint64_t sequence;   /* XS */
    int64_t captured;    /* XT, nanoseconds since the epoch */
    uint64_t latency_us; /* XL, capture to sending */
    uint64_t dropped;    /* XD, frames that this reader missed since its last one */
    unsigned flags;      /* XF */
};

enum outcome { OK, CLOSED, MALFORMED, STOPPED };

/* A connection and the bytes that came and are not used yet: buffer[start..<end]. */
struct connection {
    int descriptor;
    int silence_ms; /* say so after this time without a byte */
    size_t start, end;
    unsigned char buffer[BUFFER_BYTES];
};

static volatile sig_atomic_t is_stopped;
static sigset_t mask_while_waiting; /* lets SIGINT and SIGTERM in; they are blocked elsewhere, so none is missed */

static void stop(int number)
{
    (void)number;
    is_stopped = 1;
}

/* Waits until `descriptor` can be read, or without one (-1) for the time. Returns 0 when the time is over. */
static int wait_for(int descriptor, int milliseconds)
{
    struct pollfd polled = {.fd = descriptor, .events = POLLIN, .revents = 0};
    struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = (long)(milliseconds % 1000) * 1000000};
    return ppoll(&polled, 1, &time, &mask_while_waiting);
}

/* Reads at least one byte more into the empty buffer. A read may return less than a line or a frame. */
static enum outcome fill(struct connection *c)
{
    for (;;) {
        if (is_stopped) return STOPPED;
        int ready = wait_for(c->descriptor, c->silence_ms);
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) return CLOSED;
        if (ready == 0) {
            fprintf(stderr, "no frame for %.1f s: the view is unknown\n", c->silence_ms / 1000.0);
            continue;
        }
        ssize_t count = read(c->descriptor, c->buffer, sizeof c->buffer);
        if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (count <= 0) return CLOSED;
        c->start = 0;
        c->end = (size_t)count;
        return OK;
    }
}

/* Reads a line into `line`, with a zero instead of the line feed. */
static enum outcome read_line(struct connection *c, char line[LINE_LIMIT])
{
    for (size_t length = 0; length < LINE_LIMIT;) {
        if (c->start == c->end) {
            enum outcome outcome = fill(c);
            if (outcome != OK) return outcome;
        }
        char byte = (char)c->buffer[c->start++];
        if (byte == '\n') {
            line[length] = 0;
            return OK;
        }
        line[length++] = byte;
    }
    return MALFORMED;
}

/* Reads exactly `count` bytes. */
static enum outcome read_exactly(struct connection *c, unsigned char *bytes, size_t count)
{
    while (count > 0) {
        if (c->start == c->end) {
            enum outcome outcome = fill(c);
            if (outcome != OK) return outcome;
        }
        size_t part = c->end - c->start < count ? c->end - c->start : count;
        memcpy(bytes, c->buffer + c->start, part);
        c->start += part;
        bytes += part;
        count -= part;
    }
    return OK;
}

/* A whole decimal or hexadecimal number; false where `text` is none. */
static bool number(const char *text, int base, uint64_t *value)
{
    char *end;
    if (*text == 0 || *text == '-' || *text == '+' || *text == ' ') return false;
    errno = 0;
    *value = strtoull(text, &end, base);
    return errno == 0 && *end == 0;
}

/* `YUV4MPEG2 W64 H64 F30:1 … Cmono …`: the tags come in any order, unknown ones are skipped. */
static enum outcome parse_header(char *line, struct stream *stream)
{
    uint64_t width = 0, height = 0;
    bool is_mono = false;
    char *rest = NULL;
    char *word = strtok_r(line, " ", &rest);
    if (word == NULL || strcmp(word, "YUV4MPEG2") != 0) return MALFORMED;
    while ((word = strtok_r(NULL, " ", &rest)) != NULL) {
        if (word[0] == 'W' && !number(word + 1, 10, &width)) return MALFORMED;
        if (word[0] == 'H' && !number(word + 1, 10, &height)) return MALFORMED;
        if (word[0] == 'C') is_mono = strcmp(word, "Cmono") == 0;
    }
    if (!is_mono || width < 1 || width > SIDE_LIMIT || height < 1 || height > SIDE_LIMIT) return MALFORMED;
    stream->width = (size_t)width;
    stream->height = (size_t)height;
    return OK;
}

/* `FRAME XS=… XT=… XL=… XD=… XF=…`: the tags come in any order, unknown ones are skipped. */
static enum outcome parse_facts(char *line, struct facts *facts)
{
    uint64_t captured = 0, flags = 1; /* without XF nothing says that the mask is valid */
    char *rest = NULL;
    char *word = strtok_r(line, " ", &rest);
    if (word == NULL || strcmp(word, "FRAME") != 0) return MALFORMED;
    *facts = (struct facts){0};
    while ((word = strtok_r(NULL, " ", &rest)) != NULL) {
        bool is_good = true;
        if (strncmp(word, "XS=", 3) == 0) is_good = number(word + 3, 10, &facts->sequence);
        if (strncmp(word, "XT=", 3) == 0) is_good = number(word + 3, 10, &captured);
        if (strncmp(word, "XL=", 3) == 0) is_good = number(word + 3, 10, &facts->latency_us);
        if (strncmp(word, "XD=", 3) == 0) is_good = number(word + 3, 10, &facts->dropped);
        if (strncmp(word, "XF=", 3) == 0) is_good = number(word + 3, 16, &flags);
        if (!is_good || captured > INT64_MAX) return MALFORMED;
    }
    facts->captured = (int64_t)captured;
    facts->flags = (unsigned)(flags & 0xff);
    return OK;
}

static bool is_valid(const struct facts *facts) { return (facts->flags & 1) == 0; }

/* Why a mask is invalid: bits 1 to 3 of XF. */
static const char *cause(const struct facts *facts)
{
    static const char *const names[8] = {
        "unknown", "connecting", "no_signal", "refused_frames", "too_old", "overload", "unknown", "unknown"};
    return names[facts->flags >> 1 & 7];
}

/* What to do with a frame: `ids` has height × width class ids, row by row; 255 is no class. */
static void use_frame(const struct stream *stream, const struct facts *facts, const unsigned char *ids)
{
    printf("%" PRIu64 " %" PRId64 ".%09" PRId64 " latency %.3f ms dropped %" PRIu64, facts->sequence,
           facts->captured / 1000000000, facts->captured % 1000000000, (double)facts->latency_us / 1000,
           facts->dropped);
    if (!is_valid(facts)) {
        printf(" invalid %s\n", cause(facts));
        return;
    }
    size_t counts[256] = {0}, pixels = stream->width * stream->height;
    for (size_t i = 0; i < pixels; i++) counts[ids[i]]++;
    printf(" classes");
    for (int id = 0; id < 256; id++)
        if (counts[id] > 0) printf(" %d:%.4f", id, (double)counts[id] / (double)pixels);
    printf("\n");
}

/* Connects to `path`; -1 with `errno` where nothing listens there. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0) return descriptor;
    int code = errno;
    close(descriptor);
    errno = code;
    return -1;
}

/* Reads one connection to its end; `left` frames are wanted, 0 or less: all. Counts in `left`. A frame that the end
 * of the connection cut off is not used. */
static enum outcome read_stream(struct connection *c, long *left, bool is_endless)
{
    char line[LINE_LIMIT];
    struct stream stream;
    enum outcome outcome = read_line(c, line);
    if (outcome == OK) outcome = parse_header(line, &stream);
    if (outcome != OK) return outcome;
    /* The size may differ from the one before the connection was made again. */
    fprintf(stderr, "stream of %zux%zu\n", stream.width, stream.height);
    unsigned char *ids = malloc(stream.width * stream.height);
    if (ids == NULL) return MALFORMED;
    while (outcome == OK && (is_endless || *left > 0)) {
        struct facts facts;
        outcome = read_line(c, line);
        if (outcome == OK) outcome = parse_facts(line, &facts);
        if (outcome == OK) outcome = read_exactly(c, ids, stream.width * stream.height);
        if (outcome != OK) break;
        use_frame(&stream, &facts, ids);
        --*left;
    }
    free(ids);
    return outcome;
}

static int usage(void)
{
    fprintf(stderr, "usage: mask_reader [-n FRAMES] [-t SECONDS] SOCKET\n"
                    "  -n  end after this many frames (default: none, read until SIGINT)\n"
                    "  -t  say so when no frame came for this time (default: 2)\n");
    return 64;
}

int main(int argc, char **argv)
{
    long left = 0;
    double seconds = 2;
    static struct connection connection;
    int option;
    while ((option = getopt(argc, argv, "n:t:")) != -1) {
        char *end = NULL;
        if (option == 'n') left = strtol(optarg, &end, 10);
        if (option == 't') seconds = strtod(optarg, &end);
        if (end == NULL || *end != 0 || left < 0 || !(seconds > 0 && seconds <= 3600)) return usage();
    }
    if (argc - optind != 1) return usage();
    bool is_endless = left == 0;
    connection.silence_ms = (int)(seconds * 1000);

    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigprocmask(SIG_BLOCK, &ours, &mask_while_waiting);
    sigdelset(&mask_while_waiting, SIGINT);
    sigdelset(&mask_while_waiting, SIGTERM);
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);

    int backoff_ms = BACKOFF_FIRST_MS;
    while (!is_stopped && (is_endless || left > 0)) {
        long before = left;
        connection.start = connection.end = 0;
        connection.descriptor = connect_to(argv[optind]);
        if (connection.descriptor < 0) {
            fprintf(stderr, "%s: %s\n", argv[optind], strerror(errno));
            if (errno == ENAMETOOLONG) return 64;
        } else {
            enum outcome outcome = read_stream(&connection, &left, is_endless);
            close(connection.descriptor);
            if (outcome == CLOSED) fprintf(stderr, "the service closed the connection\n");
            if (outcome == MALFORMED) fprintf(stderr, "this is no stream of masks\n");
        }
        if (left != before) backoff_ms = BACKOFF_FIRST_MS;
        if (!is_stopped && (is_endless || left > 0)) wait_for(-1, backoff_ms);
        backoff_ms = backoff_ms * 2 < BACKOFF_LAST_MS ? backoff_ms * 2 : BACKOFF_LAST_MS;
    }
    return 0;
}

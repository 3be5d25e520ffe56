"""The faults that come from what the machine gives: a log that nobody reads, descriptors, threads, time."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from outcome import Outcome, fault
from rig import Rig, now
from scenarios import recovery
from verdict import longest_gap_ms

END_SECONDS = 15


class LogPipe:
    """A pipe that is the daemon's standard error. It is copied to `path` as long as `reads` is true."""

    def __init__(self, path: Path):
        self.output, self.input = os.pipe()
        fcntl.fcntl(self.input, fcntl.F_SETPIPE_SZ, 4096)
        os.set_blocking(self.output, False)
        self.path = path
        self.reads = True
        self.is_open = True
        self.thread = threading.Thread(target=self.copy, daemon=True)
        self.thread.start()

    def copy(self) -> None:
        with self.path.open("ab", buffering=0) as file:
            while self.is_open:
                try:
                    if self.reads and (data := os.read(self.output, 65536)):
                        file.write(data)
                        continue
                except BlockingIOError:
                    pass
                time.sleep(0.01)

    def stand_still(self) -> None:
        """Nobody reads any more, and the pipe is full."""
        self.reads = False
        time.sleep(0.1)
        # A description of its own: the daemon's writes still wait.
        full = os.open(f"/proc/self/fd/{self.input}", os.O_WRONLY | os.O_NONBLOCK)
        try:
            for size in (4096, 1):
                try:
                    while True:
                        os.write(full, b"\n" * size)
                except BlockingIOError:
                    pass
        finally:
            os.close(full)

    def close(self) -> None:
        self.is_open = False
        self.thread.join(5)
        os.close(self.output)
        os.close(self.input)


def page(rig: Rig, path: str, timeout: float = 3) -> tuple[int, str]:
    """Status and body of a page of the HTTP port; 0 and the reason where it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{rig.http_port}{path}", timeout=timeout) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)


def end_by_sigterm(rig: Rig, outcome: Outcome, while_: str) -> None:
    rig.daemon.signal(signal.SIGTERM)
    asked = time.monotonic()
    try:
        status = rig.daemon.process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        outcome.fail(f"segmentd had not ended {END_SECONDS} s after SIGTERM while {while_}")
        rig.daemon.end()
        return
    outcome.note(f"ended {time.monotonic() - asked:.2f} s after SIGTERM, status {status}")
    if status != 0:
        outcome.fail(f"exit status {status} after SIGTERM while {while_}")


@fault("log stands still (nobody reads it)", is_short=True)
def log_stands_still(bench, outcome: Outcome) -> None:
    with Rig(bench, top={"report_interval_s": 1, "log_level": "debug"}) as rig:
        pipe = LogPipe(rig.daemon_log)
        try:
            rig.start(log=pipe.input)
            outcome.begin(rig)
            pipe.stand_still()
            moment = now()
            # A camera that goes and comes is told of, and so is every reader and every second's report.
            rig.cameras["front"].server.signal(signal.SIGKILL)
            time.sleep(3)
            outcome.expect_blind(rig)
            rig.cameras["front"].start()
            recovery(rig, outcome, now())
            time.sleep(5)
            gap = longest_gap_ms(rig.sightings("rear"), moment, now())
            outcome.note(f"longest gap of the other camera {gap:.0f} ms while the log stood still")
            for path in ("/live", "/ready"):
                if rig.http_port is not None and page(rig, path)[0] != 200:
                    outcome.fail(f"{path} says {page(rig, path)} while masks go on and only the log stands still")
            if not rig.status():
                outcome.fail("the control socket does not answer")
            outcome.end(rig)
            end_by_sigterm(rig, outcome, "nobody reads its log")
        finally:
            pipe.reads = True
            pipe.close()


@fault("odd RTP stamps", is_short=True)
def odd_stamps(bench, outcome: Outcome) -> None:
    """One picture's time stamp is hours off, with no packet lost: at most that picture may be doubted."""
    with Rig(bench, proxy=True) as rig:
        rig.start()
        proxy = rig.cameras["front"].proxy
        outcome.begin(rig)
        worst = 0.0
        for hours in (1, -1, 6.6, -6.6, 13.2, 0.01):
            moment = now()
            before = proxy.shifted
            proxy.shift_after_key = int(hours * 3600 * 90_000)
            until = time.monotonic() + 5
            while proxy.shifted == before and time.monotonic() < until:
                time.sleep(0.01)
            if proxy.shifted == before:
                outcome.fail("the camera sent no picture behind a key frame")
                return
            time.sleep(1.5)
            gap = longest_gap_ms(rig.sightings(), moment, now() - 200_000_000)
            worst = max(worst, gap)
            # Until the next key frame it would be most of a second.
            if gap > 600:
                outcome.fail(f"a stamp {hours:+g} h off cost {gap:.0f} ms of masks")
        outcome.note(f"longest gap {worst:.0f} ms")
        plays = sum(stream == "event" and what == "play" for _, stream, what, _, _ in rig.feed())
        if plays != 1:
            outcome.fail(f"the camera was opened {plays} times")
        outcome.end(rig)


@fault("descriptors run out and come back", is_short=True)
def descriptors(bench, outcome: Outcome) -> None:
    with Rig(bench) as rig:
        rig.start()
        outcome.begin(rig)
        moment = now()
        spare = 12
        limit = outcome.before["fds"] + spare
        resource.prlimit(rig.daemon_pid, resource.RLIMIT_NOFILE, (limit, limit))
        idle: list[socket.socket] = []
        busy = processor_seconds(rig.daemon_pid)
        for _ in range(70):
            if rig.http_port is not None:
                connect(idle, socket.AF_INET, ("127.0.0.1", rig.http_port))
            for path in ("control", "rear.mask", "front.color"):
                connect(idle, socket.AF_UNIX, str(rig.folder / "run" / path))
        time.sleep(4)
        used = processor_seconds(rig.daemon_pid) - busy
        outcome.note(f"{len(idle)} connections, {limit} descriptors, {used:.1f} s of processor time in 4 s")
        # A camera that has to be opened anew meanwhile is tried again until it can be.
        rig.cameras["front"].server.signal(signal.SIGKILL)
        time.sleep(1.5)
        rig.cameras["front"].start()
        time.sleep(2)
        gap = longest_gap_ms(rig.sightings("rear"), moment, now())
        if gap > 1000:
            outcome.fail(f"the other camera's reader got nothing for {gap:.0f} ms while descriptors were out")
        for one in idle:
            one.close()
        again = now()
        recovery(rig, outcome, again)
        until = time.monotonic() + 10
        answers: dict[str, object] = {}
        while time.monotonic() < until:
            answers = {"control": bool(rig.status())}
            if rig.http_port is not None:
                answers.update({path: page(rig, path)[0] for path in ("/live", "/ready", "/metrics")})
            if all(value in (True, 200) for value in answers.values()):
                break
            time.sleep(0.2)
        else:
            outcome.fail(f"10 s after the connections were closed not all answers: {answers}")
        outcome.note(f"all answers {(now() - again) / 1e9:.1f} s after the connections were closed")
        outcome.end(rig, settle=2)
        end_by_sigterm(rig, outcome, "it had run out of descriptors before")


def connect(connections: list[socket.socket], family: int, address) -> None:
    one = socket.socket(family)
    one.settimeout(0.2)
    try:
        one.connect(address)
    except OSError:
        one.close()
        return
    connections.append(one)


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@fault("suspend: everything stops, then goes on", is_short=True)
def suspend(bench, outcome: Outcome) -> None:
    """Service and cameras stop together for seconds, as in a vehicle that sleeps. The cameras leave out whole groups of
    pictures, so the frame numbers fit by chance: only the time tells that pictures are missing."""
    with Rig(bench) as rig:
        rig.start()
        outcome.begin(rig)
        for seconds in (2, 3, 3, 10):
            everything = [rig.daemon, *(camera.server for camera in rig.cameras.values())]
            for process in everything:
                process.signal(signal.SIGSTOP)
            time.sleep(seconds)
            for process in reversed(everything):
                process.signal(signal.SIGCONT)
            woken = now()
            outcome.began = woken
            recovery(rig, outcome, woken)
            outcome.note(f"slept {seconds} s: masks {outcome.outage_ms:.0f} ms after it woke")
            rig.wait_for_masks("rear", 5, since=woken, timeout=15)
        outcome.end(rig, rear_may_pause=True)


@fault("the sockets' folder is removed", is_short=True)
def folder_removed(bench, outcome: Outcome) -> None:
    """Somebody cleans the folder of the sockets: readers stay, and new ones can connect again soon."""
    with Rig(bench) as rig:
        rig.start()
        outcome.begin(rig)
        moment = now()
        shutil.rmtree(rig.folder / "run")
        until = time.monotonic() + 5
        while not (reader_gets_masks(rig.socket("front")) and rig.status()):
            if time.monotonic() > until:
                outcome.fail("5 s after the folder was removed no new reader or no request is served")
                break
            time.sleep(0.1)
        else:
            outcome.note(f"readers and requests were served again after {(now() - moment) / 1e9:.1f} s")
        gap = max(longest_gap_ms(rig.sightings(name), moment, now()) for name in rig.cameras)
        if gap > 1000:
            outcome.fail(f"a reader that was connected got nothing for {gap:.0f} ms")
        outcome.end(rig)
        end_by_sigterm(rig, outcome, "its folder had been removed")


def reader_gets_masks(path: str) -> bool:
    """Whether a new reader gets a header and the line of a frame within 2 s."""
    try:
        with socket.socket(socket.AF_UNIX) as reader:
            reader.settimeout(2)
            reader.connect(path)
            file = reader.makefile("rb")
            return file.readline().startswith(b"YUV4MPEG2") and file.readline().startswith(b"FRAME")
    except OSError:
        return False


@fault("clock jumps in files", is_short=True)
def file_clock_jumps(bench, outcome: Outcome) -> None:
    """`segment` of recordings whose clock jumps: what it writes is as long as its pictures take."""
    folder = Path(tempfile.mkdtemp(prefix="segmentd-faults-"))
    try:
        parts = {}
        for name, offset in (("first", 10), ("hours", 36_000), ("back", 2)):
            parts[name] = folder / f"{name}.ts"
            make = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x128:rate=15:duration=2", "-c:v",
                    "libx264", "-g", "15", "-bf", "0", "-muxdelay", "0", "-output_ts_offset", str(offset), "-f",
                    "mpegts", str(parts[name])]
            subprocess.run(make, check=True, stdin=subprocess.DEVNULL)
        cases = {"later": ["hours"], "forward": ["first", "hours"], "backward": ["first", "back"],
                 "both": ["first", "hours", "back"]}
        for case, names in cases.items():
            source = folder / f"{case}.ts"
            source.write_bytes(b"".join(parts[name].read_bytes() for name in names))
            for ending in ("mp4", "mkv", "mov", "webm"):
                check_pace(bench, outcome, source, folder / f"{case}.{ending}", pictures=30 * len(names))
    finally:
        if bench.keeps:
            outcome.note(f"kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def check_pace(bench, outcome: Outcome, source: Path, output: Path, pictures: int) -> None:
    title = f"{source.name} to {output.suffix[1:]}"
    done = subprocess.run([bench.segmentd, "segment", source, "-o", output, "--size", bench.size], capture_output=True,
                          text=True, timeout=120, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        outcome.fail(f"{title}: status {done.returncode}: {done.stderr.strip()[-200:]}")
        return
    probe = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts_time", "-of", "json",
             str(output)]
    packets = json.loads(subprocess.run(probe, capture_output=True, text=True, check=True).stdout)["packets"]
    times = sorted(float(packet["pts_time"]) for packet in packets)
    expected = (pictures - 1) / 15
    steps = [b - a for a, b in zip(times, times[1:])]
    # A join may lose a picture, and may take a few intervals.
    if len(times) < pictures - 2:
        outcome.fail(f"{title}: {len(times)} pictures where {pictures} went in")
    elif abs(times[-1] - times[0] - expected) > 1 or times[0] > 0.5:
        outcome.fail(f"{title}: from {times[0]:.2f} to {times[-1]:.2f} s where {expected:.2f} s were due")
    elif min(steps) < 0.5 / 15 or max(steps) > 1:
        outcome.fail(f"{title}: pictures are {1000 * min(steps):.0f} to {1000 * max(steps):.0f} ms apart, not 67")

"""The faults that come from the machine's and the consumers' side."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

from outcome import Outcome, Skipped, fault
from rig import HERE, PYTHON, Process, Rig, now
from scenarios import recovery
from verdict import longest_gap_ms
from y4m import Header


# Reads whole frames and forgets them; for consumers that only have to be there.
READER = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); f = s.makefile("rb")
head = {t[0]: t[1:] for t in f.readline().decode().split()[1:]}
size = int(head["W"]) * int(head["H"]) * (3 if head["C"] == "444" else 1)
print("ready", flush=True)
while line := f.readline():
    if not line.startswith(b"FRAME") or len(f.read(size)) != size: sys.exit("broken")
    print(line.decode().split()[1], flush=True)
"""


class Clock:
    """The wall clock of a daemon that is started with `environment`."""

    def __init__(self, rig: Rig):
        compiler = next(filter(None, map(shutil.which, ("cc", "clang", "gcc"))), None)
        if compiler is None:
            raise Skipped("there is no C compiler for clockshift.c")
        library, self.offset = rig.folder / "clockshift.so", rig.folder / "clock"
        subprocess.run([compiler, "-O2", "-fPIC", "-shared", HERE / "clockshift.c", "-ldl", "-o", library], check=True)
        self.offset.write_bytes(struct.pack("q", 0))
        self.environment = {"LD_PRELOAD": str(library), "CLOCKSHIFT": str(self.offset)}

    def set(self, seconds: int) -> None:
        """Moves it to `seconds` from the true time."""
        with self.offset.open("r+b") as file:
            file.write(struct.pack("q", seconds))


@fault("clock jumps while a camera is away", is_short=True)
def clock_jump_while_away(bench, outcome: Outcome) -> None:
    """Waits with a deadline by the wall clock would take an hour: no blind mask, no attempt to open the camera again.
    The kernel's clock stays, so what hangs here after +1 h hangs in a vehicle whose clock is set back."""
    with Rig(bench) as rig:
        clock = Clock(rig)
        rig.start(environment=clock.environment)
        outcome.begin(rig)
        for jump in (3600, -3600):
            rig.cameras["front"].server.signal(signal.SIGKILL)
            time.sleep(1)
            clock.set(jump)
            changed = now()
            time.sleep(3)
            blind = [one for one in rig.sightings(since=changed) if one[6] & 1]
            if len(blind) < 10:
                outcome.fail(f"{len(blind)} blind masks in 3 s after the clock went to {jump:+d} s")
            rig.cameras["front"].start()
            recovery(rig, outcome, now())
        outcome.end(rig, clock_is_true=False)


@fault("clock jumps +1 h, then -2 h", is_short=True)
def clock_jump(bench, outcome: Outcome) -> None:
    """Moves the wall clock of segmentd alone; CLOCK_MONOTONIC stays, as when NTP steps a clock."""
    with Rig(bench) as rig:
        clock = Clock(rig)
        rig.start(environment=clock.environment)
        outcome.begin(rig)
        # Seconds that XT is ahead of the true clock after each jump.
        for jump in (0, 3600, -3600):
            clock.set(jump)
            moment = now()
            time.sleep(4)
            seen = [one for one in rig.sightings(since=moment + 1_000_000_000)]
            valid = [one for one in seen if not one[6] & 1]
            if not valid:
                outcome.fail(f"no masks after the clock went to {jump:+d} s")
                continue
            ahead = (valid[-1][3] - valid[-1][1]) / 1e9
            gap = longest_gap_ms(rig.sightings(), moment, now())
            outcome.note(f"clock {jump:+d} s: XT is {ahead:+.2f} s from the true time, XL {valid[-1][4] / 1000:.0f} ms, "
                         f"longest gap {gap:.0f} ms")
            if gap > 1000:
                outcome.fail(f"no mask for {gap:.0f} ms when the clock went to {jump:+d} s")
            if abs(ahead - jump) > 2:
                outcome.fail(f"XT is {ahead:+.1f} s from the true time where the clock is {jump:+d} s")
        # The camera that did nothing wrong must not have been opened anew.
        plays = sum(stream == "event" and what == "play" for _, stream, what, _, _ in rig.feed())
        if plays != 1:
            outcome.fail(f"the camera was opened {plays} times")
        outcome.end(rig, clock_is_true=False)


@fault("a consumer freezes (SIGSTOP)", is_short=True)
def frozen_consumer(bench, outcome: Outcome) -> None:
    with Rig(bench, sockets={"client_timeout_ms": 3000}) as rig:
        rig.start()
        readers = [Process([PYTHON, "-c", READER, rig.socket("front", kind)], stdout=subprocess.PIPE,
                           stderr=rig.noise) for kind in ("mask", "color")]
        rig.processes += readers
        for reader in readers:
            reader.process.stdout.readline()
        time.sleep(1)
        outcome.begin(rig)
        for reader in readers:
            reader.signal(signal.SIGSTOP)
        moment = now()
        time.sleep(7)
        gap = longest_gap_ms(rig.sightings(), moment, now())
        outcome.note(f"longest gap of the other reader {gap:.0f} ms")
        if gap > 1000:
            outcome.fail(f"another reader got nothing for {gap:.0f} ms")
        held = rig.usage()["fds"]
        if held > outcome.before["fds"] - 2:
            outcome.fail(f"the frozen readers were not closed after 3 s ({held} descriptors)")
        for reader in readers:
            reader.signal(signal.SIGCONT)
        for reader in readers:
            # All that it still gets are whole frames, or a stream cut off by the close.
            reader.process.communicate(timeout=10)
        outcome.end(rig)


@fault("50 consumers come and go", is_short=True)
def many_consumers(bench, outcome: Outcome) -> None:
    with Rig(bench, sockets={"max_clients": 64}) as rig:
        rig.start()
        outcome.begin(rig)
        moment = now()
        until = time.monotonic() + 10
        counts = {"served": 0, "frames": 0}
        problems: list[str] = []
        lock = threading.Lock()

        def come_and_go(seed: int) -> None:
            chance = random.Random(seed)
            while time.monotonic() < until:
                try:
                    frames = visit(rig.socket(chance.choice(["front", "rear"])), chance)
                except (OSError, ValueError, KeyError) as error:
                    with lock:
                        problems.append(f"{type(error).__name__}: {error}")
                    time.sleep(0.1)
                    continue
                with lock:
                    counts["served"] += 1
                    counts["frames"] += frames
                time.sleep(chance.random() * 0.2)

        threads = [threading.Thread(target=come_and_go, args=(seed,)) for seed in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        outcome.note(f"{counts['served']} visits, {counts['frames']} frames")
        if problems:
            outcome.fail(f"{len(problems)} visits went wrong, such as: {problems[0]}")
        if counts["served"] < 100:
            outcome.fail(f"only {counts['served']} visits were served in 10 s")
        gap = longest_gap_ms(rig.sightings(), moment, now())
        if gap > 1000:
            outcome.fail(f"the standing reader got nothing for {gap:.0f} ms")
        outcome.end(rig, settle=2)


def visit(path: str, chance: random.Random) -> int:
    """Connects, reads up to five frames whole, leaves: politely, within a frame, or before the first byte."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(8)
        connection.connect(path)
        if chance.random() < 0.1:
            return 0
        with connection.makefile("rb") as file:
            header = Header(file.readline())
            wanted = chance.randrange(1, 6)
            for _ in range(wanted):
                line = file.readline()
                if not line.startswith(b"FRAME ") or len(file.read(header.pixel_bytes)) != header.pixel_bytes:
                    raise ValueError("a frame was not whole")
            if chance.random() < 0.5:
                file.read(header.pixel_bytes // 3)
            return wanted


@fault("wrong reload, then a right one", is_short=True)
def bad_reload(bench, outcome: Outcome) -> None:
    with Rig(bench) as rig:
        rig.start()
        outcome.begin(rig)
        good = rig.config_path.read_text()
        moment = now()
        for wrong in ('{"cameras": [{"name": "front"', good.replace('"threads"', '"treads"'),
                      good.replace('"cameras": [', '"cameras": [{"name": "front", "source": "synthetic:"},')):
            rig.config_path.write_text(wrong)
            before = len(rig.daemon_log.read_text())
            rig.daemon.signal(signal.SIGHUP)
            time.sleep(1.5)
            if rig.daemon.process.poll() is not None:
                outcome.fail(f"segmentd ended with status {rig.daemon.process.returncode} on a wrong configuration")
                return
            told = rig.daemon_log.read_text()[before:]
            if "config.yaml" not in told:
                outcome.fail("the log says nothing of the wrong configuration")
        if not rig.status().get("configuration", {}).get("error"):
            outcome.fail("status does not tell of the wrong configuration")
        gap = longest_gap_ms(rig.sightings(), moment, now())
        if gap > 1000:
            outcome.fail(f"a wrong configuration cost {gap:.0f} ms of masks")

        # A right one that changes only the other camera.
        rig.write_configuration(camera_rear={"max_fps": 5})
        moment = now()
        rig.daemon.signal(signal.SIGHUP)
        time.sleep(4)
        gap = longest_gap_ms(rig.sightings(), moment, now())
        outcome.note(f"longest gap of the untouched camera {gap:.0f} ms")
        if gap > 1000:
            outcome.fail(f"changing the other camera cost this one {gap:.0f} ms of masks")
        sequences = [one[2] for one in rig.sightings()]
        plays = sum(stream == "event" and what == "play" for _, stream, what, _, _ in rig.feed())
        if plays != 1 or sorted(sequences) != sequences:
            outcome.fail("the untouched camera was opened anew")
        rear = [one for one in rig.sightings("rear", since=now() - 2_000_000_000) if not one[6] & 1]
        if not 5 <= len(rear) <= 13:
            outcome.fail(f"max_fps 5 gave {len(rear)} masks in 2 s")
        if rig.status().get("configuration", {}).get("error"):
            outcome.fail("status still tells of the wrong configuration after a right one")
        # This reload concerns the other camera.
        outcome.end(rig, rear_may_pause=True)


@fault("the disk is full")
def full_disk(bench, outcome: Outcome) -> None:
    with Rig(bench) as rig:
        disk = rig.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "segmentd-faults", str(disk)],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            raise Skipped(f"no small tmpfs can be mounted here: {mounted.stderr.strip()}")
        try:
            record_to(rig, disk, bench, outcome)
        finally:
            rig.daemon and rig.daemon.end()
            subprocess.run(["umount", "-l", str(disk)], check=False)


def record_to(rig: Rig, disk: Path, bench, outcome: Outcome) -> None:
    path = str(disk / "front.mkv")
    # The whole disk is smaller than what the default leaves free.
    rig.settings["camera_front"] = {"recordings": [{"path": path, "min_free_mb": 0, **bench.recording_settings}]}
    rig.start()
    outcome.begin(rig)
    moment = now()
    ballast = disk / "ballast"
    try:
        ballast.write_bytes(bytes(4 << 20))
    except OSError:
        pass
    time.sleep(8)
    gap = longest_gap_ms(rig.sightings(), moment, now())
    if gap > 1000:
        outcome.fail(f"the full disk cost {gap:.0f} ms of masks")
    states = [one.get("state") for camera in rig.status().get("cameras", []) for one in camera.get("recordings", [])]
    if "disk_full" not in states:
        outcome.fail(f"status does not tell of the full disk: recordings are {states}")
    outcome.note(f"recordings: {', '.join(map(str, states))} while it is full")
    ballast.unlink(missing_ok=True)
    time.sleep(5)
    outcome.end(rig)
    rig.daemon.signal(signal.SIGTERM)
    rig.daemon.process.wait(15)
    videos = sorted(file for file in disk.rglob("*") if file.suffix == ".mkv")
    for video in videos:
        check_playable(video, outcome)
    outcome.note(f"{len(videos)} finished files, all that stand there: "
                 f"{sorted(str(file.relative_to(disk)) for file in disk.rglob('*'))[:8]}")
    if not videos:
        outcome.fail("no finished recording stands on the disk")


def check_playable(video: Path, outcome: Outcome) -> None:
    # By its own time stamps: a camera's frames are not evenly spaced.
    check = subprocess.run(["ffmpeg", "-v", "error", "-i", str(video), "-vsync", "passthrough", "-enc_time_base", "-1",
                            "-f", "null", "-"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if check.returncode != 0 or check.stderr:
        outcome.fail(f"{video.name} is not playable: {check.stderr.strip()[:120]}")


@fault("SIGTERM under load", is_short=True)
def terminated(bench, outcome: Outcome) -> None:
    with Rig(bench) as rig:
        recordings = rig.folder / "recordings"
        recordings.mkdir()
        for name in rig.cameras:
            rig.settings[f"camera_{name}"] = {
                "recordings": [{"path": str(recordings / f"{name}.mkv"), **bench.recording_settings}]}
        rig.start()
        readers = [Process([PYTHON, "-c", READER, rig.socket(name, kind)], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE) for name in rig.cameras for kind in ("mask", "color")]
        rig.processes += readers
        time.sleep(3)
        outcome.begin(rig)
        outcome.end(rig, settle=0)
        rig.daemon.signal(signal.SIGTERM)
        asked = time.monotonic()
        try:
            status = rig.daemon.process.wait(15)
        except subprocess.TimeoutExpired:
            outcome.fail("segmentd had not ended 15 s after SIGTERM")
            return
        outcome.note(f"ended after {time.monotonic() - asked:.2f} s, status {status}")
        if status != 0:
            outcome.fail(f"exit status {status}: {rig.last_words()}")
        for reader in readers:
            _, errors = reader.process.communicate(timeout=10)
            if reader.process.returncode != 0:
                outcome.fail(f"a reader did not get whole frames: {errors.strip()[-80:]}")
        left = [name for name in os.listdir(rig.folder / "run") if not name.endswith(".lock")]
        if left:
            outcome.fail(f"left behind: {left}")
        videos = sorted(recordings.rglob("*.mkv"))
        partial = [file.name for file in recordings.rglob("*") if ".unfinished." in file.name]
        if partial:
            outcome.fail(f"left unfinished: {partial}")
        if len(videos) < len(rig.cameras):
            outcome.fail(f"{len(videos)} recordings for {len(rig.cameras)} cameras")
        for video in videos:
            check_playable(video, outcome)

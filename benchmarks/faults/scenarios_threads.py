"""Faults of the machine: it gives no thread, at the start or while the service runs."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from outcome import Outcome, Skipped, fault
from rig import Process, Rig, now
from scenarios import recovery
from scenarios_machine import END_SECONDS, end_by_sigterm, page, reader_gets_masks
from verdict import longest_gap_ms


@contextmanager
def pids_group():
    """A control group whose number of threads can be limited."""
    name = f"segmentd-faults-{os.getpid()}"
    for root in (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup")):
        group = root / name
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / "pids.max").exists():
            try:
                yield group
            finally:
                remove_group(group)
            return
        remove_group(group)
    raise Skipped("no control group with a limit of threads can be made here")


def remove_group(group: Path) -> None:
    for _ in range(50):
        try:
            group.rmdir()
            return
        except OSError:
            time.sleep(0.1)


def inside(group: Path) -> tuple:
    """What a command is run by to be in `group`."""
    return ("sh", "-c", f'echo $$ >"{group}/cgroup.procs" && exec "$@"', "sh")


@fault("threads run out at the start", is_short=True)
def few_threads(bench, outcome: Outcome) -> None:
    """With less than it needs segmentd works, or ends with one sentence and a status; it never hangs."""
    with pids_group() as group:
        for limit in (4, 9, 14, 20, 30):
            (group / "pids.max").write_text(str(limit))
            with Rig(bench, rear=False) as rig:
                rig.start_daemon(prefix=inside(group))
                words = outcome_of_start(rig, outcome, limit)
            outcome.note(f"{limit} threads: run {words}")
            outcome.note(f"{limit} threads: segment {segment_within(bench, group, outcome, limit)}")


def outcome_of_start(rig: Rig, outcome: Outcome, limit: int) -> str:
    until = time.monotonic() + 12
    while time.monotonic() < until and rig.daemon.process.poll() is None:
        if sum(not one[6] & 1 for one in rig.sightings()) >= 5:
            break
        time.sleep(0.1)
    status = rig.daemon.process.poll()
    told = rig.daemon_log.read_text(errors="replace").strip()
    if status is None:
        gives = any(not one[6] & 1 for one in rig.sightings())
        if not gives and not told:
            outcome.fail(f"with {limit} threads `run` hangs without a word")
        end_by_sigterm(rig, outcome, f"it has {limit} threads")
        return "works" if gives else f"gives no masks: {told.splitlines()[-1:]}"
    if status <= 0 or status >= 128:
        outcome.fail(f"with {limit} threads `run` ended with status {status}: {told[-200:]}")
    if not told:
        outcome.fail(f"with {limit} threads `run` ended with status {status} and without a word")
    return f"ends with {status}: {(told.splitlines() or [''])[-1][-160:]}"


def segment_within(bench, group: Path, outcome: Outcome, limit: int) -> str:
    command = [*inside(group), str(bench.segmentd), "segment", "synthetic:seconds=1,size=128x96", "-o", "null:",
               "--size", bench.size]
    process = Process(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, told = process.process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        outcome.fail(f"with {limit} threads `segment` hangs")
        process.signal(signal.SIGTERM)
        try:
            process.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            outcome.fail(f"with {limit} threads SIGTERM does not end `segment`")
        process.end()
        return "hangs"
    status = process.process.returncode
    if status != 0 and (status < 0 or status >= 128 or not told.strip()):
        outcome.fail(f"with {limit} threads `segment` ended with status {status}: {told.strip()[-200:]!r}")
    return "works" if status == 0 else f"ends with {status}: {told.strip().splitlines()[-1][-160:]}"


@fault("threads run out while it runs")
def no_more_threads(bench, outcome: Outcome) -> None:
    """Not one more thread can be started: what runs goes on, a camera comes back, SIGTERM ends it. A camera that is added
    meanwhile is refused or waits, and works once there are threads again."""
    with pids_group() as group, Rig(bench) as rig:
        rig.start(prefix=inside(group))
        outcome.begin(rig)
        (group / "pids.max").write_text((group / "pids.current").read_text())
        moment = now()
        rig.cameras["front"].server.signal(signal.SIGKILL)
        time.sleep(2)
        outcome.expect_blind(rig)
        rig.cameras["front"].start()
        recovery(rig, outcome, now())
        gap = longest_gap_ms(rig.sightings("rear"), moment, now())
        if gap > 1000:
            outcome.fail(f"the other camera gave no mask for {gap:.0f} ms")
        if not rig.status():
            outcome.fail("the control socket does not answer")
        if rig.http_port is not None and page(rig, "/live")[0] != 200:
            outcome.fail(f"/live says {page(rig, '/live')}")
        added = add_camera(rig)
        time.sleep(3)
        told = [line for line in rig.daemon_log.read_text(errors="replace").splitlines() if "thread" in line]
        outcome.note(f"a camera added meanwhile: {(told or ['nothing is said'])[-1][-160:]}")
        if not told:
            outcome.fail("nothing says that a camera that was added lacks a thread")
        gap = longest_gap_ms(rig.sightings("rear"), moment, now())
        if gap > 1000:
            outcome.fail(f"the other camera gave no mask for {gap:.0f} ms while a camera was added")
        expect_added_camera(rig, group, outcome, added)
        outcome.end(rig, settle=2, rear_may_pause=True)
        (group / "pids.max").write_text((group / "pids.current").read_text())
        end_by_sigterm(rig, outcome, "no thread can be started")


def add_camera(rig: Rig) -> Path:
    """Adds a camera `side` by a reload; its socket."""
    cameras = rig.configuration()["cameras"]
    side = {"name": "side", "source": "synthetic:size=160x128,rate=5,live=true", "sockets": ["mask"]}
    rig.write_configuration(top={"cameras": [*cameras, side]})
    rig.daemon.signal(signal.SIGHUP)
    return rig.folder / "run/side.mask"


def expect_added_camera(rig: Rig, group: Path, outcome: Outcome, socket_path: Path) -> None:
    """There are threads again: the camera `side` must work, perhaps after another reload."""
    (group / "pids.max").write_text("max")
    rig.daemon.signal(signal.SIGHUP)
    until = time.monotonic() + 15
    while time.monotonic() < until:
        if reader_gets_masks(str(socket_path)):
            return
        time.sleep(0.2)
    outcome.fail("15 s after threads could be started again the added camera gives nothing")

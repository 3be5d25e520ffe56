"""Two cameras under faults for an hour: does segmentd grow? Every fault comes in turn, again and again; RSS and
descriptors are noted every ten seconds in --checkpoint, so that a run which is cut off leaves what it has. Ends with
the slope of RSS in MB an hour (least squares, the first fifth left out) and that of descriptors.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import time
from pathlib import Path

from bench import Bench, begin

SAMPLE_SECONDS = 10
QUIET_SECONDS = 12


def slope(points: list[tuple[float, float]]) -> float:
    """Least squares, in units of y an hour; x in seconds."""
    if len(points) < 3:
        return float("nan")
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    below = sum((x - mean_x) ** 2 for x, _ in points)
    return 3600 * sum((x - mean_x) * (y - mean_y) for x, y in points) / below


def harm(rig, chance: random.Random, number: int) -> str:
    """Does the next fault to `front` or to a reader, and undoes it; says what it was."""
    camera = rig.cameras["front"]
    kind = ("kill", "stop", "cut", "payload", "header", "key", "stall", "readers", "codec", "reload")[number % 10]
    if kind == "kill":
        camera.server.signal(signal.SIGKILL)
        time.sleep(2)
        camera.start()
    elif kind == "stop":
        camera.server.signal(signal.SIGSTOP)
        time.sleep(3)
        camera.server.signal(signal.SIGCONT)
    elif kind == "cut":
        camera.proxy.cut_within_packet.set()
        time.sleep(2)
        camera.proxy.cut_within_packet.clear()
    elif kind in ("payload", "header"):
        before = camera.proxy.harmed
        camera.proxy.damage_kind, camera.proxy.damage = kind, 0.05
        time.sleep(4)
        camera.proxy.damage = 0
        if kind == "payload":
            rig.noise_packets += camera.proxy.harmed - before
    elif kind == "key":
        camera.proxy.loses_key_frames = True
        time.sleep(3)
        camera.proxy.loses_key_frames = False
    elif kind == "stall":
        camera.proxy.stalls = True
        time.sleep(2)
        camera.proxy.stalls = False
    elif kind == "readers":
        from scenarios_service import visit

        for _ in range(20):
            try:
                visit(rig.socket(chance.choice(["front", "rear"])), chance)
            except (OSError, ValueError, KeyError):
                pass
    elif kind == "codec":
        camera.tell(f"codec {'hevc' if number // 10 % 2 == 0 else 'h264'}")
    elif kind == "reload":
        rig.write_configuration(camera_rear={"max_fps": chance.choice([5, 8, 12])})
        rig.daemon.signal(signal.SIGHUP)
    return kind


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--checkpoint", type=Path, default=Path("soak.jsonl"), help="a line every ten seconds")
    arguments = begin(parser, size="128x160")

    from rig import Rig, Trouble, now
    from verdict import CORRUPT, judge
    from canary import leaks

    bench = Bench(arguments, rate=15)
    chance = random.Random(5)
    samples: list[dict] = []
    totals = {"valid": 0, "blind": 0, "corrupt": 0, "stale": 0}
    faults: list[str] = []
    failure = None
    with Rig(bench, proxy=True, variants=("h264", "hevc")) as rig, arguments.checkpoint.open("a") as checkpoint:
        rig.noise_packets = 0
        rig.start()
        began = now()
        number = 0
        next_harm = time.monotonic() + QUIET_SECONDS
        last = "-"
        while now() - began < arguments.minutes * 60e9:
            time.sleep(SAMPLE_SECONDS)
            try:
                if time.monotonic() >= next_harm:
                    last = harm(rig, chance, number)
                    number += 1
                    next_harm = time.monotonic() + QUIET_SECONDS
                usage = rig.usage()
            except Trouble as trouble:
                failure = str(trouble)
                break
            sample = {"s": round((now() - began) / 1e9, 1), **usage, "faults": number, "last": last}
            if len(samples) % 6 == 0:
                for name in rig.cameras:
                    verdict = judge(rig.sightings(name), rig.feed(name), bench.pixels, bench.max_age_ms)
                    sample[name] = {key: getattr(verdict, key) for key in totals} | {"faults": verdict.faults}
                sample["leaks"] = leaks(rig)
            samples.append(sample)
            checkpoint.write(json.dumps(sample) + "\n")
            checkpoint.flush()
        for name in rig.cameras:
            verdict = judge(rig.sightings(name), rig.feed(name), bench.pixels, bench.max_age_ms)
            for key in totals:
                totals[key] += getattr(verdict, key)
            # As in faults.py: noise within a slice may be a slice again.
            excused = name == "front" and verdict.corrupt_rows <= rig.noise_packets // 5
            if excused and verdict.corrupt:
                print(f"{name}: of {rig.noise_packets} packets with noise {verdict.corrupt_rows} could be decoded without an "
                      f"error, {verdict.corrupt} masks, {100 * verdict.worst_wrong / bench.pixels:.1f} % of a mask at worst")
            faults += [f"{name}: {what}" for what in verdict.faults if not (excused and what.startswith(CORRUPT))]
        faults += [f"the camera's password stands in: {place}" for place in leaks(rig)]
    settled = samples[len(samples) // 5:]
    rss = slope([(one["s"], one["rss_mb"]) for one in settled])
    fds = slope([(one["s"], one["fds"]) for one in settled])
    minutes = samples[-1]["s"] / 60 if samples else 0
    print(f"{minutes:.1f} minutes, {number} faults; masks: {totals}")
    if samples:
        print(f"RSS {samples[0]['rss_mb']} -> {samples[-1]['rss_mb']} MB, slope {rss:+.2f} MB/h; "
              f"descriptors {samples[0]['fds']} -> {samples[-1]['fds']}, slope {fds:+.2f} an hour; "
              f"threads {samples[0]['threads']} -> {samples[-1]['threads']}")
    if failure:
        faults.append(failure)
    for what in faults[:20]:
        print(f"FAIL: {what}")
    print("FAIL" if faults else "PASS")
    if arguments.json:
        arguments.json.write_text(json.dumps({"minutes": minutes, "harmed": number, "rss_mb_per_hour": rss,
                                              "fds_per_hour": fds, "failures": faults, **totals}, indent=1))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

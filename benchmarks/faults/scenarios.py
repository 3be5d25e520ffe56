"""The faults that come from the camera's side: servers, networks, streams."""

from __future__ import annotations

import signal
import time

from outcome import Outcome, fault
from rig import Rig, now
from verdict import first_valid_after, key_offered_after

RECOVERY_MS = 1000


def recovery(rig: Rig, outcome: Outcome, moment: int, timeout: float = 20) -> None:
    """Waits for masks of frames sent after `moment`, and measures from the first key frame that was offered."""
    rig.wait_for_masks("front", 5, since=moment, timeout=timeout)
    time.sleep(1)
    key = key_offered_after(rig.feed(), moment)
    back = first_valid_after(rig.sightings(since=moment), rig.feed(), key or moment)
    if key is None or back is None:
        outcome.fail("no mask of a frame sent after the fault")
        return
    outcome.recovery_ms = (back - key) / 1e6
    outcome.outage_ms = (back - outcome.began) / 1e6
    if outcome.recovery_ms > RECOVERY_MS:
        outcome.fail(f"masks came {outcome.recovery_ms:.0f} ms after the first key frame, not within {RECOVERY_MS} ms")


@fault("server killed and restarted", is_short=True)
def killed(bench, outcome: Outcome) -> None:
    with Rig(bench) as rig:
        rig.start()
        outcome.begin(rig)
        rig.cameras["front"].server.signal(signal.SIGKILL)
        time.sleep(3)
        outcome.expect_blind(rig)
        rig.cameras["front"].start()
        restarted = now()
        recovery(rig, outcome, restarted)
        outcome.end(rig)


@fault("server frozen (SIGSTOP)", is_short=True)
def frozen(bench, outcome: Outcome) -> None:
    with Rig(bench) as rig:
        rig.start()
        server = rig.cameras["front"].server
        outcome.begin(rig)
        server.signal(signal.SIGSTOP)
        time.sleep(4)
        outcome.expect_blind(rig)
        server.signal(signal.SIGCONT)
        recovery(rig, outcome, now())
        outcome.end(rig)


@fault("TCP reset within a packet", is_short=True)
def cut(bench, outcome: Outcome) -> None:
    with Rig(bench, proxy=True) as rig:
        rig.start()
        proxy = rig.cameras["front"].proxy
        outcome.begin(rig)
        for _ in range(3):
            proxy.cut_within_packet.set()
            while proxy.cut_within_packet.is_set():
                time.sleep(0.01)
            last = proxy.last_harm
            recovery(rig, outcome, last)
        outcome.end(rig)


@fault("network stalls, then delivers late")
def stalled(bench, outcome: Outcome) -> None:
    with Rig(bench, proxy=True) as rig:
        rig.start()
        proxy = rig.cameras["front"].proxy
        outcome.begin(rig)
        proxy.stalls = True
        time.sleep(3)
        outcome.expect_blind(rig)
        proxy.stalls = False
        recovery(rig, outcome, now())
        outcome.end(rig)


@fault("packet garbage: payloads", is_short=True)
def garbage(bench, outcome: Outcome) -> None:
    damage(bench, outcome, "payload", 0.05)


@fault("packet garbage: headers")
def header_garbage(bench, outcome: Outcome) -> None:
    damage(bench, outcome, "header", 0.03)


def damage(bench, outcome: Outcome, kind: str, part: float) -> None:
    with Rig(bench, proxy=True) as rig:
        rig.start()
        proxy = rig.cameras["front"].proxy
        outcome.begin(rig)
        proxy.damage_kind, proxy.damage = kind, part
        time.sleep(12)
        proxy.damage = 0
        healthy = now()
        outcome.note(f"{proxy.harmed} packets damaged")
        # The stream goes on: the next key frame needs no new connection.
        rig.wait_for_masks("front", 5, since=healthy, timeout=20)
        back = first_valid_after(rig.sightings(since=healthy), rig.feed(), healthy)
        outcome.recovery_ms = (back - healthy) / 1e6 if back else None
        if back is None or outcome.recovery_ms > 1000 * bench.key_interval / bench.rate + RECOVERY_MS + 5000:
            outcome.fail("no masks soon after the damage ended")
        # Video has no checksum: noise within a slice may be a slice again. (TCP and UDP have one, and drop such packets.)
        outcome.end(rig, may_not_notice=proxy.harmed // 5 if kind == "payload" else 0)


@fault("key frame lost on the way", is_short=True)
def lost_key(bench, outcome: Outcome) -> None:
    with Rig(bench, proxy=True) as rig:
        rig.start()
        proxy = rig.cameras["front"].proxy
        outcome.begin(rig)
        proxy.loses_key_frames = True
        time.sleep(6)
        proxy.loses_key_frames = False
        healthy = now()
        outcome.note(f"{proxy.harmed} packets lost")
        rig.wait_for_masks("front", 5, since=healthy, timeout=20)
        back = first_valid_after(rig.sightings(since=healthy), rig.feed(), healthy)
        outcome.recovery_ms = (back - healthy) / 1e6 if back else None
        outcome.end(rig)


@fault("key frame withheld after a restart")
def withheld(bench, outcome: Outcome) -> None:
    with Rig(bench) as rig:
        rig.start()
        camera = rig.cameras["front"]
        outcome.begin(rig)
        camera.tell("withhold on")
        camera.server.signal(signal.SIGKILL)
        camera.start()
        camera.tell("withhold on")
        time.sleep(5)
        camera.tell("withhold off")
        offered = now()
        early = [one for one in rig.sightings(since=outcome.began + 500_000_000) if not one[6] & 1 and one[0] < offered]
        if early:
            outcome.fail(f"{len(early)} masks sent as valid while no key frame had come")
        recovery(rig, outcome, offered) if key_offered_after(rig.feed(), offered) else \
            rig.wait_for_masks("front", 5, since=offered, timeout=20)
        outcome.end(rig)


@fault("size changes within the stream", is_short=True)
def resized(bench, outcome: Outcome) -> None:
    change(bench, outcome, ("h264", "larger"), "stream larger", "larger")


@fault("codec changes", is_short=True)
def recoded(bench, outcome: Outcome) -> None:
    change(bench, outcome, ("h264", "hevc"), "codec hevc", "hevc")


def change(bench, outcome: Outcome, variants: tuple[str, ...], command: str, wanted: str) -> None:
    with Rig(bench, variants=variants) as rig:
        rig.start()
        outcome.begin(rig)
        rig.cameras["front"].tell(command)
        time.sleep(1000 * bench.key_interval / bench.rate / 1000)
        rig.wait_for_masks("front", 5, since=now(), timeout=20)
        time.sleep(1)
        offered = next((at for at, stream, _, key, takers in rig.feed()
                        if stream == wanted and key and takers and at > outcome.began), None)
        seen = [one for one in rig.sightings(since=outcome.began) if one[7] == wanted and not one[6] & 1]
        if not seen or offered is None:
            outcome.fail(f"no masks of the {wanted} stream")
        else:
            outcome.recovery_ms = (seen[0][0] - offered) / 1e6
        outcome.end(rig)

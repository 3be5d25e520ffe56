"""What came of a fault, and the list of all faults."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from canary import leaks
from rig import Rig, now
from verdict import CORRUPT, judge, longest_gap_ms

ALL: list = []


def fault(name: str, is_short: bool = False):
    """Lists a function as a fault; short ones are part of the quick run."""

    def add(function):
        ALL.append((name, is_short, function))
        return function

    return add


class Skipped(Exception):
    """This machine cannot do that fault; says why."""


@dataclass
class Outcome:
    """One row of the table."""

    name: str
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    began: int = 0
    recovery_ms: float | None = None
    outage_ms: float | None = None
    blind_after_ms: float | None = None
    valid: int = 0
    blind: int = 0
    corrupt: int = 0
    stale: int = 0
    oldest_ms: float = 0
    rear_gap_ms: float | None = None
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)
    seconds: float = 0
    skipped: str | None = None

    def fail(self, why: str) -> None:
        if why not in self.failures:
            self.failures.append(why)

    def note(self, what: str) -> None:
        self.notes.append(what)

    def begin(self, rig: Rig) -> None:
        self.before = rig.usage()
        self.began = now()

    def expect_blind(self, rig: Rig) -> None:
        """There has been no picture for seconds: blind masks must come, at the camera's rate."""
        moment = now()
        seen = rig.sightings(since=self.began)
        blind = [one for one in seen if one[6] & 1]
        valid = [one for one in seen if not one[6] & 1]
        if not blind:
            self.fail("no blind masks while there was no picture")
            return
        self.blind_after_ms = (blind[0][0] - (valid[-1][0] if valid else self.began)) / 1e6
        due = (moment - blind[0][0]) / 1e9 * min(rig.rate, 10)
        if len(blind) < 0.5 * due:
            self.fail(f"{len(blind)} blind masks came where about {due:.0f} were due")
        if self.blind_after_ms > 1500:
            self.fail(f"the first blind mask came {self.blind_after_ms:.0f} ms after the last valid one")

    def end(self, rig: Rig, *, settle: float = 1.0, clock_is_true: bool = True,
            rear_may_pause: bool = False, may_not_notice: int = 0) -> None:
        """Judges all masks, and what the daemon holds now. `may_not_notice` is how often damage within pictures of `front`
        may be such that they can be decoded all the same."""
        finished = now()
        time.sleep(settle)
        bench = rig.bench
        for name in rig.cameras:
            verdict = judge(rig.sightings(name), rig.feed(name), bench.pixels, bench.max_age_ms,
                            clock_is_true=clock_is_true)
            excused = name == "front" and 0 < verdict.corrupt_rows <= may_not_notice
            if excused:
                self.note(f"{verdict.corrupt_rows} times damaged pictures could be decoded without an error, {verdict.corrupt} "
                          f"masks, {100 * verdict.worst_wrong / bench.pixels:.1f} % of a mask at worst")
            for what in verdict.faults:
                if excused and what.startswith(CORRUPT):
                    continue
                self.fail(what if name == "front" else f"{name}: {what}")
            if name == "front":
                self.valid, self.blind = verdict.valid, verdict.blind
                self.oldest_ms = verdict.oldest_ms
            self.corrupt += verdict.corrupt
            self.stale += verdict.stale
            for event in rig.events(name):
                if event["event"].startswith("broken"):
                    self.fail(f"{name}: {event['event']}")
        if "rear" in rig.cameras:
            self.rear_gap_ms = longest_gap_ms(rig.sightings("rear"), self.began, finished)
            if self.rear_gap_ms > 1000 and not rear_may_pause:
                self.fail(f"the other camera gave no mask for {self.rear_gap_ms:.0f} ms")
        for place in leaks(rig):
            self.fail(f"the camera's password stands in: {place}")
        self.after = rig.usage()
        if self.after["fds"] > self.before["fds"] + 3:
            self.fail(f"open descriptors went from {self.before['fds']} to {self.after['fds']}")
        if self.after["rss_mb"] > self.before["rss_mb"] + 48:
            self.fail(f"RSS went from {self.before['rss_mb']} to {self.after['rss_mb']} MB")

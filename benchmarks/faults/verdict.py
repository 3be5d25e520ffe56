"""Judges what a witness saw against what the camera sent."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

# Of a mask's pixels; another choice of matrix product may flip one that stands on the edge. Neighbouring frames
# differ by fifty times as many.
TOLERANCE = 0.0005
CORRUPT = "corrupt mask sent as valid"
# What the bench itself may take to notice a mask, on a machine that is busy with it.
SLACK_MS = 250


@dataclass
class Verdict:
    """What was wrong with the masks sent as valid, and what was seen."""

    valid: int = 0
    blind: int = 0
    corrupt: int = 0
    # Uninterrupted rows of such.
    corrupt_rows: int = 0
    stale: int = 0
    worst_wrong: int = 0
    oldest_ms: float = 0
    ages_ms: list[float] = field(default_factory=list)
    causes: dict[int, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not self.faults

    def blame(self, what: str) -> None:
        if len(self.faults) < 8:
            self.faults.append(what)


def judge(seen: list[list], feed: list[tuple], pixels: int, max_age_ms: float, *, clock_is_true: bool = True) -> Verdict:
    """`seen` are a witness's sightings, `feed` a camera's log, `pixels` those of a mask."""
    pushes: dict[int, list[int]] = {}
    for moment, stream, frame, _, takers in feed:
        if stream != "event" and takers:
            pushes.setdefault(frame, []).append(moment)
    verdict = Verdict()
    last_sequence, was_corrupt = -1, False
    for received, epoch, sequence, captured, latency, dropped, flags, stream, frame, wrong in seen:
        if sequence <= last_sequence:
            verdict.blame(f"XS went from {last_sequence} to {sequence}")
        last_sequence = sequence
        if flags & 1:
            verdict.blind += 1
            cause = flags >> 1 & 7
            verdict.causes[cause] = verdict.causes.get(cause, 0) + 1
            if wrong:
                verdict.blame(f"a blind mask has {wrong} pixels that are not 255")
            if not 1 <= cause <= 5:
                verdict.blame(f"a blind mask has no cause (XF={flags:x})")
            continue
        verdict.valid += 1
        if flags & ~0x10:
            verdict.blame(f"a valid mask has XF={flags:x}")
        is_corrupt = wrong > pixels * TOLERANCE
        verdict.corrupt_rows += is_corrupt and not was_corrupt
        was_corrupt = is_corrupt
        if is_corrupt:
            verdict.corrupt += 1
            verdict.worst_wrong = max(verdict.worst_wrong, wrong)
            verdict.blame(f"{CORRUPT}: XS={sequence}, {100 * wrong / pixels:.2f} % of its pixels are "
                          f"those of no frame that was sent")
            continue
        moments = pushes.get(frame, [])
        index = bisect.bisect_right(moments, received) - 1
        if index < 0:
            verdict.blame(f"XS={sequence} shows frame {frame} of {stream}, which was never sent")
            continue
        age = (received - moments[index]) / 1e6
        verdict.ages_ms.append(age)
        verdict.oldest_ms = max(verdict.oldest_ms, age)
        if age > max_age_ms + SLACK_MS:
            verdict.stale += 1
            verdict.blame(f"stale mask sent as valid: XS={sequence} shows what was sent {age:.0f} ms before "
                          f"(XL says {latency / 1000:.0f} ms)")
        if latency / 1000 > max_age_ms:
            verdict.stale += 1
            verdict.blame(f"XS={sequence} is {latency / 1000:.0f} ms old by its own word, and not blind")
        # XT is when the picture was made or, at the latest, when it arrived.
        if clock_is_true and abs((epoch - captured) / 1e6 - age) > 300 + SLACK_MS:
            verdict.blame(f"XS={sequence}: XT says it is {(epoch - captured) / 1e6:.0f} ms old, it is {age:.0f} ms old")
    return verdict


def first_valid_after(seen: list[list], feed: list[tuple], moment: int) -> int | None:
    """When the first valid mask came that shows a frame sent after `moment`; nanoseconds."""
    sent = {}
    for at, stream, frame, _, takers in feed:
        if stream != "event" and takers and at >= moment:
            sent.setdefault(frame, []).append(at)
    for received, *_, flags, stream, frame, _ in seen:
        if not flags & 1 and any(at <= received for at in sent.get(frame, [])):
            return received
    return None


def key_offered_after(feed: list[tuple], moment: int) -> int | None:
    """When the camera sent the first key frame to somebody who had asked to play, after `moment`."""
    playing = False
    for at, stream, what, key, takers in feed:
        if stream == "event":
            playing = playing or what == "play"
        elif not takers:
            playing = False
        elif playing and key and at >= moment:
            return at
    return None


def longest_gap_ms(seen: list[list], begin: int, end: int, valid_only: bool = True) -> float:
    """The longest time without a valid mask between two moments."""
    times = [begin] + [one[0] for one in seen if begin <= one[0] <= end and not (valid_only and one[6] & 1)] + [end]
    return max((b - a) / 1e6 for a, b in zip(times, times[1:]))

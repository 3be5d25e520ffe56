"""The fault bench: one thing after the other goes wrong round a real `segmentd run`, with real RTSP servers and real
consumers, and no stale or corrupt mask may be sent as valid. Prints a table, or JSON. Exit status 0 if all holds.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import threading
import time

from bench import Bench, begin


class Stillness:
    """How long the machine left this process waiting at a time when it wanted to run: what others do to it."""

    # Half of what the bench allows itself.
    LIMIT_MS = 125

    def __init__(self):
        self.worst_ms = 0.0
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self) -> None:
        while True:
            began = time.monotonic()
            time.sleep(0.01)
            self.worst_ms = max(self.worst_ms, (time.monotonic() - began - 0.01) * 1000)

    def take(self) -> float:
        worst, self.worst_ms = self.worst_ms, 0.0
        return worst


def attempt(name: str, function, bench):
    """One fault, from the beginning to its outcome."""
    from outcome import Outcome, Skipped
    from rig import Trouble

    outcome = Outcome(name)
    started = time.monotonic()
    try:
        function(bench, outcome)
    except Skipped as reason:
        outcome.skipped = str(reason)
    except Trouble as trouble:
        outcome.fail(str(trouble))
    outcome.seconds = time.monotonic() - started
    return outcome


def show(outcomes: list) -> None:
    head = f"{'fault':<38}{'':6}{'recovery':>9}{'blind':>8}{'masks':>7}{'blind':>6}{'bad':>5}{'oldest':>8}{'rear gap':>9}"
    print(head + f"{'RSS MB':>14}{'fds':>9}")
    print(f"{'':<44}{'ms':>9}{'after':>8}{'valid':>7}{'':>6}{'':>5}{'ms':>8}{'ms':>9}")
    for one in outcomes:
        show_row(one)


def show_row(one) -> None:
    def number(value, places=0):
        return "-" if value is None else f"{value:.{places}f}"

    word = "skip" if one.skipped else "FAIL" if one.failures else "pass"
    rss = f"{one.before['rss_mb']:.0f}->{one.after['rss_mb']:.0f}" if one.after else "-"
    fds = f"{one.before['fds']}->{one.after['fds']}" if one.after else "-"
    print(f"{one.name:<38}{word:<6}{number(one.recovery_ms):>9}{number(one.blind_after_ms):>8}{one.valid:>7}"
          f"{one.blind:>6}{one.corrupt + one.stale:>5}{number(one.oldest_ms):>8}{number(one.rear_gap_ms):>9}"
          f"{rss:>14}{fds:>9}", flush=True)
    for text in one.notes:
        print(f"    {text}")
    for text in one.failures:
        print(f"    FAIL: {text}")
    if one.skipped:
        print(f"    skipped: {one.skipped}")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="the quick form that CI runs")
    parser.add_argument("--only", help="faults whose name contains this")
    # A small network: the engine's speed does not matter here.
    arguments = begin(parser, size="128x160")

    import scenarios  # noqa: F401
    import scenarios_machine  # noqa: F401
    import scenarios_service  # noqa: F401
    import scenarios_threads  # noqa: F401
    from outcome import ALL

    bench = Bench(arguments)
    chosen = [(name, function) for name, is_short, function in ALL
              if (is_short or not arguments.short) and (not arguments.only or arguments.only in name)]
    show([])
    outcomes = []
    stillness = Stillness()
    for name, function in chosen:
        stillness.take()
        outcome = attempt(name, function, bench)
        # Nobody can be on time on a machine that stands still; what fails on one that does not has failed.
        for _ in range(2):
            still = stillness.take()
            if not outcome.failures or still < Stillness.LIMIT_MS:
                break
            show_row(outcome)
            print(f"    tried again: the machine kept the bench waiting for {still:.0f} ms")
            outcome = attempt(name, function, bench)
        show_row(outcome)
        outcomes.append(outcome)
        if arguments.json:
            rows = [{**dataclasses.asdict(one), "passed": not one.failures} for one in outcomes]
            arguments.json.write_text(json.dumps({"load": os.getloadavg(), "faults": rows}, indent=1))
    failed = sum(bool(one.failures) for one in outcomes)
    print(f"{len(outcomes) - failed} of {len(outcomes)} faults passed" + (
        f", {sum(one.skipped is not None for one in outcomes)} of them skipped" if any(
            one.skipped for one in outcomes) else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

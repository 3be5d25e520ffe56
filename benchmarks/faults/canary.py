"""Looks for the password of the cameras' URLs everywhere that somebody else could read it."""

from __future__ import annotations

import base64
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

REQUESTS = ("status", "labels", "palette", "geometry", "model", "metrics")
PAGES = ("/metrics", "/status", "/live", "/ready")


def places(rig) -> dict[str, str]:
    """Every text that segmentd shows, by its name."""
    found = {"log": rig.daemon_log.read_text(errors="replace")}
    for request in REQUESTS:
        found[f"control: {request}"] = rig.ask({"request": request})
    if rig.http_port is not None:
        for page in PAGES:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{rig.http_port}{page}", timeout=3) as answer:
                    found[f"http: {page}"] = answer.read().decode(errors="replace")
            except urllib.error.HTTPError as error:
                found[f"http: {page}"] = error.read().decode(errors="replace")
            except OSError:
                pass
    if rig.daemon is not None and rig.daemon.process.poll() is None:
        pid = rig.daemon_pid
        found["/proc/PID/cmdline"] = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        found["thread names"] = " ".join(
            path.read_text(errors="replace") for path in Path(f"/proc/{pid}/task").glob("*/comm"))
        found["ps"] = subprocess.run(["ps", "-p", str(pid), "-L", "-o", "args="], capture_output=True,
                                     text=True).stdout
    return found


def leaks(rig) -> list[str]:
    """The names of the places that show the password, plain or as HTTP's basic authentication has it."""
    basic = base64.b64encode(f"viewer:{rig.password}".encode()).decode().rstrip("=")
    return [name for name, text in places(rig).items() if rig.password in text or basic in text]

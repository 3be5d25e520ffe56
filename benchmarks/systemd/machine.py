"""A machine of its own for a check: a system manager (systemd-nspawn) in namespaces over a folder of files, so that
nothing of the real machine changes. `inside` is a script that the booted system runs as root; its output is the log.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

TIMEOUT_SECONDS = 300

UNITS = {
    "check.target": "[Unit]\nRequires=basic.target\nAfter=basic.target\nWants=check.service\nAllowIsolate=yes\n",
    "check.service": "[Unit]\nAfter=basic.target\n[Service]\nType=oneshot\n"
                     "ExecStart=/usr/bin/python3 /srv/check/{inside}\n"
                     "ExecStopPost=/bin/systemctl --no-block poweroff\nStandardOutput=append:/srv/out/log\n"
                     "StandardError=append:/srv/out/log\nTimeoutStartSec=280\n",
}


class Skipped(Exception):
    """This machine cannot do it; says why."""


def need(condition: bool, why: str) -> None:
    if not condition:
        raise Skipped(why)


def hierarchies() -> list[Path]:
    """Where a process is put so that nspawn can have a part of the tree for itself."""
    root = Path("/sys/fs/cgroup")
    found = [path for path in (root / "systemd", root / "unified") if (path / "cgroup.procs").exists()]
    return found or ([root] if (root / "cgroup.procs").exists() else [])


def need_machine() -> None:
    """Raises `Skipped` where no machine of its own can be booted."""
    need(os.geteuid() == 0, "it takes root")
    for program in ("systemd-nspawn", "unshare", "systemctl"):
        need(shutil.which(program) is not None, f"there is no {program} (apt-get install systemd systemd-container)")
    need(bool(hierarchies()), "there are no cgroups that systemd could use")
    tried = subprocess.run(["unshare", "-m", "sh", "-c", "mount --make-rprivate /"], capture_output=True, text=True)
    need(tried.returncode == 0, f"no namespaces here: {tried.stderr.strip()}")


def stage_check(folder: Path, inside: str) -> None:
    """The folders that `boot` hands to the machine: `check` for the scripts, `out` for the log, `units`."""
    for name in ("units", "out", "check", "mount"):
        (folder / name).mkdir()
    for name, text in UNITS.items():
        (folder / "units" / name).write_text(text.replace("{inside}", inside))


def boot(folder: Path, binds: list[str], root: Path = Path("/")) -> subprocess.CompletedProcess:
    """Boots the files of `root`, which stay as they are, until the check is done; `folder` is that of `stage_check`."""
    name = f"segmentd-check-{os.getpid()}"
    groups = [path / name for path in hierarchies()]
    for group in groups:
        group.mkdir()
    binds = [*binds, f"--bind-ro={folder}/units:/etc/systemd/system.control", f"--bind-ro={folder}/check:/srv/check",
             f"--bind={folder}/out:/srv/out"]
    nspawn = ["systemd-nspawn", "-D", str(folder / "mount"), "--volatile=overlay", "--boot", "--register=no",
              "--keep-unit", "--private-network", "--console=pipe", *binds, "systemd.unit=check.target"]
    script = 'mount --make-rprivate / && mount --bind "$0" "$1" && shift && exec "$@"'

    def enter() -> None:
        for group in groups:
            (group / "cgroup.procs").write_text("0")

    try:
        return subprocess.run(["unshare", "-m", "sh", "-c", script, str(root), str(folder / "mount"), *nspawn],
                              preexec_fn=enter, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=TIMEOUT_SECONDS)
    finally:
        for group in groups:
            subprocess.run(["find", str(group), "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"],
                           stderr=subprocess.DEVNULL, check=False)


def verdict(folder: Path, done: subprocess.CompletedProcess) -> int:
    """Prints the log of the check in `folder`; the exit status that follows from it."""
    log = folder / "out/log"
    need(log.exists(), f"no system manager could be started: {(done.stdout + done.stderr).strip()[-300:]}")
    text = log.read_text(errors="replace")
    print(text, end="")
    if "checks passed" in text:
        return 0
    print(f"FAIL: the check did not come to its end, status {done.returncode}" if "FAIL" not in text else "FAIL")
    return 1

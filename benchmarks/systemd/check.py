"""Runs the installed unit under a real systemd: a system manager of its own over this machine's files, in namespaces
(systemd-nspawn), so that nothing here is changed. `inside.py` is what looks at the service there. Prints a line a check.
Exit status 0 if all hold, or if this machine does not allow such a thing: then it says "skipped".
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TIMEOUT_SECONDS = 300

UNITS = {
    "check.target": "[Unit]\nRequires=basic.target\nAfter=basic.target\nWants=check.service\nAllowIsolate=yes\n",
    "check.service": "[Unit]\nAfter=basic.target\n[Service]\nType=oneshot\n"
                     "ExecStart=/usr/bin/python3 /srv/check/systemd/inside.py\n"
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


def stage(folder: Path, built: Path) -> None:
    """`make install` into `folder`/root, with the words of this check beside it."""
    done = subprocess.run(["bash", "scripts/install.sh"], cwd=ROOT, capture_output=True, text=True,
                          env={**os.environ, "DESTDIR": str(folder / "root"), "PREFIX": "/usr/local",
                               "BUILD_FOLDER": str(built)})
    if done.returncode != 0:
        raise SystemExit(f"systemd: make install failed: {done.stdout}{done.stderr}")
    for name in ("units", "out", "check", "mount"):
        (folder / name).mkdir()
    for name, text in UNITS.items():
        (folder / "units" / name).write_text(text)
    shutil.copytree(HERE, folder / "check/systemd")
    shutil.copytree(HERE.parent / "faults", folder / "check/faults")


def prepare_camera(folder: Path, segmentd: Path) -> None:
    """A stream for the RTSP server inside, where this machine can serve one, and the camera's password."""
    (folder / "check/password").write_text("Canary" + secrets.token_hex(8))
    sys.path.insert(0, str(HERE.parent / "faults"))
    from bench import missing
    from streams import prepare

    if lacking := missing():
        print(f"systemd: no RTSP camera in this check: {lacking}")
        return
    stream, _ = prepare(segmentd, ROOT / ".build/faults", 15, "128x160", 15, ("h264",))["h264"]
    shutil.copy(stream, folder / "check/camera.h264")


def boot(folder: Path) -> subprocess.CompletedProcess:
    name = f"segmentd-check-{os.getpid()}"
    groups = [path / name for path in hierarchies()]
    for group in groups:
        group.mkdir()
    binds = [f"--bind-ro={folder}/root/usr/local:/usr/local", f"--bind={folder}/root/etc/segmentd:/etc/segmentd",
             f"--bind-ro={folder}/units:/etc/systemd/system.control", f"--bind-ro={folder}/check:/srv/check",
             f"--bind={folder}/out:/srv/out"]
    nspawn = ["systemd-nspawn", "-D", str(folder / "mount"), "--volatile=overlay", "--boot", "--register=no",
              "--keep-unit", "--private-network", "--console=pipe", *binds, "systemd.unit=check.target"]
    script = 'mount --make-rprivate / && mount --bind / "$0" && exec "$@"'

    def enter() -> None:
        for group in groups:
            (group / "cgroup.procs").write_text("0")

    try:
        return subprocess.run(["unshare", "-m", "sh", "-c", script, str(folder / "mount"), *nspawn], preexec_fn=enter,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    finally:
        for group in groups:
            subprocess.run(["find", str(group), "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"],
                           stderr=subprocess.DEVNULL, check=False)


def check(built: Path, keeps: bool) -> int:
    need(os.geteuid() == 0, "it takes root")
    for program in ("systemd-nspawn", "unshare", "systemctl"):
        need(shutil.which(program) is not None, f"there is no {program} (apt-get install systemd systemd-container)")
    need(bool(hierarchies()), "there are no cgroups that systemd could use")
    tried = subprocess.run(["unshare", "-m", "sh", "-c", "mount --make-rprivate /"], capture_output=True, text=True)
    need(tried.returncode == 0, f"no namespaces here: {tried.stderr.strip()}")
    if not (built / "segmentd").exists():
        raise SystemExit(f"there is no {built}/segmentd: run `make build` first")
    folder = Path(tempfile.mkdtemp(prefix="segmentd-systemd-", dir="/var/tmp"))
    try:
        stage(folder, built)
        prepare_camera(folder, built / "segmentd")
        done = boot(folder)
        log = folder / "out/log"
        need(log.exists(), f"no system manager could be started: {(done.stdout + done.stderr).strip()[-300:]}")
        text = log.read_text(errors="replace")
        print(text, end="")
        if "checks passed" in text:
            return 0
        print(f"FAIL: the check did not come to its end, status {done.returncode}" if "FAIL" not in text else "FAIL")
        return 1
    finally:
        if keeps:
            print(f"kept {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--built", type=Path, default=ROOT / ".build/release", help="what swift build made")
    parser.add_argument("--keep", action="store_true", help="keep the folder of logs")
    arguments = parser.parse_args()
    try:
        return check(arguments.built.resolve(), arguments.keep)
    except Skipped as reason:
        print(f"systemd: skipped: {reason}")
        return 0


if __name__ == "__main__":
    sys.exit(main())

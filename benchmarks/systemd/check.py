"""Runs the installed unit under a real systemd: a system manager of its own over this machine's files, in namespaces
(systemd-nspawn), so that nothing here is changed. `inside.py` is what looks at the service there. Prints a line a check.
Exit status 0 if all hold, or if this machine does not allow such a thing: then it says "skipped",
which is a failure where CI is set.
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

from machine import Skipped, boot, need_machine, stage_check, verdict

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def stage(folder: Path, built: Path) -> None:
    """`make install` into `folder`/root, with the words of this check beside it."""
    done = subprocess.run(["bash", "scripts/install.sh"], cwd=ROOT, capture_output=True, text=True,
                          env={**os.environ, "DESTDIR": str(folder / "root"), "PREFIX": "/usr/local",
                               "BUILD_FOLDER": str(built)})
    if done.returncode != 0:
        raise SystemExit(f"systemd: make install failed: {done.stdout}{done.stderr}")
    stage_check(folder, "systemd/inside.py")
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


def check(built: Path, keeps: bool) -> int:
    need_machine()
    if not (built / "segmentd").exists():
        raise SystemExit(f"there is no {built}/segmentd: run `make build` first")
    folder = Path(tempfile.mkdtemp(prefix="segmentd-systemd-", dir="/var/tmp"))
    try:
        stage(folder, built)
        prepare_camera(folder, built / "segmentd")
        binds = [f"--bind-ro={folder}/root/usr/local:/usr/local", f"--bind={folder}/root/etc/segmentd:/etc/segmentd"]
        return verdict(folder, boot(folder, binds))
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
        return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())

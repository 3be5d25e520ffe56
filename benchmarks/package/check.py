"""Installs the Debian package in a bare root of the same release, boots it, and has `inside.py` start, upgrade and purge
it there. Nothing of this machine changes. Prints a line a check. Exit status 0 if all hold, or if this machine does not
allow such a thing: then it says "skipped", which is a failure where CI is set.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "systemd"))

from machine import Skipped, boot, need, need_machine, stage_check, verdict  # noqa: E402

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# What the checks need besides what the package depends on.
PROGRAMS = "systemd-sysv,python3"


def said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def sources() -> tuple[str, list[str]]:
    """This machine's release of Debian, and the lines of its own sources for it."""
    codename = said("sh", "-c", ". /etc/os-release && echo $VERSION_CODENAME")
    rows = said("apt-get", "indextargets", "--format", "$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)",
                "Created-By: Packages").splitlines()
    lines = [f"deb {uri} {suite} {component}" for origin, suite, component, uri in map(str.split, rows)
             if origin == "Debian" and (suite == codename or suite.startswith(codename + "-"))]
    return codename, list(dict.fromkeys(lines))


def bare_root(package: Path, folder: Path) -> Path:
    """A minimal Debian with what the package depends on; made once for the same dependencies."""
    depends = said("dpkg-deb", "--field", str(package), "Depends")
    codename, lines = sources()
    need(bool(lines), "apt-get knows no Debian source (apt-get update)")
    name = hashlib.sha256("\n".join([depends, PROGRAMS, *lines]).encode()).hexdigest()[:12]
    root = folder / f"root-{codename}-{name}"
    if (root / "complete").exists():
        return root
    shutil.rmtree(root, ignore_errors=True)
    hook = f'chroot "$1" apt-get -q -y --no-install-recommends satisfy "{depends}"'
    made = subprocess.run(["mmdebstrap", "--mode=root", "--variant=minbase", f"--keyring={KEYRING}",
                           f"--include={PROGRAMS}", f"--customize-hook={hook}", codename, str(root), *lines],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if made.returncode != 0:
        raise SystemExit(f"package: mmdebstrap failed: {made.stderr[-2000:]}")
    (root / "complete").touch()
    return root


def newer(package: Path, target: Path) -> None:
    """The same package with a higher version and another configuration file, as a next release has it."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        said("dpkg-deb", "--raw-extract", str(package), folder)
        control = Path(folder, "DEBIAN/control")
        version = said("dpkg-deb", "--field", str(package), "Version")
        control.write_text(control.read_text().replace(f"Version: {version}", f"Version: {version}+next"))
        with Path(folder, "etc/segmentd/config.yaml").open("a") as configuration:
            configuration.write("# A remark of the next release.\n")
        said("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", folder, str(target))


def check(package: Path, keeps: bool) -> int:
    need_machine()
    need(shutil.which("mmdebstrap") is not None, "there is no mmdebstrap (apt-get install mmdebstrap)")
    need(KEYRING.exists(), f"there is no {KEYRING} (apt-get install debian-archive-keyring)")
    root = bare_root(package, package.parent)
    folder = Path(tempfile.mkdtemp(prefix="segmentd-package-", dir="/var/tmp"))
    try:
        stage_check(folder, "package/inside.py")
        for name in ("package", "systemd"):
            shutil.copytree(HERE.parent / name, folder / "check" / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(package, folder / "check/segmentd.deb")
        newer(package, folder / "check/newer.deb")
        return verdict(folder, boot(folder, [], root))
    finally:
        if keeps:
            print(f"kept {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path, help="what scripts/deb.sh made")
    parser.add_argument("--keep", action="store_true", help="keep the folder of logs")
    arguments = parser.parse_args()
    try:
        return check(arguments.package.resolve(strict=True), arguments.keep)
    except Skipped as reason:
        print(f"package: skipped: {reason}")
        return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())

"""What is looked at inside the bare Debian that check.py boots: the package, from its installation to its purge."""

from __future__ import annotations

import grp
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, "/srv/check/systemd")

from service import UNIT, check, conclude, logged, show, systemctl, wait  # noqa: E402

PACKAGE, NEWER = Path("/srv/check/segmentd.deb"), Path("/srv/check/newer.deb")
CONFIG = Path("/etc/segmentd/config.yaml")
SOCKET = "/run/segmentd/front.mask"
STATE = Path("/var/lib/segmentd")
EDIT = "# An edit of the administrator: smaller, so that a slow machine keeps up."
# The system's own: what it writes while it runs, dpkg's records, and the state folder of all dynamic users.
FOREIGN = ("/proc", "/sys", "/dev", "/run", "/tmp", "/srv", "/var/tmp", "/var/log", "/var/cache", "/var/lib/dpkg",
           "/var/lib/systemd/catalog", "/var/lib/systemd/random-seed", "/var/lib/systemd/timers",
           "/var/lib/systemd/coredump", "/var/lib/private")


def run(*command: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, **options)


def dpkg(*words: str) -> subprocess.CompletedProcess:
    """dpkg as an unattended upgrade calls it: it asks nothing, and keeps what the administrator has edited."""
    return run("dpkg", "--force-confdef", "--force-confold", *words,
               env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})


def files() -> set[str]:
    found: set[str] = set()
    for folder, folders, names in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in FOREIGN]
        found |= {os.path.join(folder, name) for name in [*folders, *names]}
    # The former /etc/group and its like, which every change of a group leaves, and Python's own cache.
    return {path for path in found if not (path.startswith("/etc/") and path.endswith("-")) and "__pycache__" not in path}


def groups() -> set[str]:
    return {entry.gr_name for entry in grp.getgrall()}


def masks(name: str) -> None:
    """Five valid masks, read by nobody as a member of the readers' group."""
    readers = grp.getgrnam("segmentd-readers").gr_gid
    script = ("import sys; sys.path.insert(0, '/srv/check/systemd'); from service import read_valid_masks; "
              f"print(read_valid_masks('{SOCKET}', 5))")
    done = run("/usr/bin/python3", "-c", script, user=65534, group=65534, extra_groups=[readers])
    words = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    check(name, done.returncode == 0, words[-1] if words else "")


def ended(done: subprocess.CompletedProcess) -> str:
    return f"status {done.returncode} {done.stderr.strip()[-300:]}".strip()


def version() -> str:
    return run("dpkg-query", "-W", "-f", "${Version}", "segmentd").stdout


def install() -> None:
    done = dpkg("--install", str(PACKAGE))
    check("it installs with nothing but its dependencies", done.returncode == 0, f"{version()}, {ended(done)}")
    check("it is neither enabled nor started", show("ActiveState") == "inactive"
          and show("UnitFileState") == "disabled", f"{show('ActiveState')}, {show('UnitFileState')}")
    check("the readers' group is there", "segmentd-readers" in groups())
    lacking = [line for line in run("ldd", "/usr/bin/segmentd").stdout.splitlines()
               if "not found" in line or "libswift" in line]
    check("no library is missing, none is Swift's", not lacking, ", ".join(lacking))
    described = run("segmentd", "describe")
    check("the program runs, has its model, and says its terms", "research use only" in described.stdout,
          f"{run('segmentd', '--version').stdout.strip()} {described.stderr.strip()}")
    checked = run("segmentd", "check-config", str(CONFIG))
    check("its configuration is valid", checked.returncode == 0, checked.stdout.strip() + checked.stderr.strip())


def start() -> None:
    began = time.monotonic()
    done = systemctl("start", UNIT)
    check("it starts as installed, on synthetic:", done.returncode == 0 and show("ActiveState") == "active",
          f"{time.monotonic() - began:.2f} s {done.stderr.strip()}")
    CONFIG.write_text(CONFIG.read_text().replace("size: 768x1024", f"{EDIT}\nsize: 64x96"))
    systemctl("enable", UNIT)
    systemctl("restart", UNIT)
    masks("a member of the group reads valid masks")
    (STATE / "kept.mkv").write_text("a recording")


def upgrade() -> None:
    before, pid = version(), show("MainPID")
    done = dpkg("--install", str(NEWER))
    check("it is upgraded while it runs", done.returncode == 0 and version() != before, f"{version()}, {ended(done)}")
    check("the edited configuration survives", EDIT in CONFIG.read_text()
          and "next release" not in CONFIG.read_text() and CONFIG.with_suffix(".yaml.dpkg-dist").exists())
    check("the service comes back, as another process", bool(wait(lambda: show("ActiveState") == "active"
                                                                  and show("MainPID") not in ("0", pid)))
          and show("UnitFileState") == "enabled", f"pid {pid}, then {show('MainPID')}")
    masks("and sends valid masks")
    good = CONFIG.read_text()
    CONFIG.write_text("size: nonsense\n")
    done = dpkg("--install", str(NEWER))
    check("a configuration that is wrong does not break dpkg", done.returncode == 0, ended(done))
    CONFIG.write_text(good)
    systemctl("reset-failed", UNIT)
    systemctl("restart", UNIT)
    check("it starts again with a right one", bool(wait(lambda: show("ActiveState") == "active")), show("ActiveState"))


def remove(before: set[str], groups_before: set[str]) -> None:
    done = dpkg("--remove", "segmentd")
    check("removing it stops the service", done.returncode == 0 and not Path(SOCKET).exists()
          and not run("pidof", "segmentd").stdout, ended(done))
    check("and keeps configuration and recordings", EDIT in CONFIG.read_text() and (STATE / "kept.mkv").exists())
    done = dpkg("--purge", "segmentd")
    check("it is purged", done.returncode == 0, ended(done))
    left = sorted(files() - before)
    check("no file is left", not left, ", ".join(left))
    check("no group is left", groups() == groups_before, groups() - groups_before or "")
    units = systemctl("list-unit-files", "segmentd*", "--no-legend").stdout.strip()
    loaded = systemctl("list-units", "--all", "segmentd*", "--no-legend").stdout.strip()
    check("no unit is left", not units and not loaded, f"{units}{loaded}")
    state = [str(path) for path in (STATE, Path("/var/lib/private/segmentd"), Path("/run/segmentd"), CONFIG.parent)
             if path.exists() or path.is_symlink()]
    check("no state is left", not state, ", ".join(state))


def main() -> None:
    before, groups_before = files(), groups()
    install()
    start()
    upgrade()
    remove(before, groups_before)
    conclude()


if __name__ == "__main__":
    try:
        main()
    except Exception as error:  # The log is all that is seen outside.
        print(f"FAIL  {type(error).__name__}: {error}", flush=True)
        print(logged()[-2000:], flush=True)
        raise

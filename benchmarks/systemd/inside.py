"""What is looked at inside the system that check.py boots: the installed segmentd.service, from start to stop."""

from __future__ import annotations

import grp
import json
import os
import signal
import stat
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from service import UNIT, announced, check, conclude, logged, show, systemctl, wait

sys.path.insert(0, "/srv/check/faults")

CONFIG = Path("/etc/segmentd/config.yaml")
PASSWORD = Path("/srv/check/password").read_text()
CAMERA = Path("/srv/check/camera.h264")
HTTP_PORT = 9464

READER = """
import os, socket, sys
path, groups, any_kind = sys.argv[1], [int(word) for word in sys.argv[2].split(",") if word], sys.argv[3] == "any"
os.setgroups(groups); os.setgid(65534); os.setuid(65534)
import numpy as np
s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(path); f = s.makefile("rb")
head = {t[0]: t[1:] for t in f.readline().decode().split()[1:]}; w, h = int(head["W"]), int(head["H"])
valid = 0
while valid < 5:
    line = f.readline()
    facts = dict(t[1:].split("=") for t in line.decode().split()[1:])
    mask = np.frombuffer(f.read(w * h), np.uint8).reshape(h, w)
    valid += any_kind or not int(facts["F"], 16) & 1 and int(mask.max()) < 255
print(f"{h} x {w}, classes {sorted(int(one) for one in np.unique(mask))}, flags {facts['F']}, age {int(facts['L']) // 1000} ms")
"""


def read_masks(path: str, groups: list[int], kind: str = "valid") -> tuple[bool, str]:
    """Five masks as nobody in these groups, valid ones unless `kind` is any; what the reader says."""
    try:
        done = subprocess.run(["/usr/bin/python3", "-c", READER, path, ",".join(map(str, groups)), kind],
                              capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        return False, "no masks within 60 s"
    words = done.stdout if done.returncode == 0 else done.stderr
    return done.returncode == 0, words.strip().splitlines()[-1] if words.strip() else ""


def drop_in() -> None:
    """Shorter times than the unit's, to see them pass, and the camera's password as a credential."""
    folder = Path("/etc/systemd/system/segmentd.service.d")
    folder.mkdir(parents=True)
    Path("/etc/segmentd/front.password").write_text(PASSWORD)
    Path("/etc/segmentd/front.password").chmod(0o600)
    (folder / "check.conf").write_text("[Service]\nWatchdogSec=4\nTimeoutAbortSec=3\n"
                                       "LoadCredential=front:/etc/segmentd/front.password\n")
    systemctl("daemon-reload")


def configuration(port: int | None, **changes) -> str:
    cameras = [{"name": "rear", "source": "synthetic:seed=7,size=320x240,rate=10,live=true", "sockets": ["mask", "color", "nut"],
                "recordings": [{"path": "/var/lib/segmentd/rear.mkv", "style": "mask", "rotate_s": 5}]}]
    if port is not None:
        cameras.insert(0, {"name": "front", "source": f"rtsp://viewer:${{credential:front}}@127.0.0.1:{port}/cam"})
    return json.dumps({"size": "64x96", "report_interval_s": 1, "http": {"port": HTTP_PORT},
                       "sockets": {"group": "segmentd-readers"}, "cameras": cameras, **changes}, indent=1)


def start_camera() -> tuple[subprocess.Popen | None, int | None]:
    if not CAMERA.exists():
        return None, None
    server = subprocess.Popen(["/usr/bin/python3", "/srv/check/faults/server.py", "--rate", "15", "--log",
                               "/run/camera.feed", "--password-file", "/srv/check/password", f"h264={CAMERA}"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL)
    return server, int(server.stdout.readline())


def confinement(pid: int) -> None:
    facts = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    uid = int(facts["Uid"].split()[0])
    check("the service runs as a dynamic user", 61184 <= uid <= 65519, f"uid {uid}")
    check("without capabilities, without new privileges, behind a filter of system calls",
          int(facts["CapEff"], 16) == 0 and int(facts["CapBnd"], 16) == 0 and facts["NoNewPrivs"] == "1"
          and facts["Seccomp"] == "2", f"CapBnd {facts['CapBnd']}, Seccomp {facts['Seccomp']}")
    killed = subprocess.run(["journalctl", "-b", "-k", "-g", "SECCOMP|SIGSYS", "--no-pager", "-q"], capture_output=True,
                            text=True).stdout
    check("no system call was punished", "segmentd" not in killed, killed.strip()[-200:])


def sockets(readers: int) -> None:
    path = Path("/run/segmentd/rear.mask")
    facts = path.stat()
    mode, group = stat.filemode(facts.st_mode), grp.getgrgid(facts.st_gid).gr_name
    check("sockets are there, for their group only", mode == "srw-rw----" and group == "segmentd-readers",
          f"{mode} {group}")
    works, words = read_masks(str(path), [readers])
    check("a member of the group gets masks in numpy", works, words)
    works, words = read_masks(str(path), [])
    check("nobody else does", not works and "PermissionError" in words, words)


def watchdog() -> None:
    pid, restarts = int(show("MainPID")), int(show("NRestarts"))
    began = time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    wait(lambda: int(show("NRestarts")) > restarts and show("SubState") == "running", 40)
    journal = subprocess.run(["journalctl", "-u", UNIT, "-g", "[Ww]atchdog", "--no-pager", "-q", "-o", "cat"],
                             capture_output=True, text=True).stdout.strip().splitlines()
    check("the watchdog ends and restarts a service that hangs", int(show("NRestarts")) == restarts + 1
          and int(show("MainPID")) != pid, f"after {time.monotonic() - began:.1f} s: {journal[0] if journal else ''}")


def reload() -> subprocess.CompletedProcess:
    """Sends the reload, and waits until the service has said what came of it: SIGHUP itself does not wait."""
    said = ("was read again and is not used", f"read {CONFIG} again")
    before = sum(logged().count(words) for words in said)
    done = systemctl("reload", UNIT)
    wait(lambda: sum(logged().count(words) for words in said) > before)
    return done


def reloads(port: int | None) -> None:
    pid = show("MainPID")
    done = reload()
    check("reload without a change", done.returncode == 0 and show("MainPID") == pid, done.stderr.strip())
    good = CONFIG.read_text()
    CONFIG.write_text(good.replace('"size"', '"sice"'))
    reload()
    journal = wait(lambda: "is not used; the service goes on" in logged() and logged())
    check("a wrong configuration is refused, and said", bool(journal) and show("MainPID") == pid
          and bool(wait(lambda: show("ActiveState") == "active")), show("StatusText"))
    CONFIG.write_text(configuration(port, cameras=json.loads(good)["cameras"] + [
        {"name": "side", "source": "synthetic:seed=9,size=320x240,rate=5,live=true"}]))
    reload()
    check("a right one adds a camera", bool(wait(lambda: Path("/run/segmentd/side.mask").exists()))
          and show("MainPID") == pid)


def priorities() -> None:
    lines = subprocess.run(["journalctl", "-u", UNIT, "--no-pager", "-q", "-o", "json"], capture_output=True,
                           text=True).stdout.splitlines()
    own = [one for one in map(json.loads, lines) if one.get("_COMM") == "segmentd"]
    found = sorted({one["PRIORITY"] for one in own})
    check("the journal has the priorities of messages, and no line its number", {"3", "5", "6"} <= set(found)
          and not any(str(one["MESSAGE"]).startswith("<") for one in own), f"{len(own)} lines, priorities {found}")


def secrets_stay() -> None:
    pid = int(show("MainPID"))
    texts = {"journal": subprocess.run(["journalctl", "-b", "--no-pager", "-q"], capture_output=True, text=True).stdout,
             "systemctl status": systemctl("status", UNIT).stdout, "systemctl show": systemctl("show", UNIT).stdout,
             "command line": Path(f"/proc/{pid}/cmdline").read_text(),
             "environment": Path(f"/proc/{pid}/environ").read_text(),
             "/status": page("/status"), "/metrics": page("/metrics")}
    leaks = [name for name, text in texts.items() if PASSWORD in text]
    check("the camera's password is nowhere", not leaks, ", ".join(leaks) or f"looked in: {', '.join(texts)}")


def page(path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{HTTP_PORT}{path}", timeout=5) as answer:
            return answer.read().decode()
    except OSError as error:
        return f"{error}"


def activation(readers: int) -> None:
    """Stopped, but for a socket of systemd's: who connects starts the service."""
    unit = Path("/etc/systemd/system/segmentd-rear.socket")
    # Not in the service's own folder, which goes with it.
    path = Path("/run/masks/rear.mask")
    unit.write_text(f"[Socket]\nListenStream={path}\nFileDescriptorName=rear.mask\nSocketMode=0660\n"
                    "SocketGroup=segmentd-readers\nService=segmentd.service\n")
    systemctl("daemon-reload")
    started = systemctl("start", unit.name)
    before = show("ActiveState")
    works, words = read_masks(str(path), [readers])
    check("a socket of systemd's starts the service, and its reader gets masks", works and before == "inactive",
          f"{before} before; {words}{started.stderr.strip()}")
    systemctl("stop", UNIT)
    check("systemd's socket stays when the service stops", path.exists())
    systemctl("stop", unit.name)


def main() -> None:
    made = subprocess.run(["systemd-sysusers", "/usr/local/lib/sysusers.d/segmentd.conf"], capture_output=True, text=True)
    readers = grp.getgrnam("segmentd-readers").gr_gid
    check("sysusers makes the readers' group", made.returncode == 0, f"gid {readers}")
    drop_in()

    began = time.monotonic()
    done = systemctl("start", UNIT)
    if not check("the service starts as installed and says that it is ready", done.returncode == 0
                 and show("ActiveState") == "active", f"{time.monotonic() - began:.2f} s {done.stderr.strip()}"):
        print(logged())
    # At its full size, so a slow machine sends blind ones.
    works, words = read_masks("/run/segmentd/front.mask", [readers], "any")
    check("its own configuration gives frames", works, words)

    server, port = start_camera()
    CONFIG.write_text(configuration(port))
    done = reload()
    check("reload takes over another configuration", done.returncode == 0
          and bool(wait(lambda: Path("/run/segmentd/rear.mask").exists())), done.stderr.strip())
    if port is not None:
        # A reload is over before the changed camera announces its new size; who reads the former one is closed then.
        wait(lambda: announced("/run/segmentd/front.mask") == (64, 96))
        works, words = read_masks("/run/segmentd/front.mask", [readers])
        check("an RTSP camera whose password is a credential gives masks", works, words)
    text = wait(lambda: (line := show("StatusText")) and all(word in line for word in ("rear", "fps", "p99")) and line)
    check("systemctl status tells rate and cameras", bool(text), text or show("StatusText"))
    pid = int(show("MainPID"))
    confinement(pid)
    sockets(readers)
    check("/ready answers", page("/ready").strip() != "" and "503" not in page("/ready"), page("/ready").strip()[:60])
    reloads(port)
    recorded = wait(lambda: list(Path("/var/lib/segmentd").glob("rear_*Z.mkv")), 20)
    check("recordings go to /var/lib/segmentd", bool(recorded), recorded[0].name if recorded else "none")
    watchdog()
    works, words = read_masks("/run/segmentd/rear.mask", [readers])
    check("masks come again after that", works, words)
    restarts = int(show("NRestarts"))
    os.kill(int(show("MainPID")), signal.SIGKILL)
    check("a service that was killed is started again", bool(wait(lambda: int(show("NRestarts")) > restarts
                                                                  and show("SubState") == "running", 30)))
    works, words = read_masks("/run/segmentd/rear.mask", [readers])
    check("over sockets that were left behind", works, words)
    secrets_stay()
    priorities()

    began = time.monotonic()
    systemctl("stop", UNIT)
    check("it stops clean", show("Result") == "success" and show("ExecMainStatus") == "0"
          and not Path("/run/segmentd").exists(),
          f"{time.monotonic() - began:.2f} s, {show('Result')}, status {show('ExecMainStatus')}")
    unfinished = list(Path("/var/lib/segmentd").glob("*unfinished*"))
    check("and completes its recordings", not unfinished, ", ".join(path.name for path in unfinished))
    activation(readers)
    CONFIG.write_text("size: nonsense\n")
    systemctl("reset-failed", UNIT)
    systemctl("start", UNIT)
    time.sleep(3)
    check("a service that cannot start is not tried for ever", show("ActiveState") == "failed"
          and show("ExecMainStatus") == "78", f"{show('ActiveState')}, status {show('ExecMainStatus')}")
    if server:
        server.kill()
    conclude()


if __name__ == "__main__":
    try:
        main()
    except Exception as error:  # The log is all that is seen outside.
        print(f"FAIL  {type(error).__name__}: {error}", flush=True)
        raise

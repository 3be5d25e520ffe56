"""A daemon with cameras and consumers round it: what every fault is done to."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from proxy import Proxy

HERE = Path(__file__).resolve().parent
# gi is Debian's and numpy too: one interpreter for all.
PYTHON = "/usr/bin/python3"


class Trouble(Exception):
    """The bench cannot go on with this fault: something that has to work first does not."""


def now() -> int:
    return time.monotonic_ns()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Process:
    """A child in a session of its own, ended with the rig."""

    def __init__(self, command: list, **options):
        self.process = subprocess.Popen([str(word) for word in command], text=True, start_new_session=True, **options)

    @property
    def pid(self) -> int:
        return self.process.pid

    def signal(self, number: int) -> None:
        if self.process.poll() is None:
            os.killpg(self.pid, number)

    def end(self, timeout: float = 5) -> None:
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        self.process.wait(timeout)


class Camera:
    """A server, perhaps with a proxy in front, and the log of what it sent."""

    def __init__(self, rig: Rig, name: str, streams: dict[str, Path], has_proxy: bool):
        self.rig, self.name, self.streams = rig, name, streams
        self.log = rig.folder / f"{name}.feed"
        self.port = 0
        self.server: Process | None = None
        self.start()
        self.proxy = Proxy(self.port) if has_proxy else None

    def start(self) -> None:
        """Starts the server, at the same port as before."""
        words = [f"{name}={path}" for name, path in self.streams.items()]
        self.server = Process(
            [PYTHON, HERE / "server.py", "--port", self.port, "--rate", self.rig.rate, "--log", self.log,
             "--password-file", self.rig.password_file, *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.rig.noise)
        line = self.server.process.stdout.readline().strip()
        if not line.isdigit() or int(line) <= 0:
            raise Trouble(f"the RTSP server did not start: {line!r}")
        self.port = int(line)

    def tell(self, command: str) -> None:
        self.server.process.stdin.write(command + "\n")
        self.server.process.stdin.flush()
        self.server.process.stdout.readline()

    @property
    def address(self) -> str:
        port = self.proxy.port if self.proxy else self.port
        return f"rtsp://viewer:{self.rig.password}@127.0.0.1:{port}/cam"


class Rig:
    """Two cameras, `front` (which suffers) and `rear` (which should not notice), one daemon, a witness a camera."""

    def __init__(self, bench, *, proxy: bool = False, variants: tuple[str, ...] = ("h264",), rear: bool = True,
                 rate: int | None = None, **settings):
        self.bench, self.rate = bench, rate or bench.rate
        self.folder = Path(tempfile.mkdtemp(prefix="segmentd-faults-"))
        self.password = bench.canary
        self.password_file = self.folder / "password"
        self.password_file.write_text(self.password)
        self.noise = (self.folder / "noise").open("w")
        self.processes: list[Process] = []
        self.cameras: dict[str, Camera] = {}
        self.daemon: Process | None = None
        self.daemon_log = self.folder / "segmentd.log"
        self.settings = settings
        self.http_port = free_port() if "http" in bench.known_keys else None
        try:
            chosen = {name: bench.streams[name][0] for name in variants}
            self.cameras["front"] = Camera(self, "front", chosen, proxy)
            if rear:
                self.cameras["rear"] = Camera(self, "rear", {"h264": bench.streams["h264"][0]}, False)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    # The daemon

    def configuration(self, **changes) -> dict:
        """What config.yaml says. `camera_NAME` settings are merged into that camera."""
        settings = {**self.settings, **changes}
        cameras = []
        for name, camera in self.cameras.items():
            own = {"name": name, "source": camera.address, "sockets": ["mask", "color"]}
            if "max_age_ms" in self.bench.known_keys:
                own["max_age_ms"] = self.bench.max_age_ms
            own.update(settings.get(f"camera_{name}", {}))
            cameras.append(own)
        top = {
            "size": self.bench.size, "threads": 2, "report_interval_s": 5,
            "sockets": {"directory": str(self.folder / "run"), **settings.get("sockets", {})}, "cameras": cameras,
        }
        if self.http_port is not None:
            top["http"] = {"port": self.http_port}
        top.update(settings.get("top", {}))
        return top

    @property
    def config_path(self) -> Path:
        return self.folder / "config.yaml"

    def write_configuration(self, **changes) -> None:
        # JSON is YAML.
        self.config_path.write_text(json.dumps(self.configuration(**changes), indent=1))
        self.config_path.chmod(0o600)

    def start_daemon(self, environment: dict[str, str] | None = None, prefix: tuple = (), log: int | None = None) -> None:
        """`log` is a descriptor that is written to instead of the file `daemon_log`."""
        self.write_configuration()
        with self.daemon_log.open("a") as file:
            self.daemon = Process(
                [*prefix, self.bench.segmentd, "run", "--config", self.config_path], stdout=file,
                stderr=file if log is None else log,
                # As the unit has it.
                env={**os.environ, "OPENBLAS_THREAD_TIMEOUT": "4", "MALLOC_MMAP_THRESHOLD_": "131072",
                     **(environment or {})})
        for name in self.cameras:
            self.start_witness(name)

    def socket(self, name: str, kind: str = "mask") -> str:
        return str(self.folder / "run" / f"{name}.{kind}")

    def start_witness(self, name: str) -> None:
        masks = [f"{key}={path}" for key, (_, path) in self.bench.streams.items()]
        log = self.witness_log(name)
        process = Process([PYTHON, HERE / "witness.py", self.socket(name), log, *masks],
                          stdout=subprocess.PIPE, stderr=self.noise)
        self.processes.append(process)
        if process.process.stdout.readline().strip() != "ready":
            raise Trouble("the witness did not start")

    def witness_log(self, name: str) -> Path:
        return self.folder / f"{name}.seen"

    def start(self, **options) -> None:
        """Starts the daemon and waits until both cameras give masks, and a little for things to settle."""
        self.start_daemon(**options)
        for name in self.cameras:
            self.wait_for_masks(name, 5, since=0, timeout=60)
        time.sleep(1.5)
        self.before = self.usage()

    def usage(self) -> dict:
        """RSS in MB and open descriptors."""
        if self.daemon.process.poll() is not None:
            raise Trouble(f"segmentd died, status {self.daemon.process.returncode}: {self.last_words()}")
        pid = self.daemon_pid
        status = Path(f"/proc/{pid}/status").read_text()
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        return {"rss_mb": round(resident / 1024, 1), "fds": len(os.listdir(f"/proc/{pid}/fd")),
                "threads": len(os.listdir(f"/proc/{pid}/task"))}

    @property
    def daemon_pid(self) -> int:
        return self.daemon.pid

    def last_words(self) -> str:
        return " | ".join(self.daemon_log.read_text(errors="replace").splitlines()[-3:])

    # What was seen

    def sightings(self, name: str = "front", since: int = 0) -> list[list]:
        """The witness's lines from the moment `since` on (CLOCK_MONOTONIC, ns)."""
        path = self.witness_log(name)
        if not path.exists():
            return []
        lines = path.read_text().splitlines()
        found = []
        for line in lines:
            if line.startswith("[") and line.endswith("]"):
                one = json.loads(line)
                if one[0] >= since:
                    found.append(one)
        return found

    def events(self, name: str = "front") -> list[dict]:
        lines = self.witness_log(name).read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def feed(self, name: str = "front") -> list[tuple]:
        """(moment, stream, frame, is key, takers) of each frame the camera made; (moment, "event", what, …) else."""
        found = []
        for line in self.cameras[name].log.read_text().splitlines():
            words = line.split(" ", 3)
            if words[2] == "event":
                found.append((int(words[0]), "event", words[3], 0, 0))
            else:
                frame, key, takers = words[3].split()
                found.append((int(words[0]), words[2], int(frame), int(key), int(takers)))
        return found

    def wait_for_masks(self, name: str, count: int, since: int, timeout: float) -> None:
        """Waits for `count` valid masks received after `since`."""
        until = time.monotonic() + timeout
        while True:
            valid = [one for one in self.sightings(name, since) if not one[6] & 1]
            if len(valid) >= count:
                return
            if self.daemon.process.poll() is not None:
                raise Trouble(f"segmentd ended, status {self.daemon.process.returncode}: {self.last_words()}")
            if time.monotonic() > until:
                raise Trouble(f"no {count} masks of {name} within {timeout:.0f} s: {self.last_words()}")
            time.sleep(0.05)

    def ask(self, request: dict | str, timeout: float = 3) -> str:
        """The control socket's answer to one line; empty where there is no such socket."""
        path = self.folder / "run" / "control"
        if not path.exists():
            return ""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            try:
                connection.connect(str(path))
                line = request if isinstance(request, str) else json.dumps(request)
                connection.sendall(line.encode() + b"\n")
                return connection.makefile("r").readline()
            except OSError:
                return ""

    def status(self) -> dict:
        """What the control socket says of the service; empty where it does not answer."""
        answer = self.ask({"request": "status"})
        return json.loads(answer).get("status", {}) if answer else {}

    def close(self) -> None:
        for process in self.processes:
            process.end()
        if self.daemon is not None and self.daemon.process.poll() is None:
            self.daemon.signal(signal.SIGCONT)
            self.daemon.signal(signal.SIGTERM)
            try:
                self.daemon.process.wait(15)
            except subprocess.TimeoutExpired:
                self.daemon.end()
        for camera in self.cameras.values():
            if getattr(camera, "proxy", None):
                camera.proxy.shut()
            if camera.server:
                camera.server.end()
        self.noise.close()
        if self.bench.keeps:
            print(f"kept {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

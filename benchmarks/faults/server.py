"""A camera: GStreamer's RTSP server, live, with basic authentication, fed with the access units of prepared streams.

It counts time as a camera does: which frame is due goes by the clock, whoever watches. Every frame's number, stream
and moment is written to a log, so that a mask can be traced to when its picture left the camera. Lines on standard
input change what it does: `stream NAME` (another stream of the same codec from its next key frame on), `codec NAME`
(viewers are thrown out and find a stream of another codec), `withhold on|off` (key frames are not sent).

Run by /usr/bin/python3, which has Debian's gi.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

from streams import access_units, codec_of  # noqa: E402

PAYLOADER = {"h264": "rtph264pay", "hevc": "rtph265pay"}
CAPS = {"h264": "video/x-h264", "hevc": "video/x-h265"}


class Camera:
    """What is filmed, and who takes it."""

    def __init__(self, streams: dict[str, Path], rate: float, log: Path):
        self.units = {name: access_units(path) for name, path in streams.items()}
        self.codec = {name: codec_of(path) for name, path in streams.items()}
        self.rate = rate
        self.log = log.open("a", buffering=1)
        self.name = next(iter(streams))
        self.next_name: str | None = None
        self.withholds = False
        self.takers: list = []
        self.lock = threading.Lock()
        threading.Thread(target=self.film, daemon=True).start()

    def film(self) -> None:
        period = 1 / self.rate
        number = int(time.monotonic() / period)
        while True:
            time.sleep(max(0.0, number * period - time.monotonic()))
            # After a pause (SIGSTOP) the frames of the pause are gone, as in a camera.
            number = max(number, int(time.monotonic() / period))
            self.send(number)
            number += 1

    def send(self, number: int) -> None:
        with self.lock:
            index = number % len(self.units[self.name])
            if self.next_name is not None and self.units[self.next_name][index][1]:
                self.name, self.next_name = self.next_name, None
            data, is_key = self.units[self.name][index]
            takers = [] if self.withholds and is_key else list(self.takers)
            moment, epoch = time.monotonic_ns(), time.time_ns()
            for source in takers:
                source.emit("push-buffer", Gst.Buffer.new_wrapped(data))
            self.log.write(f"{moment} {epoch} {self.name} {index} {int(is_key)} {len(takers)}\n")

    def note(self, event: str) -> None:
        self.log.write(f"{time.monotonic_ns()} {time.time_ns()} event {event}\n")


class Factory(GstRtspServer.RTSPMediaFactory):
    """One pipeline for all viewers, made when the first one comes."""

    def __init__(self, camera: Camera):
        super().__init__()
        self.camera = camera
        self.set_shared(True)
        self.set_latency(0)

    def do_create_element(self, url):
        codec = self.camera.codec[self.camera.name]
        return Gst.parse_launch(
            f"( appsrc name=camera is-live=true format=time do-timestamp=true max-buffers=30 leaky-type=downstream "
            f"caps={CAPS[codec]},stream-format=byte-stream,alignment=au ! {PAYLOADER[codec]} name=pay0 pt=96 "
            f"config-interval=-1 mtu=1200 )")

    def do_configure(self, media):
        source = media.get_element().get_by_name_recurse_up("camera")
        with self.camera.lock:
            self.camera.takers.append(source)

        def gone(_):
            with self.camera.lock:
                if source in self.camera.takers:
                    self.camera.takers.remove(source)

        media.connect("unprepared", gone)


def protect(server, factory, user: str, password: str) -> None:
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth = GstRtspServer.RTSPAuth()
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)


def commands(camera: Camera, server) -> None:
    for line in sys.stdin:
        verb, _, value = line.strip().partition(" ")
        with camera.lock:
            if verb == "withhold":
                camera.withholds = value == "on"
            elif verb == "stream":
                camera.next_name = value
            elif verb == "codec":
                camera.name = value
                camera.takers.clear()
        if verb == "codec":
            GLib.idle_add(lambda: server.client_filter(lambda *_: GstRtspServer.RTSPFilterResult.REMOVE) and False)
        camera.note(line.strip())
        print(line.strip(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", default="0")
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--user", default="viewer")
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("streams", nargs="+", help="NAME=FILE, the first is sent first")
    arguments = parser.parse_args()

    Gst.init(None)
    streams = {name: Path(path) for name, path in (word.split("=", 1) for word in arguments.streams)}
    camera = Camera(streams, arguments.rate, arguments.log)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(arguments.port)
    factory = Factory(camera)
    protect(server, factory, arguments.user, arguments.password_file.read_text().strip())
    server.get_mount_points().add_factory("/cam", factory)
    server.connect("client-connected", lambda _, client: client.connect(
        "play-request", lambda *_: camera.note("play")))
    server.attach(None)
    threading.Thread(target=commands, args=(camera, server), daemon=True).start()
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()

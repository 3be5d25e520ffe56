"""The network between a camera and segmentd: a TCP proxy of RTSP that can stall, delay, damage, lose and cut.

It understands RTP interleaved in RTSP (RFC 2326, 10.12), so that it does harm packet by packet.
"""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from dataclasses import dataclass


@dataclass
class Shift:
    """By how much a picture's time stamp is moved, and which stamps that picture and the key frame before it have."""

    ticks: int = 0
    picture: int | None = None
    key: int | None = None


class Proxy:
    """Listens on `port` of loopback and passes all to `target`, a port too. Modes may be changed at any time."""

    def __init__(self, target: int, seed: int = 1):
        self.target = target
        self.random = random.Random(seed)
        self.stalls = False
        self.delay = 0.0
        # The part of video packets that are damaged, and how: "payload" or "header".
        self.damage = 0.0
        self.damage_kind = "payload"
        self.loses_key_frames = False
        # What is added to the time stamps of the one picture that comes next behind a key frame; and how often it was.
        self.shift_after_key = 0
        self.shifted = 0
        self.shift = Shift()
        self.cut_within_packet = threading.Event()
        self.harmed = 0
        self.last_harm = 0
        self.connections: list[tuple[socket.socket, socket.socket]] = []
        self.listener = socket.create_server(("127.0.0.1", 0), reuse_port=False)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target), timeout=2)
            except OSError:
                reset(client)
                continue
            server.settimeout(None)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections.append((client, server))
            threading.Thread(target=self.upstream, args=(client, server), daemon=True).start()
            threading.Thread(target=self.downstream, args=(client, server), daemon=True).start()

    def upstream(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(65536):
                server.sendall(data)
        except OSError:
            pass
        close(client, server)

    def downstream(self, client: socket.socket, server: socket.socket) -> None:
        try:
            file = server.makefile("rb", buffering=1 << 16)
            while True:
                piece = self.next_piece(file)
                if piece is None:
                    break
                while self.stalls:
                    time.sleep(0.01)
                if self.delay:
                    time.sleep(self.delay)
                if self.cut_within_packet.is_set() and len(piece) > 200:
                    self.cut_within_packet.clear()
                    client.sendall(piece[: len(piece) // 2])
                    self.hurt()
                    reset(client)
                    close(server)
                    return
                client.sendall(self.harm(piece))
        except (OSError, ValueError):
            pass
        close(client, server)

    @staticmethod
    def next_piece(file) -> bytes | None:
        """One interleaved packet with its four bytes of frame, or an RTSP answer with its body."""
        first = file.read(1)
        if not first:
            return None
        if first == b"$":
            head = file.read(3)
            body = file.read(struct.unpack(">H", head[1:])[0])
            return first + head + body
        text = first + file.readline()
        length = 0
        while True:
            line = file.readline()
            text += line
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                length = int(value)
            if line in (b"\r\n", b"\n", b""):
                return text + (file.read(length) if length else b"")

    def hurt(self) -> None:
        self.harmed += 1
        self.last_harm = time.monotonic_ns()

    def harm(self, piece: bytes) -> bytes:
        is_video = piece[:1] == b"$" and piece[1] == 0 and len(piece) > 20
        if not is_video:
            return piece
        if self.shift_after_key or self.shift.ticks:
            piece = self.shift_stamp(piece)
        if self.loses_key_frames and is_key(piece[16:]):
            self.hurt()
            return b""
        if self.damage and self.random.random() < self.damage:
            self.hurt()
            data = bytearray(piece)
            if self.damage_kind == "payload":
                # A run of noise behind the payload's own header.
                start = self.random.randrange(18, max(19, len(data) - 8))
                end = min(len(data), start + self.random.randrange(4, 64))
            else:
                # The frame of the packet, the header of RTP or that of the payload.
                start = self.random.randrange(1, 18)
                end = start + self.random.randrange(1, 4)
            data[start:end] = self.random.randbytes(end - start)
            return bytes(data)
        return piece

    def shift_stamp(self, piece: bytes) -> bytes:
        """Moves the RTP time stamp of all packets of one picture, the first behind a key frame; nothing else changes."""
        stamp = struct.unpack(">I", piece[8:12])[0]
        if self.shift.ticks == 0:
            if is_key(piece[16:]):
                self.shift.key = stamp
            elif self.shift.key is not None and stamp != self.shift.key:
                self.shift = Shift(self.shift_after_key, stamp)
                self.shift_after_key = 0
                self.hurt()
                self.shifted += 1
        if self.shift.ticks == 0:
            return piece
        if stamp != self.shift.picture:
            self.shift = Shift()
            return piece
        return piece[:8] + struct.pack(">I", (stamp + self.shift.ticks) % (1 << 32)) + piece[12:]

    def close_all(self) -> None:
        for client, server in self.connections:
            reset(client)
            close(server)
        self.connections.clear()

    def shut(self) -> None:
        self.stalls = False
        self.listener.close()
        self.close_all()


def is_key(payload: bytes) -> bool:
    """Whether an H.264 packet (RFC 6184) has to do with a key frame: its slices or its parameter sets."""
    kind = payload[0] & 31
    if kind == 28:  # FU-A
        return payload[1] & 31 in (5, 7, 8)
    if kind == 24:  # STAP-A: the first unit
        return payload[3] & 31 in (5, 7, 8, 9)
    return kind in (5, 7, 8)


def reset(end: socket.socket) -> None:
    """Closes so that the other side gets RST."""
    try:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Wakes who reads from it, and says nothing to the other side, as SHUT_WR would.
        end.shutdown(socket.SHUT_RD)
    except OSError:
        pass
    end.close()


def close(*ends: socket.socket) -> None:
    for end in ends:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        end.close()

"""scripts/install-swift.sh against a stand-in for download.swift.org on loopback.

The archive holds a swiftly that is a shell script: it notes its arguments, and "installs" a swift that only tells its
version. Programs come from a folder of links to this machine's, without swift and sudo, and with an apt-get that notes
its arguments. So nothing is installed, and a Swift that this machine has is not seen.
"""

from __future__ import annotations

import hashlib
import http.server
import io
import os
import platform
import pty
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HIDDEN = {"swift", "swiftly", "sudo", "apt-get", "uname"}
NAME = f"swiftly-{platform.machine()}.tar.gz"

SWIFTLY = """#!/bin/bash
echo "$(basename "$PWD") swiftly $*" >>"$NOTES"
bin=$HOME/.local/share/swiftly/bin
mkdir -p "$bin"
case $1 in
    init) cp "$0" "$bin/swiftly" ;;
    install)
        [ "$2" != 9.9.9 ] || { echo "no such release" >&2; exit 1; }
        printf '#!/bin/sh\\necho "Swift version %s (stand-in)"\\n' "$2" >"$bin/swift"
        chmod +x "$bin/swift"
        for word in "$@"; do case $word in
            --post-install-file=*) echo "apt-get -y install libedit-dev zip" >"${word#*=}" ;;
        esac; done ;;
esac
"""


class Server(http.server.ThreadingHTTPServer):
    """Answers with `files` by path, 404 for others, and notes what it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = self.server.files.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        pass


def archive(name: str = "swiftly", text: str = SWIFTLY) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(text), 0o755
        tar.addfile(entry, io.BytesIO(text.encode()))
    return data.getvalue()


class InstallSwift(unittest.TestCase):
    keys: Path

    @classmethod
    def setUpClass(cls) -> None:
        # Short: gpg-agent's socket lies in it.
        cls.keys = Path(tempfile.mkdtemp(prefix="keys-", dir="/tmp"))
        for name in ("swift", "stranger"):
            (cls.keys / name).mkdir(mode=0o700)
            cls.gpg(name, "--passphrase", "", "--quick-generate-key", f"{name} <{name}@example.org>", "ed25519", "sign")

    @classmethod
    def tearDownClass(cls) -> None:
        for name in ("swift", "stranger"):
            subprocess.run(["gpgconf", "--homedir", str(cls.keys / name), "--kill", "gpg-agent"], check=False)
        shutil.rmtree(cls.keys)

    @classmethod
    def gpg(cls, name: str, *words: str, text: bytes = b"") -> bytes:
        return subprocess.run(["gpg", "--homedir", str(cls.keys / name), "--batch", "--quiet", *words], input=text,
                              check=True, capture_output=True).stdout

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="install-swift-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.home, self.notes, programs = (self.folder / name for name in ("home", "notes", "programs"))
        self.home.mkdir()
        programs.mkdir()
        for place in ("/usr/bin", "/bin"):
            for path in Path(place).iterdir():
                if path.name not in HIDDEN and not (programs / path.name).exists():
                    (programs / path.name).symlink_to(path)
        self.programs = programs
        self.program("uname", f"echo {platform.machine()}")
        self.program("apt-get", 'echo "apt-get $*" >>"$NOTES"')
        self.program("sudo", 'echo "sudo $*" >>"$NOTES"; exec "$@"')
        self.server = Server()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.serve(archive())

    def program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    def serve(self, data: bytes, signer: str = "swift", signed: bytes | None = None) -> None:
        """`data` as the archive, with the signature of `signer` over `signed`, or over it."""
        self.server.files = {f"/swiftly/{NAME}": data,
                             f"/swiftly/{NAME}.sig": self.gpg(signer, "--detach-sign", text=signed or data),
                             "/keys.asc": self.gpg("swift", "--armor", "--export")}

    def environment(self, **changes: str) -> dict[str, str]:
        address = f"http://127.0.0.1:{self.server.server_port}"
        return {"PATH": str(self.programs), "HOME": str(self.home), "NOTES": str(self.notes), "TMPDIR": str(self.folder),
                "SWIFTLY_URL": f"{address}/swiftly", "SWIFT_KEYS_URL": f"{address}/keys.asc", "YES": "1", **changes}

    def run_script(self, name: str = "install-swift", **changes: str) -> tuple[int, str]:
        done = subprocess.run(["bash", str(ROOT / "scripts" / f"{name}.sh")], env=self.environment(**changes), cwd=ROOT,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120)
        return done.returncode, done.stdout

    def noted(self) -> list[str]:
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    def refused(self, *words: str, **changes: str) -> str:
        """The script fails with these words, and no swiftly was run."""
        status, text = self.run_script(**changes)
        self.assertNotEqual(status, 0, text)
        for word in words:
            self.assertIn(word, text)
        self.assertEqual([note for note in self.noted() if "swiftly" in note], [])
        return text

    def test_installs_unattended_by_the_steps_of_the_official_page(self) -> None:
        status, text = self.run_script()
        self.assertEqual(status, 0, text)
        self.assertEqual(self.server.asked, [f"/swiftly/{NAME}", f"/swiftly/{NAME}.sig", "/keys.asc"])
        notes = self.noted()
        self.assertIn("swiftly init --assume-yes --quiet-shell-followup --skip-install", notes[0])
        self.assertRegex(notes[1], r"swiftly install 6\.\d+\.\d+ --use --assume-yes --post-install-file=")
        self.assertFalse(any(note.startswith(ROOT.name + " ") for note in notes), "swiftly ran in the source tree")
        self.assertEqual(notes[-1], "apt-get -y install libedit-dev zip")
        self.assertIn("done: Swift version", text)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["home", "notes", "programs"])

    def test_CI_answers_as_well_and_the_release_can_be_named(self) -> None:
        status, text = self.run_script(YES="", CI="true", SWIFT_VERSION="6.2.4")
        self.assertEqual(status, 0, text)
        self.assertIn("Swift version 6.2.4", text)

    def test_the_set_up_installs_it_before_anything_else_and_finds_it_the_next_time(self) -> None:
        status, text = self.run_script("setup")
        self.assertEqual(status, 0, text)
        self.assertIn("this needs Swift, and there is none in PATH", text)
        asked = len(self.server.asked)
        status, text = self.run_script("setup", YES="")
        self.assertEqual((status, len(self.server.asked)), (0, asked), text)

    def test_a_swiftly_that_is_there_is_used(self) -> None:
        self.assertEqual(self.run_script()[0], 0)
        self.server.asked.clear()
        status, text = self.run_script(SWIFT_VERSION="6.2.9")
        self.assertEqual((status, self.server.asked), (0, []), text)
        self.assertIn("6.2.9", text)

    def test_nothing_is_downloaded_when_nobody_can_be_asked(self) -> None:
        self.refused("YES=1", "standard input is no terminal", YES="")
        self.assertEqual(self.server.asked, [])

    def test_asks_at_a_terminal(self) -> None:
        for answer, status in ((b"n\n", 1), (b"\n", 1), (b"y\n", 0)):
            with self.subTest(answer):
                self.server.asked.clear()
                ours, theirs = pty.openpty()
                os.write(ours, answer)
                done = subprocess.run(["bash", str(ROOT / "scripts/install-swift.sh")], env=self.environment(YES=""),
                                      stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
                os.close(ours)
                os.close(theirs)
                self.assertEqual(done.returncode, status, done.stdout)
                self.assertEqual(bool(self.server.asked), status == 0)

    def test_an_archive_that_was_changed_is_not_run(self) -> None:
        self.serve(archive(text=SWIFTLY + "# and more\n"), signed=archive())
        self.refused("the PGP signature", "is not valid", NAME)

    def test_nor_one_that_somebody_else_signed(self) -> None:
        self.serve(archive(), signer="stranger")
        self.refused("the PGP signature", "is not valid")

    def test_nor_one_cut_short(self) -> None:
        whole = archive()
        self.serve(whole[:-40], signed=whole)
        self.refused("is not valid")

    def test_a_checksum_is_held_against_the_archive(self) -> None:
        checksum = hashlib.sha256(self.server.files[f"/swiftly/{NAME}"]).hexdigest()
        self.refused("SHA-256", "SWIFTLY_SHA256", checksum, SWIFTLY_SHA256="0" * 64)
        status, text = self.run_script(SWIFTLY_SHA256=checksum)
        self.assertEqual(status, 0, text)

    def test_a_file_that_is_missing_on_the_server_is_named(self) -> None:
        for path in (f"/swiftly/{NAME}", f"/swiftly/{NAME}.sig", "/keys.asc"):
            with self.subTest(path):
                self.serve(archive())
                del self.server.files[path]
                self.refused("404", path, "SWIFTLY_URL")

    def test_keys_that_are_none(self) -> None:
        self.server.files["/keys.asc"] = b"<html>Please log in</html>"
        self.refused("holds no PGP keys", "/keys.asc")

    def test_a_server_that_cannot_be_reached(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.refused("could not reach the server", "proxy", SWIFTLY_URL=f"http://127.0.0.1:{port}/swiftly")

    def test_a_name_that_is_not_known(self) -> None:
        self.refused("could not reach the server", SWIFTLY_URL="http://no-such-host.invalid/swiftly")

    def test_an_archive_without_swiftly(self) -> None:
        self.serve(archive("README"))
        self.refused("has no program 'swiftly'")

    def test_a_processor_that_swiftly_does_not_know(self) -> None:
        self.program("uname", "echo riscv64")
        self.refused("riscv64", "x86_64 and aarch64")
        self.assertEqual(self.server.asked, [])

    def test_a_release_that_does_not_exist(self) -> None:
        status, text = self.run_script(SWIFT_VERSION="9.9.9")
        self.assertNotEqual(status, 0)
        self.assertIn("'swiftly install 9.9.9' failed", text)


if __name__ == "__main__":
    unittest.main()

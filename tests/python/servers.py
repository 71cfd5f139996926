"""The servers under test, each on a free port and in a folder of its own, ended with the tests."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import redis

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# The environment variable that names the program, and where it is found without one.
PROGRAMS = {
    "Scrubjay": ("SCRUBJAY", TARGET / "debug" / "scrubjay"),
    "Valkey": ("VALKEY_SERVER", TARGET / "references" / "bin" / "valkey-server"),
    "Redis": ("REDIS_SERVER", TARGET / "references" / "bin" / "redis-server"),
}
GENEROUS = 20.0


class LeftOut(Exception):
    """A reference that cannot be had on this machine."""


def program(backend):
    variable, unpacked = PROGRAMS[backend]
    found = os.environ.get(variable) or (unpacked if unpacked.exists() else shutil.which(unpacked.name))
    if found is None:
        if backend == "Scrubjay":
            raise RuntimeError(f"no {unpacked}: cargo build makes it")
        raise LeftOut(f"{backend} left out: no {unpacked.name} (tests/setup/references unpacks one)")
    return str(found)


def poll(ask, what):
    """Asks again and again until the answer is true; tests wait so for what takes time, and measure nothing."""
    deadline = time.monotonic() + GENEROUS
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.002)


class Server:
    """A server that keeps nothing on disk, running until `stop`."""

    def __init__(self, backend, *arguments):
        self.backend = backend
        (TARGET / "tmp").mkdir(exist_ok=True)
        self.folder = tempfile.mkdtemp(prefix=f"{backend.lower()}-", dir=TARGET / "tmp")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = open(Path(self.folder) / "log", "w+b")
        self.watchdog = subprocess.Popen(
            [ROOT / "tests/setup/watchdog", program(backend), "--bind", "127.0.0.1", "--port", str(self.port)]
            + ["--save", "", "--appendonly", "no", *arguments],
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=self.log,
            stderr=self.log,
        )
        poll(self.answers, f"{backend} to start")

    def answers(self):
        if self.watchdog.poll() is not None:
            self.log.seek(0)
            raise RuntimeError(f"{self.backend} ended at the start: {self.log.read().decode()}")
        try:
            # redis-py would wait between its attempts.
            with socket.create_connection(("127.0.0.1", self.port), GENEROUS) as probe:
                probe.sendall(b"PING\r\n")
                return probe.recv(7) == b"+PONG\r\n"
        except ConnectionError:
            return False

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def client(self, protocol):
        return redis.Redis(port=self.port, protocol=protocol)

    def stop(self):
        self.watchdog.stdin.close()
        self.watchdog.wait()
        self.log.close()
        shutil.rmtree(self.folder)

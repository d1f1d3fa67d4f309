"""A run in a process of its own, told by its facts; for tests that look at it from outside."""

import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Squall:
    """A run in a process of its own, told by its facts."""

    def __init__(self, folder: Path, playbook: str, *options: str, target: bool = True) -> None:
        self.port = free_port()
        file = folder / "playbook.yaml"
        file.write_text(playbook)
        self.facts: list[tuple[float, dict]] = []
        self.known = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "squall", "run", str(file), "--json",
             "--state", str(folder / "state"),
             *(["--target", f"shop=127.0.0.1:{self.port}=builtin:echo"] if target else []),
             *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self.known:
                self.facts.append((time.monotonic(), json.loads(line)))
                self.known.notify_all()

    def wait_for(self, **members: object) -> float:
        """When a fact with these members came; fails after twenty seconds without it."""

        def found() -> float | None:
            for at, fact in self.facts:
                if all(fact.get(key) == value for key, value in members.items()):
                    return at
            return None

        with self.known:
            assert self.known.wait_for(lambda: found() is not None, timeout=20), members
            at = found()
        assert at is not None
        return at

    def end(self) -> tuple[int, dict, str]:
        stderr = self.process.stderr.read() if self.process.stderr else ""
        code = self.process.wait(timeout=30)
        self.reader.join(timeout=5)
        if self.process.stderr:
            self.process.stderr.close()
        if self.process.stdout:
            self.process.stdout.close()
        return code, self.facts[-1][1] if self.facts else {}, stderr

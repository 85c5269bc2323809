"""How much memory this process takes, in MiB."""

import threading
from pathlib import Path
from typing import Self


def memory(name: str) -> float:
    """A figure of proc(5), of this process.

    ``RssAnon``: its own; ``RssFile``: pages of mapped files, which all who map them share; ``VmHWM``: the most of both that it ever
    held. What getrusage tells would count the process that started this one, too.
    """
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def peak() -> float:
    """The most that this process ever held, mapped files with it."""
    return memory("VmHWM")


class OwnMemory:
    """The peak of this process's own memory (``RssAnon``) while the block runs; looked at fifty times a second."""

    def __enter__(self) -> Self:
        self.peak = memory("RssAnon")
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            self.peak = max(self.peak, memory("RssAnon"))

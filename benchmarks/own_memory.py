"""How much memory a process takes that nobody shares with it."""

import threading
from pathlib import Path
from typing import Self


class OwnMemory:
    """The peak of this process's own memory (`RssAnon`) while the block runs, in MiB; looked at fifty times a second."""

    def __enter__(self) -> Self:
        self.peak = self._now()
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            self.peak = max(self.peak, self._now())

    @staticmethod
    def _now() -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) / 1024

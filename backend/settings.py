"""The operator's settings: the only reader of the environment. What a shop decides about itself is in the database.

Every setting is named and explained here; `joren doctor` prints them with where each came from.
"""

import ipaddress
import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MOST_BODY = 8 * 1024 * 1024
_MOST_DAYS = 3650
_HIGHEST_RATE = 100_000_000
_LEAST_MONTHS, _MOST_MONTHS = 13, 600


class BadSettings(ValueError):
    """Two settings contradict each other, or one does not parse; the sentence says which and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One installation's settings.

    Attributes:
        home: `JOREN_HOME`, the folder of the embedded database, the lake and all state (default ``.joren``).
        database_url: `DATABASE_URL`, a PostgreSQL 15 or newer; without it the embedded one of `home` is used.
        lake: `JOREN_LAKE`, folder or object-store address of the history (default ``JOREN_HOME/lake``).
        engine: `JOREN_ENGINE`, where everybody's row is reduced from history: ``polars`` (default), in the process, or
            ``spark://host:port``, a Spark Connect server that reads the lake.
        fcm_service_account: `JOREN_FCM_SERVICE_ACCOUNT`, path of a service-account file: pushes go to the real FCM.
        fcm_emulator: `JOREN_FCM_EMULATOR`, https address of the emulator: pushes go there. Never both.
        push_rate: `JOREN_PUSH_RATE`, messages a minute to the Firebase project from all workers together (default 540,000: nine
            tenths of FCM's default quota; 0: no limit).
        plain_sender: `JOREN_PUSH_SENDER`, ``fast`` (default), or ``plain`` for firebase-admin's own HTTP stack: slower, and a
            broken connection leaves a hundred messages in doubt instead of one.
        allowed_origins: `JOREN_ALLOWED_ORIGINS`, web origins whose pages may send events, separated by commas.
        public_url: `JOREN_PUBLIC_URL`, how browsers reach the admin pages; https makes cookies Secure.
        role: `JOREN_ROLE`, what a server process answers: intake, admin or all.
        trusted_proxies: `JOREN_TRUSTED_PROXIES`, addresses or networks of proxies whose X-Forwarded-For is believed,
            separated by commas (default none: the header is ignored).
        address_limit: `JOREN_ADDRESS_LIMIT`, events a minute from one public client address (default 12,000; 0: no limit).
        key_limit: `JOREN_KEY_LIMIT`, events a minute by one write key (default 0: no limit).
        api_limit: `JOREN_API_LIMIT`, requests a minute of one API key (default 6,000; 0: no limit).
        webhook_allow: `JOREN_WEBHOOK_ALLOW`, ``host:port`` pairs, separated by commas, that webhooks may be sent to although they
            lead into a private network (default none).
        largest_body: `JOREN_LARGEST_BODY`, bytes of a batch of events after inflating (default 1 MiB, at most 8 MiB).
        keep_log: `JOREN_KEEP_LOG_DAYS`, days that the log of events stays in PostgreSQL (default 30); it never goes before it is
            in the lake. Older events are on the timeline without their free properties.
        keep_ids: `JOREN_KEEP_IDS_DAYS`, days for which a repeated event is recognised (default 30).
        keep_failed: `JOREN_KEEP_FAILED_DAYS`, days for which a failed event waits for its replay (default 90); one that was
            recovered goes `keep_log` after that.
        keep_changes: `JOREN_KEEP_CHANGES_DAYS`, days for which it is kept who entered and left segments when (default 400).
        keep_ways: `JOREN_KEEP_WAYS_DAYS`, days for which it is told step by step which way somebody took through a journey, after
            she left it (default 400); the counts of steps stay.
        keep_pictures: `JOREN_KEEP_PICTURES_DAYS`, days' pictures of the customer frame that stay in the lake's table ``customers``
            (default 35; 0: none is taken).
        history_months: `JOREN_HISTORY_MONTHS`, months after which the lake's raw events and order lines are dropped, business day by
            business day (default 0: never; otherwise 13 to 600). What is counted of each customer's days stays.
        log_level: `JOREN_LOG_LEVEL`.
        clock_shift: `JOREN_CLOCK_SHIFT`, seconds added to the machine's time, to rehearse another hour; never with the real FCM.
        lake_options: every `AWS_*`, `GOOGLE_*` and `AZURE_*` variable, for an object-store lake.
    """

    home: Path = Path(".joren")
    database_url: str | None = None
    lake: str = ""
    engine: str = "polars"
    fcm_service_account: Path | None = None
    fcm_emulator: str | None = None
    push_rate: int = 540_000
    plain_sender: bool = False
    allowed_origins: tuple[str, ...] = ()
    public_url: str = "http://127.0.0.1:8000"
    role: str = "all"
    trusted_proxies: tuple[Network, ...] = ()
    address_limit: int = 12_000
    key_limit: int = 0
    api_limit: int = 6_000
    webhook_allow: tuple[str, ...] = ()
    largest_body: int = 1024 * 1024
    keep_log: timedelta = timedelta(days=30)
    keep_ids: timedelta = timedelta(days=30)
    keep_failed: timedelta = timedelta(days=90)
    keep_changes: timedelta = timedelta(days=400)
    keep_ways: timedelta = timedelta(days=400)
    keep_pictures: int = 35
    history_months: int = 0
    log_level: str = "info"
    clock_shift: timedelta = timedelta(0)
    lake_options: "Mapping[str, str]" = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.fcm_service_account and self.fcm_emulator:
            raise BadSettings(
                "JOREN_FCM_SERVICE_ACCOUNT and JOREN_FCM_EMULATOR are both set: unset one, so that no test can reach a customer."
            )
        if self.fcm_service_account and self.clock_shift:
            raise BadSettings("JOREN_CLOCK_SHIFT would move the quiet hours of real customers: unset it.")


def read(environment: "Mapping[str, str] | None" = None) -> Settings:
    """Settings from the environment.

    Raises:
        BadSettings: when two settings contradict each other or one does not parse.
    """
    values = os.environ if environment is None else environment  # noqa: TID251 - this is the one reader
    home = Path(values.get("JOREN_HOME") or ".joren").expanduser().absolute()
    account = values.get("JOREN_FCM_SERVICE_ACCOUNT")
    return Settings(
        home=home,
        database_url=values.get("DATABASE_URL") or None,
        lake=values.get("JOREN_LAKE") or str(home / "lake"),
        engine=values.get("JOREN_ENGINE") or "polars",
        fcm_service_account=Path(account).expanduser() if account else None,
        fcm_emulator=values.get("JOREN_FCM_EMULATOR") or None,
        push_rate=_rate(values, "JOREN_PUSH_RATE", 540_000),
        plain_sender=_sender(values.get("JOREN_PUSH_SENDER") or "fast"),
        allowed_origins=_listed(values.get("JOREN_ALLOWED_ORIGINS", "")),
        public_url=values.get("JOREN_PUBLIC_URL") or "http://127.0.0.1:8000",
        role=values.get("JOREN_ROLE") or "all",
        trusted_proxies=_networks(values.get("JOREN_TRUSTED_PROXIES", "")),
        address_limit=_rate(values, "JOREN_ADDRESS_LIMIT", 12_000),
        key_limit=_rate(values, "JOREN_KEY_LIMIT", 0),
        api_limit=_rate(values, "JOREN_API_LIMIT", 6_000),
        webhook_allow=_places(values.get("JOREN_WEBHOOK_ALLOW", "")),
        largest_body=_body_limit(values.get("JOREN_LARGEST_BODY") or "1048576"),
        keep_log=_days(values, "JOREN_KEEP_LOG_DAYS"),
        keep_ids=_days(values, "JOREN_KEEP_IDS_DAYS"),
        keep_failed=_days(values, "JOREN_KEEP_FAILED_DAYS", default=90),
        keep_changes=_days(values, "JOREN_KEEP_CHANGES_DAYS", default=400),
        keep_ways=_days(values, "JOREN_KEEP_WAYS_DAYS", default=400),
        keep_pictures=_pictures(values.get("JOREN_KEEP_PICTURES_DAYS") or "35"),
        history_months=_months(values.get("JOREN_HISTORY_MONTHS") or "0"),
        log_level=values.get("JOREN_LOG_LEVEL") or "info",
        clock_shift=_seconds(values.get("JOREN_CLOCK_SHIFT") or "0"),
        lake_options={k: v for k, v in values.items() if k.startswith(("AWS_", "GOOGLE_", "AZURE_"))},
    )


def _sender(value: str) -> bool:
    if value not in ("fast", "plain"):
        raise BadSettings(f"JOREN_PUSH_SENDER is fast or plain, not {value!r}.")
    return value == "plain"


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _places(text: str) -> tuple[str, ...]:
    places = _listed(text.lower())
    for place in places:
        host, _, port = place.rpartition(":")
        if not host or not port.isascii() or not port.isdigit():
            raise BadSettings(f"JOREN_WEBHOOK_ALLOW is a list of host:port, not {place[:40]!r}.")
    return places


def _days(values: "Mapping[str, str]", name: str, *, default: int = 30) -> timedelta:
    text = values.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= _MOST_DAYS:
        raise BadSettings(f"{name} must be a number of days from 1 to {_MOST_DAYS}, not {text[:40]!r}.")
    return timedelta(days=int(text))


def _pictures(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _MOST_DAYS:
        raise BadSettings(
            f"JOREN_KEEP_PICTURES_DAYS must be a number of days from 0 to {_MOST_DAYS}, not {text[:40]!r}."
        )
    return int(text)


def _months(text: str) -> int:
    months = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(_MOST_MONTHS)) else -1
    if months and not _LEAST_MONTHS <= months <= _MOST_MONTHS:
        raise BadSettings(
            f"JOREN_HISTORY_MONTHS must be 0 (keep everything) or {_LEAST_MONTHS} to {_MOST_MONTHS} months, not {text[:40]!r}: "
            "figures are compared with those of the year before."
        )
    return months


def _seconds(text: str) -> timedelta:
    try:
        return timedelta(seconds=int(text))
    except (ValueError, OverflowError):
        raise BadSettings(f"JOREN_CLOCK_SHIFT must be a number of seconds, not {text[:40]!r}.") from None


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(each.strip()) for each in text.split(",") if each.strip())
    except ValueError as error:
        raise BadSettings(f"JOREN_TRUSTED_PROXIES must list addresses or networks like 10.0.0.0/8: {error}.") from None


def _rate(values: "Mapping[str, str]", name: str, default: int) -> int:
    text = values.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or int(text) > _HIGHEST_RATE:
        raise BadSettings(f"{name} must be a number a minute from 0 (no limit) to {_HIGHEST_RATE}, not {text[:40]!r}.")
    return int(text)


def _body_limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= _MOST_BODY:
        raise BadSettings(f"JOREN_LARGEST_BODY must be a number of bytes from 1 to {_MOST_BODY}, not {text[:40]!r}.")
    return int(text)

"""The emulator itself, without any network: takes a request's body, gives an answer, keeps what happened."""

import asyncio
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from backend.push.emulator import answers, wire
from backend.push.emulator.answers import Answer, Break, Fault
from backend.push.emulator.devices import (
    Attempted,
    Change,
    Cleared,
    Delivered,
    Device,
    Devices,
    Registered,
    Uninstalled,
)
from backend.push.emulator.faults import EmulatorSettings, FaultRule, fault_for
from backend.push.emulator.journal import Journal
from backend.push.emulator.schedule import Schedule


@dataclass(slots=True)
class _Asked:
    """One request that waits for its answer; ``verdict`` is there where only the time has to come."""

    body: bytes
    project: str
    told: Callable[[Answer | Break], None]
    verdict: Answer | Break | None = None


class Emulator:
    """FCM on this machine: registered addresses, messages, counts and faults.

    Attributes:
        settings: how it behaves; may be replaced at any time.
    """

    def __init__(self, folder: Path) -> None:
        """Open the emulator's state in ``folder``, or begin it.

        Raises:
            Conflict: when another emulator holds the folder, or its state is damaged.
        """
        self.settings = EmulatorSettings()
        self._journal = Journal(folder / "journal.jsonl")
        try:
            self._devices = Devices(self._journal.read())
            self._journal.rewrite(self._devices.all())
        except BaseException:
            self._journal.close()
            raise
        self._noted: list[Change] = []
        self._schedule = Schedule(self._answer)
        self._streams: dict[str, set[asyncio.Queue[Delivered | None]]] = defaultdict(set)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all streams and let go of the state."""
        self._schedule.cancel()
        self.end_streams()
        self._journal.close()

    def register(self, addresses: Sequence[str], *, kind: str = "fid", project: str | None = None) -> None:
        """Install the app at these addresses; of ``project`` only, where one is named."""
        if addresses:
            self._change(Registered(tuple(addresses), kind, project))

    def register_phone(self, *, kind: str = "fid") -> str:
        """Install the app on a new phone; its address."""
        address = "c" + secrets.token_urlsafe(16)[:21]
        self.register([address], kind=kind)
        return address

    def uninstall(self, address: str) -> None:
        """Remove the app: the address answers UNREGISTERED from now on."""
        self._change(Uninstalled(address))

    def clear(self) -> None:
        """Set counts and messages back; apps stay installed."""
        self._change(Cleared())

    def device(self, address: str) -> Device | None:
        """What is known of an address, if anything."""
        return self._devices.get(address)

    def devices(self) -> Iterator[Device]:
        """Every address that registered or was named by a request."""
        return iter(self._devices.all())

    def ask(self, body: bytes, *, project: str, told: Callable[[Answer | Break], None]) -> None:
        """Have FCM's answer to one request told when its time has come; what a fault rule breaks is told as well."""
        self._schedule.put(_Asked(body, project, told), seconds=self.settings.latency_ms / 1000)

    def _answer(self, due: list[_Asked]) -> None:
        """Answer what is due. All of it reaches the operating system before any answer goes out."""
        for asked in due:
            if asked.verdict is None:
                self._decide(asked)
        try:
            self._journal.append(*self._noted)
        except OSError:
            for asked in due:
                asked.verdict = Break()
            raise
        finally:
            self._noted.clear()
            for asked in due:
                if asked.verdict is not None:
                    asked.told(asked.verdict)

    def _decide(self, asked: _Asked) -> None:
        try:
            envelope = wire.parse(asked.body)
        except wire.Refusal as wrong:
            asked.verdict = answers.malformed(wrong.field, wrong.message)
            return
        message, project = envelope.message, asked.project
        refusal = self._verdict(message, project=project)
        if envelope.validate_only:
            asked.verdict = refusal or answers.accepted(_name(project))
            return
        rule = self._rule(message.address)
        if refusal or (rule and not rule.after_accepting):
            self._note(Attempted(message.address))
            asked.verdict = refusal
        else:
            asked.verdict = self._deliver(message, name=_name(project))
        if rule:
            asked.verdict = _made(rule)
        if rule and rule.kind is Fault.HANG:
            late = replace(asked)
            asked.verdict = None
            self._schedule.put(late, seconds=rule.hang_seconds)

    def _rule(self, address: str) -> FaultRule | None:
        if not self.settings.faults:
            return None
        device = self._devices.get(address)
        return fault_for(self.settings, address=address, attempt=1 + (device.attempts if device else 0))

    def _verdict(self, message: wire.Message, *, project: str) -> Answer | None:
        device = self._devices.get(message.address)
        if device is None or not device.installed:
            return answers.refused(Fault.UNREGISTERED)
        if device.project not in {None, project}:
            return answers.refused(Fault.SENDER_ID_MISMATCH)
        return None

    def _deliver(self, message: wire.Message, *, name: str) -> Answer:
        delivered = Delivered(
            id=self._devices.last_message + 1,
            name=name,
            at=time.time(),
            title=message.android.notification.title or message.notification.title,
            body=message.android.notification.body or message.notification.body,
            image=message.notification.image,
            link=message.data.get("link"),
            data=dict(message.data),
            ttl_seconds=message.ttl_seconds,
            tag=message.tag,
            label=message.fcm_options.analytics_label,
            sound=message.android.notification.sound,
            badge=message.android.notification.notification_count,
        )
        self._note(Attempted(message.address, delivered))
        for queue in self._streams.get(message.address, ()):
            queue.put_nowait(delivered)
        return answers.accepted(name)

    async def stream(self, address: str, *, after: int) -> AsyncIterator[Delivered]:
        """Messages of an address, from those kept since number ``after`` on, then as they come.

        Those whose time to live ran out while the phone was away are left out, as on a real phone.
        """
        queue: asyncio.Queue[Delivered | None] = asyncio.Queue()
        self._streams[address].add(queue)
        try:
            for message in self._waiting(address, after=after):
                yield message
            while (message_or_end := await queue.get()) is not None:
                yield message_or_end
        finally:
            self._streams[address].discard(queue)

    def end_streams(self) -> None:
        """Tell every connected phone good-bye."""
        for queue in [queue for queues in self._streams.values() for queue in queues]:
            queue.put_nowait(None)

    def _waiting(self, address: str, *, after: int) -> list[Delivered]:
        device = self._devices.get(address)
        now = time.time()
        kept = device.messages if device else []
        return [message for message in kept if message.id > after and message.at + message.ttl_seconds >= now]

    def _note(self, change: Change) -> None:
        """Bring a change about that goes to the journal with those that are due with it."""
        self._noted.append(change)
        self._devices.apply(change)

    def _change(self, change: Change) -> None:
        self._journal.append(change)
        self._devices.apply(change)


def _name(project: str) -> str:
    return f"projects/{project}/messages/{secrets.token_hex(8)}"


def _made(rule: FaultRule) -> Answer | Break:
    if rule.kind in {Fault.HANG, Fault.DROP}:
        return Break()
    if rule.kind is Fault.TRUNCATED:
        return Break(answers.accepted(_name("a-project")).body[:-5])
    return answers.refused(rule.kind, retry_after=rule.retry_after)

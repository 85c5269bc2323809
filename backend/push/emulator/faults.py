"""Which request meets which fault: by address, by a share of all, or for the first few attempts. Deterministic."""

from hashlib import blake2b

import msgspec

from backend.push.emulator.answers import Fault

_SPAN = 1 << 64


class FaultRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault to make.

    Attributes:
        kind: what happens.
        addresses: the addresses it meets; empty for all.
        share: 0 to 1, the share of those requests it meets.
        times: it meets only the first so many attempts of an address; None for all.
        retry_after: seconds in the answer's Retry-After header.
        hang_seconds: how long HANG stays silent before the connection breaks.
        after_accepting: the message is delivered first, and only then the fault is answered. FCM does that, which
            is why an unclear answer must never be taken for a refusal.
    """

    kind: Fault
    addresses: tuple[str, ...] = ()
    share: float = 1.0
    times: int | None = None
    retry_after: int | None = None
    hang_seconds: float = 60.0
    after_accepting: bool = False


class EmulatorSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the emulator behaves; a restart makes it healthy again.

    Attributes:
        latency_ms: wait before each answer.
        faults: rules in order; the first that meets a request holds.
        seed: changes which requests a share picks.
    """

    latency_ms: int = 0
    faults: tuple[FaultRule, ...] = ()
    seed: int = 0


def fault_for(settings: EmulatorSettings, *, address: str, attempt: int) -> FaultRule | None:
    """The rule that meets this request, if any; ``attempt`` counts the address's requests from 1."""
    for number, rule in enumerate(settings.faults):
        if _meets(rule, address=address, attempt=attempt, salt=f"{settings.seed}:{number}"):
            return rule
    return None


def _meets(rule: FaultRule, *, address: str, attempt: int, salt: str) -> bool:
    if rule.addresses and address not in rule.addresses:
        return False
    if rule.times is not None and attempt > rule.times:
        return False
    return rule.share >= 1.0 or _draw(f"{salt}:{address}:{attempt}") < rule.share


def _draw(text: str) -> float:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) / _SPAN

"""A shop's six weeks as its phones and tills would tell them, and deliveries of them: in order, or as networks really do it."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from tests.services.refreshing import identify, opened, order, track

BEGIN = datetime(2026, 2, 16, 3, tzinfo=UTC)
DAYS = 44
END = BEGIN + timedelta(days=DAYS)
"""By then everything has come, however late: noon in Tokyo, on a day on which something happens."""

PEOPLE = 8
_STORES = ("S1", "S2")
_CATEGORIES = ("弁当", "お茶", "雑貨")


@dataclass(frozen=True, slots=True, order=True)
class Told:
    """One event: when it happened, over which source it is told, and what is sent."""

    at: datetime
    kind: str
    message_id: str
    call: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A batch, and when it comes."""

    at: datetime
    kind: str
    calls: tuple[dict[str, Any], ...]


def story(seed: int, *, size: int) -> list[Told]:
    """Events in the order in which they happened, no two at the same moment: of what happens at once, any may be the first.

    But a till tells some orders twice under another id. And the shop vouches for everyone's phones, because otherwise the first
    phone goes by arrival (docs/decisions/0012).
    """
    dice = random.Random(seed)
    phones = [(f"u{n}", f"a{m % PEOPLE}") for n in range(PEOPLE) for m in (n, n + 1)]
    minutes = iter(sorted(dice.sample(range(DAYS * 24 * 60 - 60), size + len(phones))))
    calls: list[tuple[str, dict[str, Any]]] = [_call(dice, *dice.choice(phones)) for _ in range(size)]
    calls += [("server", identify(user=user, anonymous=anonymous)) for user, anonymous in phones]
    dice.shuffle(calls)
    _choose_orders(dice, [call for _, call in calls])
    told = [
        _told(f"m{n}", kind, call, BEGIN + timedelta(minutes=next(minutes))) for n, (kind, call) in enumerate(calls)
    ]
    again = [_again(one) for one in told if one.call.get("event") == "Order Completed" and dice.random() < 0.3]
    return sorted([*told, *again])


def in_order(told: Sequence[Told]) -> list[Request]:
    """Each event once and at its time; what one source says in a row is one batch."""
    runs = [list(run) for _, run in groupby(told, key=lambda one: one.kind)]
    return [Request(run[-1].at, run[0].kind, tuple(one.call for one in run)) for run in runs]


def as_networks_do(told: Sequence[Told], dice: random.Random) -> list[Request]:
    """Days late, in any order, some twice or more, in batches of any size; the last of it before `END`."""
    copies = [one for one in told for _ in range(dice.choice((1, 1, 1, 2, 3)))]
    arrivals = sorted(((_arrival(one, dice), dice.random(), one) for one in copies), key=lambda each: each[:2])
    return list(_batched([(at, one) for at, _, one in arrivals], dice))


def _arrival(one: Told, dice: random.Random) -> datetime:
    latest = END - one.at
    late = dice.choice((timedelta(), timedelta(hours=1), timedelta(days=3), timedelta(days=25)))
    return one.at + min(late * dice.random(), latest)


def _batched(arrivals: Iterable[tuple[datetime, Told]], dice: random.Random) -> Iterator[Request]:
    """A batch waits for company, as an SDK's queue does; its events are in no order."""
    waiting: dict[str, list[Told]] = {"app": [], "server": []}
    sizes = {kind: dice.randint(1, 12) for kind in waiting}
    for at, one in arrivals:
        waiting[one.kind].append(one)
        if len(waiting[one.kind]) >= sizes[one.kind]:
            yield _request(at, waiting.pop(one.kind), dice)
            waiting[one.kind], sizes[one.kind] = [], dice.randint(1, 12)
    for left in waiting.values():
        if left:
            yield _request(END, left, dice)


def _request(at: datetime, events: list[Told], dice: random.Random) -> Request:
    dice.shuffle(events)
    return Request(at, events[0].kind, tuple(one.call for one in events))


def _told(message_id: str, kind: str, call: dict[str, Any], at: datetime) -> Told:
    return Told(at, kind, message_id, {**call, "messageId": message_id, "timestamp": at.isoformat()})


def _choose_orders(dice: random.Random, calls: Sequence[dict[str, Any]]) -> None:
    """Returns name an order of the same user, where he has one."""
    for call in calls:
        if call.get("event") in ("Order Refunded", "Order Cancelled"):
            own = [one for one in calls if one.get("event") == "Order Completed" and one["userId"] == call["userId"]]
            call["properties"]["order_id"] = dice.choice(own)["properties"]["order_id"] if own else "unknown"


def _again(one: Told) -> Told:
    """The same order at the same time, by one who forgot that he told it."""
    return _told(f"{one.message_id} again", one.kind, one.call, one.at)


def _call(dice: random.Random, user: str, anonymous: str) -> tuple[str, dict[str, Any]]:
    """What happens to somebody, and who tells it: weighty facts the tills, and phones, which are not believed beside a till."""
    receipt, sum_, store = f"o{dice.randrange(10**6)}", dice.randint(100, 900), dice.choice(_STORES)
    coupon = {"user": user, "coupon_id": dice.choice(("c1", "c2")), "store_id": store}
    lines = [{"product_id": f"p{dice.randint(1, 4)}", "category": dice.choice(_CATEGORIES), "quantity": 1, "price": 90}]
    return dice.choice((
        ("app", opened(user=user, anonymous=anonymous, token=f"t{anonymous}")),
        ("app", opened(anonymous=anonymous, token=f"t{anonymous}")),
        ("app", identify(user=user, anonymous=anonymous, prefecture=dice.choice(("大阪府", "東京都")))),
        ("app", identify(user=user, push_consent=dice.random() < 0.7, gender=dice.choice(("female", "male")))),
        ("app", track("Coupon Viewed", **coupon)),
        ("app", track("Coupon Presented", **coupon)),
        ("app", track("Survey Answered", user=user, score=dice.randint(0, 10))),
        ("app", track("Product Viewed", user=user, category=dice.choice(_CATEGORIES))),
        ("app", track("Tasting", user=user, tea="ほうじ茶")),
        ("server", track("Store Visited", user=user, store_id=store)),
        ("server", order(receipt, sum_, user=user, products=lines, store_id=store)),
        ("server", order(receipt, sum_, user=user, products=lines, store_id=store)),
        ("app", order(receipt, sum_, user=user, store_id=store)),
        ("app", track("Coupon Redeemed", **coupon)),
        ("server", track("Order Refunded", user=user, total=dice.randint(1, 99))),
        ("server", track("Order Cancelled", user=user)),
        ("server", track("Coupon Issued", **coupon, valid_until=f"2026-04-{dice.randint(1, 9):02}")),
        ("server", track("Coupon Redeemed", **coupon)),
        ("server", track("Membership Joined", user=user)),
        ("server", track("Membership Withdrawn", user=user)),
        ("server", track("Membership Rank Changed", user=user, rank=dice.choice(("gold", "silver")))),
        ("server", track("Points Earned", user=user, points=dice.randint(1, 50))),
        ("server", {"type": "alias", "userId": user, "previousId": f"u{dice.randrange(PEOPLE)}"})
        if dice.random() < 0.15
        else ("server", track("Store Visited", user=user, store_id=store)),
    ))  # fmt: skip

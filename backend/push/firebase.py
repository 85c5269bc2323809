"""Push through Firebase Cloud Messaging, with firebase-admin as it is, its retries switched off (see `lane`).

The plain one of the two senders: `fast` does the same with a transport of its own.
"""

import asyncio
from collections.abc import Sequence

from firebase_admin import messaging

from backend.errors import BadInput
from backend.push.bearer import Bearer
from backend.push.lane import CALL, Lane
from backend.push.messages import encoded
from backend.push.routes import Route
from campaigns.delivery import Outcome, Refusal, Refused
from campaigns.message import PushMessage

LANES = 4
"""Apps, each with a connection of its own; one carries about 100 / latency messages a second."""


class FirebaseSender:
    """Implements `campaigns.delivery.PushSender`. Belongs to the event loop it was opened in."""

    def __init__(self, route: Route, *, lanes: int = LANES) -> None:
        self._bearer = Bearer(route.credential)
        self._lanes = [Lane(route) for _ in range(lanes)]
        self._next = 0

    async def send(self, messages: Sequence[PushMessage]) -> list[Outcome]:
        """Try each message exactly once; see the port."""
        outcomes: dict[int, Outcome] = {}
        sound: list[tuple[int, messaging.Message]] = []
        for place, message in enumerate(messages):
            try:
                sound.append((place, encoded(message)))
            except BadInput as error:
                outcomes[place] = Refused(Refusal.INVALID_ARGUMENT, detail=error.message)
        calls = [sound[start : start + CALL] for start in range(0, len(sound), CALL)]
        for answered in await asyncio.gather(*(self._call(call) for call in calls)):
            outcomes.update(answered)
        return [outcomes[place] for place in range(len(messages))]

    async def aclose(self) -> None:
        """Close all connections; the sender is of no use afterwards."""
        for lane in self._lanes:
            await lane.aclose()

    async def _call(self, call: list[tuple[int, messaging.Message]]) -> dict[int, Outcome]:
        places = [place for place, _ in call]
        if refusal := await self._bearer.missing():
            return dict.fromkeys(places, refusal)
        outcomes = await self._lane().send([message for _, message in call])
        if any(isinstance(outcome, Refused) and outcome.kind is Refusal.AUTH for outcome in outcomes):
            self._bearer.forget()
        return dict(zip(places, outcomes, strict=True))

    def _lane(self) -> Lane:
        """A lane without a call under way, else the next in turn."""
        self._next += 1
        turn = self._next % len(self._lanes)
        ordered = self._lanes[turn:] + self._lanes[:turn]
        return next((lane for lane in ordered if not lane.busy), ordered[0])

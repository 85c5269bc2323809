"""A sender that keeps messages in memory: for tests, and for a dry run of everything but the sending."""

from collections import Counter
from collections.abc import Callable, Sequence

from campaigns.delivery import Accepted, Outcome
from campaigns.message import PushMessage


def accept(message: PushMessage) -> Outcome:
    """The answer of a service in good health."""
    return Accepted(f"memory/{message.delivery_id}")


class MemorySender:
    """Implements `campaigns.delivery.PushSender` without a network.

    Attributes:
        answer: gives each message's outcome; replace it to make faults.
        sent: every message that was tried, in order.
        accepted: those of them that were accepted.
    """

    def __init__(self, answer: Callable[[PushMessage], Outcome] = accept) -> None:
        self.answer = answer
        self.sent: list[PushMessage] = []
        self.accepted: list[PushMessage] = []

    async def send(self, messages: Sequence[PushMessage]) -> list[Outcome]:
        """Try each message exactly once; see the port."""
        return [self._try(message) for message in messages]

    def attempts(self) -> Counter[str]:
        """Tries by address."""
        return Counter(message.address for message in self.sent)

    async def aclose(self) -> None:
        """Nothing to close."""

    def _try(self, message: PushMessage) -> Outcome:
        outcome = self.answer(message)
        self.sent.append(message)
        if isinstance(outcome, Accepted):
            self.accepted.append(message)
        return outcome

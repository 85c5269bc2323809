"""Customer tokens of a source in words: modes, why events were not proven, what is wrong with a key."""

from dataclasses import dataclass

from admin_ui.error_words import in_words
from admin_ui.failure_words import why
from admin_ui.i18n import Say, mark
from backend.errors import JorenError
from backend.services.customer_tokens.state import DayOfVerdicts, TokenState
from segments.tokens import UNVERIFIED, TokenMode, Verdict

MODES = {
    TokenMode.OFF: (
        mark("Do not look at tokens"),
        mark("The app's events are taken as they come. A token they carry is thrown away."),
    ),
    TokenMode.REPORT: (
        mark("Report"),
        mark("Every event is taken. A good token proves the customer, and here you see how many events would fail."),
    ),
    TokenMode.ENFORCE: (
        mark("Enforce"),
        mark(
            "An event that names a customer, or moves money or reward, needs a good token. Without one it becomes a failed event; "
            "the app gets no error and loses nothing else. Visitors who are not signed in need none."
        ),
    ),
}
"""What each mode is called and does."""

FAULTS = {
    "no_token_key": mark("Add a public key first: without one every event that names a customer would fail."),
    "last_token_key": mark("This is the last key of a source that enforces tokens. Add another one first."),
    "too_many_keys": mark("20 keys are in force. Retire one first."),
    "kid_taken": mark("This source has or had a key of this name. Choose another kid."),
    "bad_kid": mark("A kid has 1 to 100 printable characters."),
    "private_key": mark("This is a private key. It stays on your server: paste the public one."),
    "weak_key": mark("Use P-256 (ES256), Ed25519 (EdDSA), or RSA of 3072 to 8192 bits (RS256)."),
    "bad_public_key": mark("This is not a public key. Paste one PEM text, certificate or JWK."),
}
"""What is wrong, by code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenView:
    """The part of a source's page about tokens.

    Attributes:
        reasons: of all days, why events were not proven, with how many, the most frequent first.
        latest: the newest days, newest first.
    """

    state: TokenState
    valid: int
    unverified: int
    reasons: tuple[tuple[str, int], ...]

    @property
    def share(self) -> float:
        """Part of the events that were not proven, 0 where there were none."""
        return self.unverified / max(1, self.valid + self.unverified)

    @property
    def latest(self) -> tuple[DayOfVerdicts, ...]:
        """The days the table shows."""
        return self.state.days[:7]


def token_view(state: TokenState, say: Say) -> TokenView:
    """The state of a source's tokens in the words of a language."""
    counts = state.by_verdict
    return TokenView(
        state=state,
        valid=counts.get(Verdict.VALID, 0),
        unverified=sum(events for verdict, events in counts.items() if verdict != Verdict.VALID),
        reasons=tuple(
            (why(UNVERIFIED + verdict, say), events) for verdict, events in counts.items() if verdict != Verdict.VALID
        ),
    )


def fault_of(error: JorenError, say: Say) -> str:
    """What is wrong, in the reader's language where the code is known."""
    words = FAULTS.get(error.code)
    return say(words) if words else in_words(error, say)

"""Errors of the shell.

    JorenError                 a person can do something about it: the message says what
    ├── BadInput               what was sent cannot be taken
    ├── NotFound               nothing has that name
    ├── Conflict               it exists already, or its state does not allow this
    ├── Forbidden              you may not
    ├── NotConfigured          a setting is missing or wrong
    ├── TooMany                a limit is reached; try again after a while
    └── Unavailable            database, disk or network is away; try again

``code`` is stable and for machines, ``message`` is one clear sentence for people.
"""


class JorenError(Exception):
    """A fault a person can do something about.

    Attributes:
        code: stable word for machines.
        message: one sentence for people, with the way out.
        field: the input field at fault, where there is one.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        if code is not None:
            self.code = code


class BadInput(JorenError):
    """What was sent cannot be taken."""

    code = "bad_input"


class NotFound(JorenError):
    """Nothing has that name."""

    code = "not_found"


class Conflict(JorenError):
    """It exists already, or its state does not allow this."""

    code = "conflict"


class Forbidden(JorenError):
    """You may not."""

    code = "forbidden"


class NotConfigured(JorenError):
    """A setting is missing or wrong."""

    code = "not_configured"


class Unavailable(JorenError):
    """Database, disk or network is away; try again."""

    code = "unavailable"


class TooMany(JorenError):
    """A limit is reached; the same again is right after ``retry_after`` seconds."""

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after

"""Errors of the functional core.

    FactsError            something asked of the core cannot be answered
    ├── RuleError         a segment rule that does not parse or refers to nothing
    ├── UnknownMetric     a KPI slug that is not in the catalogue
    ├── BadOption         an option a KPI does not have, or a value it does not allow
    ├── BadWindow         a window that ends before it begins
    └── HistoryDropped    a question about raw history that was dropped

The message says what is wrong and what would be right; the shell maps each class to an answer.
"""


class FactsError(ValueError):
    """Something asked of the core cannot be answered; ``code`` is stable and for machines."""

    code = "bad_input"


class RuleError(FactsError):
    """A segment rule that does not parse or refers to nothing."""

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        """Where in the rule's JSON the fault is, from the root: ``("all", 1, "value")``."""


class UnknownMetric(FactsError):
    """A KPI slug that is not in the catalogue."""


class BadWindow(FactsError):
    """A window that ends before it begins."""

    code = "window_turned_round"


class HistoryDropped(FactsError):
    """A question that only raw history answers, about days of which it was dropped."""

    code = "history_dropped"


class BadOption(FactsError):
    """An option a KPI does not have, or a value it does not allow.

    Attributes:
        code: the fault for machines; pages say it in their language.
        option: the option at fault, where there is one.
        values: what belongs into the sentence.
    """

    def __init__(self, message: str, *, code: str = "bad_option", option: str = "", **values: int) -> None:
        super().__init__(message)
        self.code = code
        self.option = option
        self.values = values

"""Errors of the campaign decisions.

    CampaignError            something asked of a campaign cannot be done
    ├── TransitionRefused    its state does not allow the action
    ├── DraftIncomplete      a field of the draft is missing or wrong
    └── TemplateError        a text does not parse or uses what is not allowed

The message is one sentence for people; the shell maps each class to an answer.
"""


class CampaignError(ValueError):
    """Something asked of a campaign cannot be done."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class TransitionRefused(CampaignError):
    """The campaign's state does not allow the action."""


class DraftIncomplete(CampaignError):
    """A field of the draft is missing or wrong."""

    def __init__(self, message: str, *, field: str, code: str = "draft_incomplete") -> None:
        super().__init__(message)
        self.field = field
        """The draft's field at fault, such as ``content.ja.title``."""
        self.code = code
        """The fault for machines, where pages say it in words of their own."""


class TemplateError(CampaignError):
    """A text does not parse or uses what is not allowed."""

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line

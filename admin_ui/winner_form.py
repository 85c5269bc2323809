"""How a winner of several versions is found, as it stands in the campaign editor's fields."""

from collections.abc import Mapping
from datetime import timedelta

from admin_ui.content_form import Fields
from admin_ui.forms import Form
from admin_ui.i18n import mark
from campaigns.trigger import REPEATING, SET_BASED, Kind
from campaigns.winner import EVERYBODY, Measure, Otherwise, WinnerRule

_UNITS: Mapping[str, timedelta] = {"hours": timedelta(hours=1), "days": timedelta(days=1)}
UNIT_NAMES: Mapping[str, str] = {"hours": mark("hours"), "days": mark("days")}
MEASURES: Mapping[str, str] = {
    Measure.DIRECT: mark("Tapped the push"),
    Measure.OPENS: mark("Tapped it or opened the app within a day"),
    Measure.CONVERSIONS: mark("Did what counts as success"),
}
OTHERWISE: Mapping[str, str] = {
    Otherwise.FIRST: mark("the first version"),
    Otherwise.BEST: mark("the one that leads anyhow"),
    Otherwise.SPLIT: mark("all versions by their shares, as in the test"),
}
LEVELS = ("80", "90", "95", "99")
BLANK: Mapping[str, str] = {
    "winner": "",
    "winner_measure": str(Measure.DIRECT),
    "winner_percent": "20",
    "winner_wait": "4",
    "winner_unit": "hours",
    "winner_level": "95",
    "winner_otherwise": str(Otherwise.FIRST),
}
CHOICES = {"winner_measure": [*Measure], "winner_unit": [*_UNITS], "winner_otherwise": [*Otherwise]}
FIELD_OF: Mapping[str, str] = {
    "winner.test_percent": "winner_percent",
    "winner.wait": "winner_wait",
    "winner.level": "winner_level",
}
"""Fields of a rule that are called differently in the form."""


def write(rule: WinnerRule | None) -> Fields:
    """The fields of a rule that is kept."""
    if rule is None:
        return dict(BLANK)
    unit = "hours" if rule.wait % _UNITS["days"] else "days"
    return {
        "winner": "on",
        "winner_measure": str(rule.measure),
        "winner_percent": f"{rule.test_percent:g}",
        "winner_wait": f"{rule.wait / _UNITS[unit]:g}",
        "winner_unit": unit,
        "winner_level": f"{rule.level:g}",
        "winner_otherwise": str(rule.otherwise),
    }


def is_asked(fields: Mapping[str, str]) -> bool:
    """Whether a winner is to be found, and can be: the fields are shown for these kinds alone."""
    return bool(fields["winner"]) and fields["kind"] in {str(kind) for kind in SET_BASED}


def rule(fields: Mapping[str, str]) -> WinnerRule | None:
    """The rule that the fields state; None where none is asked for."""
    if not is_asked(fields):
        return None
    everybody = fields["kind"] in {str(kind) for kind in REPEATING}
    return WinnerRule(
        measure=Measure(fields["winner_measure"]),
        test_percent=EVERYBODY if everybody else _number(fields["winner_percent"]) or 0.0,
        wait=(_number(fields["winner_wait"]) or 0.0) * _UNITS[fields["winner_unit"]],
        level=_number(fields["winner_level"]) or 0.0,
        otherwise=Otherwise(fields["winner_otherwise"]),
    )


def wrong(fields: Mapping[str, str]) -> list[str]:
    """Fields that hold no number."""
    if not is_asked(fields):
        return []
    asked = ["winner_wait", "winner_level", *(["winner_percent"] if fields["kind"] == Kind.ONCE else [])]
    return [name for name in asked if _number(fields[name]) is None]


def _number(text: str) -> float | None:
    return Form({"x": text}.items()).fraction("x")

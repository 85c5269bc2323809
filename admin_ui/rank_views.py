"""Rank rules as their form has them: texts in, rules out, and the words of versions. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from babel.numbers import get_currency_precision

from admin_ui import filters
from admin_ui.forms import Errors, Form
from admin_ui.i18n import Say, mark
from segments.rank_rules import Criterion, Period, Promotion, Rank, RankRules, problems

CRITERIA: Mapping[str, str] = {
    Criterion.AMOUNT: mark("Money spent, less refunds"),
    Criterion.ORDERS: mark("Number of orders"),
    Criterion.POINTS: mark("Points earned"),
}
PERIODS: Mapping[str, str] = {
    Period.ROLLING: mark("The last twelve months"),
    Period.CALENDAR: mark("Calendar year"),
    Period.FISCAL: mark("Fiscal year"),
    Period.JOINED: mark("Since joining"),
}
PROMOTIONS: Mapping[str, str] = {
    Promotion.AT_ONCE: mark("At once"),
    Promotion.AFTER_RETURN: mark("After a return period"),
    Promotion.DATES: mark("On certain days"),
}
_FIELDS = ("criterion", "period", "year_starts", "promotion", "return_days", "promotion_dates", "demotion_dates",
           "grace_days", "floor", "valid_from", "note")  # fmt: skip
_PROBLEMS = {
    "ranks": mark("Name 2 to 20 ranks, each asking for more than the one below it; the lowest asks for 0."),
    "year_starts": mark("Choose a month from 1 to 12."),
    "return_days": mark("Choose a whole number of days from 1 to 366."),
    "promotion_dates": mark("Write days like 15 (of each month) or 04-01 (each year)."),
    "demotion_dates": mark("Write days like 15 (of each month) or 04-01 (each year)."),
    "grace_days": mark("Choose a whole number of days from 0 to 366."),
    "floor": mark("The floor is one of the ranks."),
    "valid_from": mark("New rules begin today or within a year: ranks of the past stay as they were."),
    "note": mark("A note has at most 200 characters."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """The form as it was typed: fields by name, and rows of rank and threshold."""

    fields: Mapping[str, str]
    rows: Sequence[tuple[str, str]]


def blank(year_starts: int, today: str) -> Typed:
    """A form to begin with."""
    fields = dict.fromkeys(_FIELDS, "") | {
        "criterion": "amount", "period": "rolling", "promotion": "at_once", "year_starts": str(year_starts),
        "return_days": "14", "grace_days": "0", "valid_from": today,
    }  # fmt: skip
    return Typed(fields=fields, rows=[("", "0"), ("", ""), ("", "")])


def written(rules: RankRules, today: str, currency: str) -> Typed:
    """Rules as the form shows them."""
    fields = {
        "criterion": str(rules.criterion),
        "period": str(rules.period),
        "year_starts": str(rules.year_starts),
        "promotion": str(rules.promotion),
        "return_days": str(rules.return_days or 14),
        "promotion_dates": ", ".join(rules.promotion_dates),
        "demotion_dates": ", ".join(rules.demotion_dates),
        "grace_days": str(rules.grace_days),
        "floor": rules.floor or "",
        "valid_from": today,
        "note": "",
    }
    scale = 10 ** _scale(rules.criterion, currency)
    return Typed(fields=fields, rows=[(rank.name, _plain(rank.threshold, scale)) for rank in rules.ranks])


def typed(form: Form) -> Typed:
    """The form as it was sent, with a row more or less where that was asked for."""
    rows = list(zip([name.strip() for name in form.all("rank")], form.all("threshold"), strict=False))
    wish, _, number = form.text("do").partition("-")
    if wish == "add":
        rows.append(("", ""))
    if wish == "remove" and number.isdecimal() and int(number) < len(rows):
        rows.pop(int(number))
    return Typed(fields={name: form.text(name) for name in _FIELDS}, rows=rows)


def read(given: Typed, currency: str, say: Say) -> tuple[RankRules | None, Errors]:
    """The rules of a form; None with what is wrong, by field."""
    fields = given.fields
    criterion = Criterion(fields["criterion"]) if fields["criterion"] in list(Criterion) else Criterion.AMOUNT
    promotion = Promotion(fields["promotion"]) if fields["promotion"] in list(Promotion) else Promotion.AT_ONCE
    rules = RankRules(
        ranks=tuple(
            Rank(name, _threshold(text, criterion, currency)) for name, text in given.rows if name or text.strip()
        ),
        criterion=criterion,
        period=Period(fields["period"]) if fields["period"] in list(Period) else Period.ROLLING,
        year_starts=_whole(fields["year_starts"]),
        promotion=promotion,
        return_days=_whole(fields["return_days"]) if promotion is Promotion.AFTER_RETURN else 0,
        promotion_dates=_dates(fields["promotion_dates"]) if promotion is Promotion.DATES else (),
        demotion_dates=_dates(fields["demotion_dates"]),
        grace_days=_whole(fields["grace_days"] or "0"),
        floor=fields["floor"] or None,
    )
    errors = {field: say(_PROBLEMS[field]) for field in problems(rules)}
    return (None, errors) if errors else (rules, errors)


def problem(field: str, say: Say) -> str:
    """What is wrong with a field."""
    return say(_PROBLEMS.get(field, _PROBLEMS["ranks"]))


def threshold(rank: Rank, rules: RankRules, currency: str, say: Say) -> str:
    """What a rank asks for, with its unit."""
    return amount(rank.threshold, rules.criterion, currency, say)


def amount(value: int, criterion: str | None, currency: str, say: Say) -> str:
    """A figure of a criterion with its unit."""
    if criterion == Criterion.AMOUNT:
        return filters.money(value, currency, say)
    unit = mark("%(n)s orders") if criterion == Criterion.ORDERS else mark("%(n)s points")
    return say(unit, n=filters.count(value, say))


def sentences(rules: RankRules, say: Say) -> list[str]:
    """How people rise and fall, in words."""
    told = [f"{say(CRITERIA[rules.criterion])} · {say(PERIODS[rules.period])}"]
    if rules.period is Period.FISCAL:
        told.append(say(mark("The year begins with month %(n)s"), n=rules.year_starts))
    rise = {
        Promotion.AT_ONCE: say(mark("Rises at once")),
        Promotion.AFTER_RETURN: say(mark("Rises %(n)s days after an order"), n=rules.return_days),
        Promotion.DATES: say(mark("Rises on %(dates)s"), dates=", ".join(rules.promotion_dates)),
    }
    told.append(rise[rules.promotion])
    if not rules.demotion_dates:
        return [*told, say(mark("Never falls"))]
    told.append(say(mark("Reviewed on %(dates)s"), dates=", ".join(rules.demotion_dates)))
    if rules.grace_days:
        told.append(say(mark("%(n)s days of grace"), n=rules.grace_days))
    if rules.floor:
        told.append(say(mark("Nobody falls below %(rank)s"), rank=rules.floor))
    return told


def _scale(criterion: Criterion, currency: str) -> int:
    return get_currency_precision(currency) if criterion is Criterion.AMOUNT else 0


def _plain(minor: int, scale: int) -> str:
    return f"{minor / scale:.2f}" if minor % scale else str(minor // scale)


def _threshold(text: str, criterion: Criterion, currency: str) -> int:
    """In the criterion's smallest unit; -1, which no rank can ask for, where it is no number."""
    number = Form([("n", text)]).fraction("n") if "." in text else Form([("n", text)]).whole("n")
    return -1 if number is None else round(number * 10 ** _scale(criterion, currency))


def _whole(text: str) -> int:
    number = Form([("n", text)]).whole("n")
    return -1 if number is None else number


def _dates(text: str) -> tuple[str, ...]:
    """Days as they are written, also without their zeros: 4/1 is 04-01."""
    parts = text.replace("、", ",").replace(",", " ").replace("/", "-").split()
    return tuple("-".join(each.zfill(2) for each in part.split("-")) for part in parts)

"""The catalogue as a page: ``docs/kpi.md`` is this text, and a test holds the two equal."""

from segments.metrics.catalog import CATALOG
from segments.metrics.metric import AsOf, Metric, Option, Unit, Words
from segments.metrics.notes import NOTES

_HEAD = """# KPIs

Written by `segments/metrics/document.py`; change the catalogue (`segments/metrics/catalog/`), not this page.

Ground rules: a business day is the corrected time of an event in the shop's time zone, shifted by its day boundary.
Windows hold both their ends. A window that has not ended is incomplete (集計中). Rates count customers (coupon rates:
pairs of customer and coupon), every numerator is a part of its denominator, and a zero denominator shows —. An order
counts once per order number unless it was cancelled or wholly refunded as of the as-of time. Weighty facts (orders,
ranks, points, coupon issue and redemption) from an untrusted source step back once a trusted source reports that event;
refunds and cancellations together with the orders, spent and expired points with the earned ones.
"""

_UNITS = {
    Unit.RATE: "rate 割合",
    Unit.PEOPLE: "customers 人",
    Unit.MONEY: "money, minor units 金額（最小単位）",
    Unit.TIMES: "mean 平均",
    Unit.DAYS: "days 日",
    Unit.SCORE: "score 点",
    Unit.MULTIPLE: "multiple 倍",
    Unit.NUMBER: "number 数",
}
_AS_OF = {AsOf.PERIOD: NOTES["members_period"], AsOf.COHORT: NOTES["members_cohort"]}


def render() -> str:
    """The whole page."""
    remarks = "\n".join(f"- `{code}` {words['ja']}<br>{words['en']}" for code, words in NOTES.items())
    return "\n".join([_HEAD, *(_section(metric) for metric in CATALOG.values()), "## Remarks 注記\n", remarks, ""])


def _section(metric: Metric) -> str:
    rows = [
        ("numerator 分子", _both(metric.numerator)),
        ("denominator 分母", _both(metric.denominator)),
        ("window 期間", _both(metric.window)),
        ("unit 単位", _UNITS[metric.unit]),
        ("events 出来事", ", ".join(metric.sources) or "by its options 選択による"),
        ("segment 該当の判定", _both(_AS_OF[metric.as_of])),
    ]
    table = "\n".join(f"| {name} | {text} |" for name, text in rows)
    options = "\n".join(_option(option) for option in metric.options)
    head = f"## `{metric.slug}` {metric.title['ja']} / {metric.title['en']}\n\n{_both(metric.definition)}\n"
    return "\n".join([head, "| | |\n|---|---|", table, "", *([f"{options}\n"] if options else [])])


def _option(option: Option) -> str:
    if option.choices:
        allowed = " | ".join(f"`{choice}`" for choice in option.choices)
    elif isinstance(option.default, int):
        allowed = f"{option.low}–{option.high}"
    else:
        allowed = "any text" if option.reads else "any event name"
    return f"- `{option.name}` {option.ja} / {option.en}: {allowed}; default `{option.default}`"


def _both(words: Words) -> str:
    ja, en = words["ja"], words["en"]
    return f"{ja}<br>{en}"

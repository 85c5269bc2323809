"""Life cycle, RFM and lifetime value by counting on fingers, and the models' likelihoods term by term."""

from collections import Counter
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, exp, inf, lgamma, log

from segments.metrics.thresholds import Thresholds
from tests.segments.metrics.reference import Pair, Shop
from tests.segments.metrics.reference_purchases import percentile, purchases_of
from tests.segments.reference_customers import orders_of


def thresholds(gaps: list[int], history_days: int) -> tuple[int, int, int, bool]:
    """T1, T2, T3, and whether they are provisional."""
    if history_days < 365 or len(gaps) < 500:
        return 60, 120, 240, True
    t1 = max(ceil(percentile(gaps, Fraction(3, 4))), 14)
    t2 = max(ceil(percentile(gaps, Fraction(9, 10))), t1 + 14)
    return t1, t2, 2 * t2, False


def states(shop: Shop, first: date, last: date, used: Thresholds, basis: str) -> Counter[str]:
    """Customers by state at the end of a day."""
    known = [
        who
        for who in shop.people
        if shop.in_period(who, first) and any(row.customer == who and row.day <= last for row in shop.everything)
    ]
    return Counter(_state([one.day for one in purchases_of(shop, who, basis)], last, used) for who in known)


def _state(days: list[date], on: date, used: Thresholds) -> str:
    bought = [day for day in days if day <= on]
    if not bought:
        return "none"
    recency = (on - bought[-1]).days
    for state, limit in (("churned", used.t3), ("dormant", used.t2), ("at_risk", used.t1)):
        if recency > limit:
            return state
    if len(bought) == 1:
        return "new"
    for place in range(1, len(bought)):
        if (bought[place] - bought[place - 1]).days > used.t2 and (on - bought[place]).days <= used.t1:
            return "returned"
    return "active"


def churned(shop: Shop, first: date, last: date, used: Thresholds) -> Pair:
    """Who crossed T3 between the two ends of the window, of those who had not before."""
    base = gone = 0
    for who in shop.people:
        days = [one.day for one in purchases_of(shop, who, "days") if one.day <= last]
        earlier = [day for day in days if day < first]
        if earlier and shop.in_period(who, first) and (first - timedelta(days=1) - earlier[-1]).days <= used.t3:
            base += 1
            gone += (last - days[-1]).days > used.t3
    return gone, base


def realised(shop: Shop, first: date, last: date) -> Pair:
    """Net sales to date of those with an order that counts as of that day."""
    total = buyers = 0
    for who in shop.people:
        rows = [row for row in shop.rows if row.customer == who and row.day <= last]
        orders = orders_of(rows)
        if shop.in_period(who, first) and any(order["counted"] for order in orders.values()):
            strangers = [
                row.amount or 0
                for row in rows
                if row.event in ("Order Refunded", "Order Cancelled") and row.order not in orders
            ]
            total += sum(order["net"] for order in orders.values()) - sum(strangers)
            buyers += 1
    return total, buyers


def rfm(shop: Shop, on: date, span: int, basis: str) -> dict[int, tuple[int, int, int, str]]:
    """Per customer recency, purchases, spend and group."""
    values = {}
    for who in shop.people:
        mine = [one for one in purchases_of(shop, who, basis) if on - timedelta(days=span) < one.day <= on]
        if mine:
            values[who] = ((on - mine[-1].day).days, len(mine), sum(one.net for one in mine))

    def score(of: float, among: list[float]) -> int:
        return ceil(Fraction(5 * (1 + sum(other < of for other in among)), len(among)))

    recencies, times, money = (
        [-one[0] for one in values.values()],
        *([one[n] for one in values.values()] for n in (1, 2)),
    )
    return {
        who: (days, often, spent, group(score(-days, recencies), score(often, times), score(spent, money)))
        for who, (days, often, spent) in values.items()
    }


def group(r: int, f: int, m: int) -> str:
    """The name of a customer with these scores."""
    if r <= 2:
        quiet = "about_to_sleep" if r == 2 else "hibernating"
        return "cannot_lose" if f >= 4 and m >= 4 else "at_risk" if f >= 3 or m >= 3 else quiet
    if f >= 3 and m >= 3:
        return "champions" if min(r, f, m) >= 4 else "loyal"
    if r == 3:
        return "attention" if f >= 2 or m >= 3 else "about_to_sleep"
    return "potential" if f > 1 else "new" if r == 5 else "promising"


def bg_nbd(r: float, alpha: float, a: float, b: float, histories: list[tuple[float, float, float]]) -> float:
    """Log-likelihood of (repeats, recency, age), equation (6) of Fader, Hardie & Lee (2005), customer by customer."""
    total = 0.0
    for x, tx, t in histories:
        beta = lgamma(a + b) - lgamma(a) - lgamma(b)
        rate = lgamma(r + x) - lgamma(r) + r * log(alpha)
        stays = lgamma(a) + lgamma(b + x) - lgamma(a + b + x) + beta + rate - (r + x) * log(alpha + t)
        leaves = -inf
        if x > 0:
            leaves = lgamma(a + 1) + lgamma(b + x - 1) - lgamma(a + b + x) + beta + rate - (r + x) * log(alpha + tx)
        top = max(stays, leaves)
        total += top + log(exp(stays - top) + exp(leaves - top))
    return total


def gamma_gamma(p: float, q: float, v: float, spend: list[tuple[int, float]]) -> float:
    """Log-likelihood of (repeats, mean value), equation (1a) of Fader & Hardie (2013), customer by customer."""
    return sum(
        lgamma(p * x + q) - lgamma(p * x) - lgamma(q)
        + q * log(v) + (p * x - 1) * log(z) + p * x * log(x) - (p * x + q) * log(x * z + v)
        for x, z in spend
    )  # fmt: skip


def expected(model: tuple[float, float, float, float], history: tuple[float, float, float], days: float) -> float:
    """Equation (10) of the paper for (r, alpha, a, b), its hypergeometric function as the plain series."""
    (r, alpha, a, b), (x, tx, t) = model, history
    z = days / (alpha + t + days)
    term = series = 1.0
    for step in range(20_000):
        term *= (r + x + step) * (b + x + step) / ((a + b + x - 1 + step) * (step + 1)) * z
        series += term
    grown = 1 - ((alpha + t) / (alpha + t + days)) ** (r + x) * series
    left = a / (b + x - 1) * ((alpha + t) / (alpha + tx)) ** (r + x) if x > 0 else 0.0
    return (a + b + x - 1) / (a - 1) * grown / (1 + left)

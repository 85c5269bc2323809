"""BG/NBD: how often customers buy while they are alive, and after which purchase they leave for good.

Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model, Marketing
Science 24(2). Purchases of a living customer are Poisson with a rate that is gamma (r, alpha) across customers; after each
purchase he leaves with a probability that is beta (a, b) across customers. All times in days.

Imports SciPy: load it where a model is fitted, not before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.special import digamma, expit, gammaln, hyp2f1

from segments.metrics.maximum import maximize

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_EARLY = 10_000
"""Rows of a first fit, from which the fit of all of them starts."""


@dataclass(frozen=True, slots=True)
class Histories:
    """Purchase histories, equal ones together; whole numbers.

    Attributes:
        repeats: purchases after the first.
        recency: days from the first purchase to the last; 0 where there is one.
        age: days from the first purchase to the day of observation.
        customers: how many have this history.
    """

    repeats: Array
    recency: Array
    age: Array
    customers: Array

    def every(self, step: int) -> "Histories":
        """Some of the histories, evenly spread."""
        return Histories(*(column[::step] for column in (self.repeats, self.recency, self.age, self.customers)))


@dataclass(frozen=True, slots=True)
class BgNbd:
    """A fitted model.

    Attributes:
        log_likelihood: of all the customers it was fitted to.
        converged: whether a maximum was reached.
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    converged: bool


def fit(parts: Sequence[Histories]) -> BgNbd:
    """The parameters under which the histories are likeliest; the memory it takes is that of the largest part."""
    customers = sum(int(part.customers.sum()) for part in parts)
    ages = sum(float((part.age * part.customers.astype(float)).sum()) for part in parts)
    mean_age = ages / customers or 1.0
    start = np.log([0.5, mean_age / 4, 1.0, 2.0])
    step = sum(len(part.repeats) for part in parts) // _EARLY
    if step > 1:
        start = maximize(_likelihood([part.every(step) for part in parts]), start).place
    found = maximize(_likelihood(parts), start)
    r, alpha, a, b = (float(value) for value in np.exp(found.place))
    return BgNbd(r, alpha, a, b, found.height, found.converged)


def chance_alive(model: BgNbd, *, repeats: Array, recency: Array, age: Array) -> Array:
    """Probability that each customer has not left for good by the day of observation."""
    left = (
        np.log(model.a)
        - np.log(model.b + np.maximum(repeats, 1) - 1)
        + (model.r + repeats) * (np.log(model.alpha + age) - np.log(model.alpha + recency))
    )
    alive: Array = np.where(repeats > 0, expit(-left), 1.0)
    return alive


def expected_purchases(model: BgNbd, *, repeats: Array, recency: Array, age: Array, days: float) -> Array:
    """Purchases to be expected of each customer in the next ``days``.

    Equation (10) of the paper, its hypergeometric function by Euler's transformation: without powers that overflow for those
    who bought very often. It depends on (repeats, age) alone, of which there are few.
    """
    pairs = repeats.astype(np.int64) * (np.max(age, initial=0) + 1) + age
    _, some, place = np.unique(pairs, return_index=True, return_inverse=True)
    alive = chance_alive(model, repeats=repeats, recency=recency, age=age)
    expected: Array = _while_alive(model, repeats[some], age[some], days)[place] * alive
    return expected


def _while_alive(model: BgNbd, repeats: Array, age: Array, days: float) -> Array:
    """Purchases to be expected of somebody who is alive at the day of observation."""
    a = model.a if abs(model.a - 1) > _SINGULAR else 1 + _SINGULAR
    c = a + model.b + repeats - 1
    c = np.where(np.abs(c) > _SINGULAR, c, _SINGULAR)
    z = days / (model.alpha + age + days)
    expected: Array = c / (a - 1) * (1 - (1 - z) ** (a - 1) * hyp2f1(a + model.b - 1 - model.r, a - 1, c, z))
    return expected


_SINGULAR = 1e-7
"""At a = 1 the expectation is a limit; so close to it the formula gives it to seven digits."""


def _likelihood(parts: Sequence[Histories]) -> Callable[[Array], tuple[float, Array]]:
    """Log-likelihood and its gradient, by the logarithms of the parameters.

    What depends on few values (purchases, days) is worked out once each and looked up. Long columns are multiplied and summed,
    not ``@``: that would wake BLAS threads, which on a busy machine cost more than they give.
    """
    x = np.arange(1 + max(int(part.repeats.max(initial=0)) for part in parts))
    t = np.arange(1 + max(int(part.age.max(initial=0)) for part in parts))
    counted = [np.bincount(part.repeats, weights=part.customers, minlength=len(x)) for part in parts]
    people = np.sum(counted, axis=0)

    def evaluate(place: Array) -> tuple[float, Array]:
        r, alpha, a, b = np.exp(place)
        before = b + np.maximum(x, 1) - 1
        by_x = (
            gammaln(r + x) - gammaln(r) + r * np.log(alpha)
            + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
        )  # fmt: skip
        rest = digamma(a + b) - digamma(a + b + x)
        height = float(people @ by_x)
        slope = np.array([
            people @ (digamma(r + x) - digamma(r)) + people.sum() * np.log(alpha),
            people.sum() * r / alpha,
            people @ rest,
            people @ (digamma(b + x) - digamma(b) + rest),
        ])  # fmt: skip
        looked_up = _LookedUp(np.log(alpha + t), 1 / (alpha + t), np.log(a) - np.log(before), 1 / before)
        for part in parts:
            more, steeper = _either(part, r, a, looked_up)
            height += more
            slope += steeper
        return height, slope * np.array([r, alpha, a, b])

    return evaluate


@dataclass(frozen=True, slots=True)
class _LookedUp:
    """By days: logarithm and inverse of alpha and them; by purchases: log-odds of leaving at the last one, and an inverse."""

    log_t: Array
    inverse_t: Array
    beyond: Array
    inverse_b: Array


def _either(part: Histories, r: float, a: float, table: _LookedUp) -> tuple[float, Array]:
    """What either having stayed or having left adds to the likelihood of each history, and to the slope: the sums of a part."""
    weight, x = part.customers.astype(float), r + part.repeats
    log_age, log_recency = table.log_t[part.age], table.log_t[part.recency]
    stays = -x * log_age
    leaves = np.where(part.repeats > 0, table.beyond[part.repeats] - x * log_recency, -np.inf)
    either = np.logaddexp(stays, leaves)
    left = np.exp(leaves - either) * weight
    stayed = weight - left
    slope = [
        -(stayed * log_age + left * log_recency).sum(),
        -(x * (stayed * table.inverse_t[part.age] + left * table.inverse_t[part.recency])).sum(),
        left.sum() / a,
        -(left * table.inverse_b[part.repeats]).sum(),
    ]
    return float((weight * either).sum()), np.array(slope)

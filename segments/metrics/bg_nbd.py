"""BG/NBD: how often customers buy while they are alive, and after which purchase they leave for good.

Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model, Marketing
Science 24(2). Purchases of a living customer are Poisson with a rate that is gamma (r, alpha) across customers; after each
purchase he leaves with a probability that is beta (a, b) across customers. All times in days.

Imports SciPy: load it where a model is fitted, not before.
"""

from collections.abc import Callable
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
    """Purchase histories, equal ones together.

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

    def thinned(self, rows: int) -> "Histories":
        """About so many of the histories, evenly spread."""
        step = max(1, len(self.repeats) // rows)
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


def fit(histories: Histories) -> BgNbd:
    """The parameters under which the histories are likeliest."""
    mean_age = float(np.average(histories.age, weights=histories.customers)) or 1.0
    start = np.log([0.5, mean_age / 4, 1.0, 2.0])
    if len(histories.repeats) > 2 * _EARLY:
        start = maximize(_likelihood(histories.thinned(_EARLY)), start).place
    found = maximize(_likelihood(histories), start)
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


def _likelihood(histories: Histories) -> Callable[[Array], tuple[float, Array]]:
    """Log-likelihood and its gradient, by the logarithms of the parameters.

    What depends on few distinct values (purchases, days) is worked out once each and looked up. Long columns are multiplied and
    summed, not ``@``: that would wake BLAS threads, which on a busy machine cost more than they give.
    """
    weight = histories.customers.astype(float)
    total = float(weight.sum())
    x, at_x = np.unique(histories.repeats, return_inverse=True)
    t, at_t = np.unique(np.concatenate([histories.recency, histories.age]), return_inverse=True)
    at_recency, at_age = np.split(at_t, 2)
    people = np.bincount(at_x, weights=weight)
    again = histories.repeats > 0
    x_row = histories.repeats.astype(float)

    def evaluate(place: Array) -> tuple[float, Array]:
        r, alpha, a, b = np.exp(place)
        log_t, inverse_t = np.log(alpha + t), 1 / (alpha + t)
        stays = -(r + x_row) * log_t[at_age]
        beyond = np.log(a) - np.log(b + np.maximum(x, 1) - 1)
        leaves = np.where(again, beyond[at_x] - (r + x_row) * log_t[at_recency], -np.inf)
        either = np.logaddexp(stays, leaves)
        left = np.exp(leaves - either) * weight
        stayed = weight - left
        by_x = (
            gammaln(r + x) - gammaln(r) + r * np.log(alpha)
            + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
        )  # fmt: skip
        height = float(people @ by_x + (weight * either).sum())
        rest = digamma(a + b) - digamma(a + b + x)
        gone = np.bincount(at_x, weights=left)
        slope = np.array([
            people @ (digamma(r + x) - digamma(r)) + total * np.log(alpha)
            - (stayed * log_t[at_age] + left * log_t[at_recency]).sum(),
            total * r / alpha - ((r + x_row) * (stayed * inverse_t[at_age] + left * inverse_t[at_recency])).sum(),
            people @ rest + left.sum() / a,
            people @ (digamma(b + x) - digamma(b) + rest) - gone @ (1 / (b + np.maximum(x, 1) - 1)),
        ])  # fmt: skip
        return height, slope * np.array([r, alpha, a, b])

    return evaluate

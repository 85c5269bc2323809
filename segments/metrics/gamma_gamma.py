"""Gamma-Gamma: what a purchase of each customer is worth on average.

Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value (note, brucehardie.com/notes/025). Values of a customer's
purchases are gamma (p, nu), and nu is gamma (q, v) across customers. Only customers with repeat purchases tell anything; q
stays above 1, for below it the mean over customers does not exist.

Imports SciPy: load it where a model is fitted, not before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.special import digamma, gammaln

from segments.metrics.maximum import maximize

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


_EARLY = 10_000
"""Customers of a first fit, from which the fit of all of them starts."""


@dataclass(frozen=True, slots=True)
class Spending:
    """What customers with repeat purchases spent.

    Attributes:
        repeats: purchases after the first (> 0); whole numbers.
        spend: their mean value (> 0).
    """

    repeats: Array
    spend: Array

    def every(self, step: int) -> "Spending":
        """Some of the customers, evenly spread."""
        return Spending(self.repeats[::step], self.spend[::step])


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """A fitted model; ``v`` is in the money's own unit.

    Attributes:
        log_likelihood: of all the customers it was fitted to.
        converged: whether a maximum was reached.
    """

    p: float
    q: float
    v: float
    log_likelihood: float
    converged: bool


def fit(parts: Sequence[Spending]) -> GammaGamma:
    """The parameters under which the mean values are likeliest; the memory it takes is that of the largest part."""
    customers = sum(len(part.spend) for part in parts)
    scale = sum(float((part.repeats * part.spend).sum()) for part in parts) / sum(int(p.repeats.sum()) for p in parts)
    start = np.log([2.0, 1.0, 1.0])
    if (step := customers // _EARLY) > 1:
        start = maximize(_likelihood([part.every(step) for part in parts], scale), start).place
    found = maximize(_likelihood(parts, scale), start)
    p, above_one, v = (float(value) for value in np.exp(found.place))
    height = found.height - customers * float(np.log(scale))
    return GammaGamma(p, 1 + above_one, v * scale, height, found.converged)


def expected_value(model: GammaGamma, *, repeats: Array, spend: Array) -> Array:
    """The value to be expected of a customer's purchases; who has no repeat purchase is like the rest of the shop."""
    known = (repeats > 0) & (spend > 0)
    count, mean = np.where(known, repeats, 0), np.where(known, spend, 0.0)
    expected: Array = model.p * (model.v + count * mean) / (model.p * count + model.q - 1)
    return expected


def _likelihood(parts: Sequence[Spending], scale: float) -> Callable[[Array], tuple[float, Array]]:
    """Log-likelihood and its gradient, by log p, log (q - 1) and log v, of values in units of ``scale``.

    What depends on the number of purchases is worked out once each; what does not depend on the parameters, once.
    """
    often = 1 + max(int(part.repeats.max(initial=0)) for part in parts)
    people = np.sum([np.bincount(part.repeats, minlength=often) for part in parts], axis=0)
    times = np.flatnonzero(people)
    people = people[times]
    customers = int(people.sum())
    log_z = np.sum([_log_values(part, scale) for part in parts], axis=0)

    def evaluate(place: Array) -> tuple[float, Array]:
        p, above_one, v = np.exp(place)
        q = 1 + above_one
        log_x = np.log(times)
        by_x = gammaln(p * times + q) - gammaln(p * times) - gammaln(q) + q * np.log(v) + p * times * log_x
        more = digamma(p * times + q)
        height = float(people @ by_x) + p * log_z[0] - log_z[1]
        slope = np.array([
            people @ (times * (more - digamma(p * times) + log_x)) + log_z[0],
            people @ (more - digamma(q) + np.log(v)),
            customers * q / v,
        ])  # fmt: skip
        for part in parts:
            sums = part.repeats * part.spend / scale + v
            log_sum, shape = np.log(sums), p * part.repeats + q
            height -= float((shape * log_sum).sum())
            slope -= [(part.repeats * log_sum).sum(), log_sum.sum(), (shape / sums).sum()]
        return height, slope * np.array([p, above_one, v])

    return evaluate


def _log_values(part: Spending, scale: float) -> Array:
    """Sums of the logarithms of the values, by purchases and by customers."""
    log_z = np.log(part.spend / scale)
    return np.array([(part.repeats * log_z).sum(), log_z.sum()])

"""Gamma-Gamma: what a purchase of each customer is worth on average.

Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value (note, brucehardie.com/notes/025). Values of a customer's
purchases are gamma (p, nu), and nu is gamma (q, v) across customers. Only customers with repeat purchases tell anything; q
stays above 1, for below it the mean over customers does not exist.

Imports SciPy: load it where a model is fitted, not before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.special import digamma, gammaln

from segments.metrics.maximum import maximize

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


_EARLY = 10_000
"""Customers of a first fit, from which the fit of all of them starts."""


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


def fit(*, repeats: Array, spend: Array) -> GammaGamma:
    """The parameters under which the mean values ``spend`` (> 0) of ``repeats`` (> 0) purchases are likeliest."""
    scale = float(np.average(spend, weights=repeats))
    x, z, start = repeats.astype(float), spend / scale, np.log([2.0, 1.0, 1.0])
    if (step := len(x) // _EARLY) > 1:
        start = maximize(_likelihood(x[::step], z[::step]), start).place
    found = maximize(_likelihood(x, z), start)
    p, above_one, v = (float(value) for value in np.exp(found.place))
    height = found.height - len(spend) * float(np.log(scale))
    return GammaGamma(p, 1 + above_one, v * scale, height, found.converged)


def expected_value(model: GammaGamma, *, repeats: Array, spend: Array) -> Array:
    """The value to be expected of a customer's purchases; who has no repeat purchase is like the rest of the shop."""
    known = (repeats > 0) & (spend > 0)
    count, mean = np.where(known, repeats, 0), np.where(known, spend, 0.0)
    expected: Array = model.p * (model.v + count * mean) / (model.p * count + model.q - 1)
    return expected


def _likelihood(x: Array, z: Array) -> Callable[[Array], tuple[float, Array]]:
    """Log-likelihood and its gradient, by log p, log (q - 1) and log v."""
    times, at = np.unique(x, return_inverse=True)
    people = np.bincount(at)
    log_z, log_x, sums = np.log(z), np.log(times), x * z

    def evaluate(place: Array) -> tuple[float, Array]:
        p, above_one, v = np.exp(place)
        q = 1 + above_one
        log_sum = np.log(sums + v)
        shape = p * x + q
        by_x = gammaln(p * times + q) - gammaln(p * times) - gammaln(q) + q * np.log(v) + p * times * log_x
        height = float(people @ by_x + ((p * x - 1) * log_z).sum() - (shape * log_sum).sum())
        more = digamma(p * times + q)
        slope = np.array([
            people @ (times * (more - digamma(p * times) + log_x)) + (x * (log_z - log_sum)).sum(),
            people @ (more - digamma(q) + np.log(v)) - log_sum.sum(),
            len(x) * q / v - (shape / (sums + v)).sum(),
        ])  # fmt: skip
        return height, slope * np.array([p, above_one, v])

    return evaluate

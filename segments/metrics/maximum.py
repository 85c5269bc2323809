"""The place at which a smooth function is greatest. Imports SciPy: load it where a model is fitted, not before."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.optimize import minimize

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_BOUND = 18.0
"""Logarithms of parameters stay within ± this: beyond 10^±7.8 a model only runs along a ridge."""
_FLAT = 1e-3
"""A slope per unit of height below this is flat."""


@dataclass(frozen=True, slots=True)
class Maximum:
    """Where it is, how high, and whether the search ended there of itself."""

    place: Array
    height: float
    converged: bool


def maximize(function: Callable[[Array], tuple[float, Array]], start: Array) -> Maximum:
    """Climb from ``start`` (logarithms of parameters) by a function that gives height and slope."""
    unit = max(1.0, abs(function(start)[0]))

    def downhill(place: Array) -> tuple[float, Array]:
        height, slope = function(place)
        return -height / unit, -slope / unit

    found = minimize(
        downhill,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_BOUND, _BOUND)] * len(start),
        options={"maxiter": 1_000, "ftol": 1e-12, "gtol": 1e-9},
    )
    inside = np.abs(found.x) < _BOUND
    flat = bool(np.all(np.abs(found.jac[inside]) < _FLAT))
    return Maximum(place=found.x, height=-float(found.fun) * unit, converged=flat and bool(np.isfinite(found.fun)))

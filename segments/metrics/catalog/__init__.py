"""The catalogue: every KPI with the words that stand beside its figure; a module a family."""

from segments.errors import UnknownMetric
from segments.metrics.catalog import (
    baskets,
    coupons,
    funnels,
    launches,
    lifecycle,
    purchases,
    ranks,
    retention,
    rfm,
    voice,
)
from segments.metrics.metric import Metric
from segments.nearest import hint

FAMILIES: tuple[tuple[Metric, ...], ...] = (
    launches.METRICS,
    coupons.METRICS,
    ranks.METRICS,
    retention.METRICS,
    funnels.METRICS,
    purchases.METRICS,
    baskets.METRICS,
    lifecycle.METRICS,
    rfm.METRICS,
    voice.METRICS,
)
"""The KPIs family by family."""

CATALOG: dict[str, Metric] = {metric.slug: metric for family in FAMILIES for metric in family}
"""KPIs by slug, in the order pages list them."""


def get(slug: str) -> Metric:
    """The KPI of that name.

    Raises:
        UnknownMetric: no KPI has it; the message names the nearest.
    """
    if slug not in CATALOG:
        message = f"no KPI is called {slug}; {hint(slug, CATALOG)}"
        raise UnknownMetric(message)
    return CATALOG[slug]

"""Funnels: one KPI with free steps."""

from segments.metrics.catalog.words import P, words
from segments.metrics.metric import Column, Metric, Option, Shape, Sheet, Unit

METRICS: tuple[Metric, ...] = (
    Metric(
        slug="funnel",
        title=words("ファネル", "Funnel"),
        unit=Unit.RATE,
        numerator=words(
            "そのうち、時間内に最後の段階まで進んだ人", "of those, customers who reached the last step in time"
        ),
        denominator=words("P に最初の段階の行動をした人", "customers who did the first step in P"),
        window=P,
        definition=words(
            "最初の行動から時間内に、順番どおりに次の行動へ進んだ人の割合。P のどの開始からでも、最も先まで進んだ段階で数えます。"
            "購入は取消・全額返品を除きます。",
            "Share of the customers who went from step to step in this order, all within the time limit after the first. Each "
            "counts by the furthest step reached from any start in P. Cancelled and wholly refunded orders do not count.",
        ),
        options=(
            Option("step1", "段階1", "Step 1", "Application Opened"),
            Option("step2", "段階2", "Step 2", "Order Completed"),
            Option("step3", "段階3", "Step 3", ""),
            Option("step4", "段階4", "Step 4", ""),
            Option("step5", "段階5", "Step 5", ""),
            Option("step6", "段階6", "Step 6", ""),
            Option("within", "時間の上限", "Within", 7, low=1, high=1000),
            Option("within_unit", "時間の単位", "Unit of time", "days", choices=("minutes", "hours", "days")),
        ),
        sheet=Sheet(
            shape=Shape.FUNNEL,
            columns=(
                Column("step", "段階", "Step"),
                Column("event", "行動", "Event"),
                Column("customers", "人数", "Customers", Unit.PEOPLE),
                Column("share", "最初の段階に対する割合", "Of the first step", Unit.RATE),
                Column("of_previous", "前の段階に対する割合", "Of the step before", Unit.RATE),
            ),
        ),
    ),
)

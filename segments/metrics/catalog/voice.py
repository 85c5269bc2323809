"""KPIs of what customers say."""

from segments.events import EventName
from segments.metrics.catalog.words import P, words
from segments.metrics.metric import Column, Metric, Shape, Sheet, Unit

_GROUPS = {
    "promoters": words("推奨者（9〜10点）", "Promoters (9–10)"),
    "passives": words("中立者（7〜8点）", "Passives (7–8)"),
    "detractors": words("批判者（0〜6点）", "Detractors (0–6)"),
}

METRICS: tuple[Metric, ...] = (
    Metric(
        slug="nps",
        sources=(str(EventName.SURVEY_ANSWERED),),
        title=words("NPS", "NPS"),
        unit=Unit.SCORE,
        numerator=words("推奨者から批判者を引いた人数", "promoters less detractors"),
        denominator=words("P に回答した人（最後の回答）", "customers who answered in P, by their latest answer"),
        window=P,
        definition=words(
            "推奨者（9〜10点）の割合から批判者（0〜6点）の割合を引いた値（−100〜100）。95%信頼区間は調整ワルド法で、5人未満では示しません。"
            "50人未満は参考値です。",
            "Share of promoters (9–10) less share of detractors (0–6), from -100 to 100. The 95 % interval is adjusted Wald and "
            "needs 5 answers; below 50 answers the score is for reference only.",
        ),
        sheet=Sheet(
            shape=Shape.DISTRIBUTION,
            columns=(
                Column("group", "区分", "Group", codes=_GROUPS),
                Column("customers", "人数", "Customers", Unit.PEOPLE),
                Column("share", "割合", "Share", Unit.RATE),
            ),
        ),
    ),
)

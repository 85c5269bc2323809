"""KPIs of the app's use."""

from segments.events import EventName
from segments.metrics.catalog.words import END, NONE, P, words
from segments.metrics.metric import Metric, Option, Unit

_LAUNCH = (str(EventName.APPLICATION_OPENED),)
_INSTALLED = (*_LAUNCH, str(EventName.APPLICATION_UNINSTALLED), str(EventName.ADDRESS_RETIRED))
_LAUNCHERS = words("P に起動した人", "customers who launched in P")
_MAU = words("P の最終日までの30日間に起動した人", "customers with a launch in the 30 days that end P")

METRICS: tuple[Metric, ...] = (
    Metric(
        slug="launch_rate",
        sources=_INSTALLED,
        title=words("起動率", "Launch rate"),
        unit=Unit.RATE,
        numerator=_LAUNCHERS,
        denominator=words("P のいずれかの時点でアプリが入っていた人", "customers installed at any time in P"),
        window=P,
        definition=words(
            "アプリが入っている人のうち、P に1回以上起動した人の割合。P に端末の記録がある、または P の前の180日に記録があり、"
            "その後に削除も通知先の失効もなければ「入っている」とみなします。",
            "Share of the customers with the app installed who launched it in P. Installed: a device was seen in P, or in "
            "the 180 days before it without an uninstall or an unregistered address since; or the customer launched in P.",
        ),
    ),
    Metric(
        slug="launch_days",
        sources=_LAUNCH,
        title=words("起動日数", "Launch days"),
        unit=Unit.TIMES,
        numerator=words("P に起動した日の延べ数（人×日）", "distinct customer-days with a launch in P"),
        denominator=_LAUNCHERS,
        window=P,
        definition=words(
            "起動した人1人あたりの、P に起動した日数。",
            "Mean distinct days with a launch in P, per customer who launched.",
        ),
    ),
    Metric(
        slug="dau",
        sources=_LAUNCH,
        title=words("DAU", "DAU"),
        unit=Unit.PEOPLE,
        numerator=words("P の最終日に起動した人", "customers with a launch on the last day of P"),
        denominator=NONE,
        window=END,
        definition=words("1日に起動した人数。", "Distinct customers with a launch in the day."),
    ),
    Metric(
        slug="wau",
        sources=_LAUNCH,
        title=words("WAU", "WAU"),
        unit=Unit.PEOPLE,
        numerator=words("P の最終日までの7日間に起動した人", "customers with a launch in the 7 days that end P"),
        denominator=NONE,
        window=END,
        definition=words("7日間に起動した人数。", "Distinct customers with a launch in 7 days."),
    ),
    Metric(
        slug="mau",
        sources=_LAUNCH,
        title=words("MAU", "MAU"),
        unit=Unit.PEOPLE,
        numerator=_MAU,
        denominator=NONE,
        window=END,
        definition=words("30日間に起動した人数。", "Distinct customers with a launch in 30 days."),
    ),
    Metric(
        slug="stickiness",
        sources=_LAUNCH,
        title=words("定着度（DAU÷MAU）", "Stickiness (DAU ÷ MAU)"),
        unit=Unit.RATE,
        numerator=words("P の最終日に起動した人", "customers with a launch on the last day of P"),
        denominator=_MAU,
        window=END,
        definition=words(
            "月に起動する人のうち、その日に起動した人の割合。", "Share of the month's users who launched on the day."
        ),
    ),
    Metric(
        slug="weekly_stickiness",
        sources=_LAUNCH,
        title=words("週の定着度（WAU÷MAU）", "Weekly stickiness (WAU ÷ MAU)"),
        unit=Unit.RATE,
        numerator=words("P の最終日までの7日間に起動した人", "customers with a launch in the 7 days that end P"),
        denominator=_MAU,
        window=END,
        definition=words(
            "月に起動する人のうち、その週に起動した人の割合。毎日は使わない店舗アプリにはこちらが向きます。",
            "Share of the month's users who launched in the week; the better one for shops.",
        ),
    ),
    Metric(
        slug="launch_at_visit_rate",
        sources=(*_INSTALLED, str(EventName.STORE_VISITED)),
        title=words("来店時起動率", "Launch at visit rate"),
        unit=Unit.RATE,
        numerator=words(
            "そのうち来店の2時間前から30分後までに起動があった来店",
            "of those, visits with a launch from 2 hours before to 30 minutes after",
        ),
        denominator=words(
            "アプリが入っている人の P の来店（または会計）", "visits (or receipts) in P of customers with the app"
        ),
        window=P,
        definition=words(
            "アプリが入っている人の来店（レジ連携のみの店では会計）のうち、前後に起動があった割合。人ではなく来店を数えます。",
            "Share of the store visits (receipts, where only a till is linked) of customers with the app that had a launch around "
            "them. Counts visits, not customers.",
        ),
        options=(
            Option(
                "visit",
                "来店の数え方",
                "What counts as a visit",
                "visits",
                choices=("visits", "receipts"),
                events={"receipts": str(EventName.ORDER_COMPLETED)},
            ),
        ),
    ),
    Metric(
        slug="push_reach_rate",
        sources=_INSTALLED,
        title=words("プッシュ到達可能率", "Push reach rate"),
        unit=Unit.RATE,
        numerator=words(
            "そのうち、有効な宛先・OSの許可・同意がある人",
            "of those, customers with a live address, OS permission and consent",
        ),
        denominator=words("P のいずれかの時点でアプリが入っていた人", "customers installed at any time in P"),
        window=P,
        definition=words(
            "アプリが入っている人のうち、プッシュ通知が届く人の割合。届くかどうかは現在の値で、過去の値は日次の記録にあります。",
            "Share of the customers with the app whom push can reach. Reach is as of now; past values are in the daily snapshots.",
        ),
    ),
)

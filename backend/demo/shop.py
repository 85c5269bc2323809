"""The demo shop as a value: who it is, where its stores are, its ranks, its coupons. Everything in it is invented.

「灯ノ葉」 (Tomoshinoha) is a chain of sweets, bread and coffee. Its app went live on the first day of the simulated
period; every member of it joined since, so every first order in the data is a first order.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from segments.rank_rules import Rank, RankRules

NAME_JA, NAME_EN = "灯ノ葉", "Tomoshinoha"
ZONE = "Asia/Tokyo"
CURRENCY = "JPY"
RANKS = ("レギュラー", "シルバー", "ゴールド", "プラチナ")
RANK_THRESHOLDS = (2_500, 7_000, 16_000)
"""Yen spent within `RANK_WINDOW` days that the second, third and fourth rank ask for."""
RANK_WINDOW = 90
RANK_RULES = RankRules(
    ranks=(Rank(RANKS[0]), Rank(RANKS[1], 6_000), Rank(RANKS[2], 20_000), Rank(RANKS[3], 50_000)),
    demotion_dates=("04-01", "10-01"),
    grace_days=30,
)
"""Rules of the shop's own for ranks by twelve months, which Joren computes beside what the member server reports."""
PUBLIC_COUPON = "coffee-with-app"
THANKS_COUPON = "regulars-thanks"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopConfig:
    """What a simulated shop is made from; the same values give the same events, byte for byte.

    Attributes:
        last: last simulated business day; the demo uses yesterday.
        members: how many members it has; `first_member` numbers the first of them.
        days: length of the simulated period.
        seed: of all chance.
        seeded: make members 0 and 1 the two people of the phone pages.
    """

    last: date
    members: int = 20_000
    days: int = 300
    seed: int = 20_251
    seeded: bool = True

    @property
    def first(self) -> date:
        """The first simulated business day."""
        return self.last - timedelta(days=self.days - 1)

    @property
    def today(self) -> date:
        """The day after the last simulated one."""
        return self.last + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Store:
    """One store; ``weight`` is how much of the members live nearest to it."""

    store_id: str
    ja: str
    en: str
    prefecture: str
    weight: float


@dataclass(frozen=True, slots=True)
class Coupon:
    """One coupon's definition.

    Attributes:
        kind: "monthly", "welcome", "birthday", "thanks" or "public": who gets it, and when.
        valid_until: last business day on which it may be used.
        valid_days: days after its issue, for those who are given it from the pages.
    """

    coupon_id: str
    kind: str
    ja: str
    en: str
    valid_from: date
    valid_until: date
    audience: str = "issued"
    valid_days: int | None = None


_PLACES: tuple[tuple[str, float, tuple[tuple[str, str], ...]], ...] = (
    ("東京都", 3.0, (("吉祥寺", "Kichijoji"), ("神楽坂", "Kagurazaka"), ("自由が丘", "Jiyugaoka"), ("北千住", "Kitasenju"),
                     ("立川", "Tachikawa"), ("清澄白河", "Kiyosumi"), ("中野", "Nakano"), ("町田", "Machida"))),
    ("神奈川県", 2.2, (("横浜元町", "Motomachi"), ("鎌倉", "Kamakura"), ("武蔵小杉", "Musashikosugi"), ("藤沢", "Fujisawa"))),
    ("埼玉県", 1.6, (("大宮", "Omiya"), ("川越", "Kawagoe"), ("所沢", "Tokorozawa"))),
    ("千葉県", 1.6, (("船橋", "Funabashi"), ("柏", "Kashiwa"), ("津田沼", "Tsudanuma"))),
    ("大阪府", 2.2, (("梅田", "Umeda"), ("天王寺", "Tennoji"), ("堺東", "Sakaihigashi"), ("枚方", "Hirakata"))),
    ("京都府", 1.5, (("烏丸", "Karasuma"), ("北山", "Kitayama"), ("宇治", "Uji"))),
    ("兵庫県", 1.5, (("三宮", "Sannomiya"), ("西宮", "Nishinomiya"), ("姫路", "Himeji"))),
    ("愛知県", 1.7, (("名駅", "Meieki"), ("本山", "Motoyama"), ("豊橋", "Toyohashi"))),
    ("福岡県", 1.5, (("天神", "Tenjin"), ("大濠公園", "Ohori Park"), ("小倉", "Kokura"))),
    ("北海道", 1.2, (("札幌", "Sapporo"), ("円山", "Maruyama"))),
    ("宮城県", 1.1, (("仙台", "Sendai"), ("泉中央", "Izumi-chuo"))),
    ("広島県", 1.0, (("広島本通", "Hondori"),)),
    ("石川県", 0.8, (("金沢", "Kanazawa"),)),
)  # fmt: skip


def stores() -> tuple[Store, ...]:
    """The forty stores, numbered by prefecture."""
    found: list[Store] = []
    for prefecture, weight, places in _PLACES:
        for ja, en in places:
            store_id = f"S{len(found) + 1:02}"
            found.append(Store(store_id, f"{NAME_JA} {ja}店", f"{NAME_EN} {en}", prefecture, weight / len(places)))
    return tuple(found)


def coupons(config: ShopConfig) -> tuple[Coupon, ...]:
    """Every coupon of the period: monthly, welcome and birthday ones, the regulars' and a public one."""
    found: list[Coupon] = []
    for first, last, following in _months(config):
        label, name = f"{first:%Y-%m}", f"{first.month}月"
        month = f"{first:%B}"
        found += [
            Coupon(f"monthly-{label}", "monthly", f"{name}の焼き菓子 100円引き", f"¥100 off sweets in {month}", first, last),
            Coupon(f"welcome-{label}", "welcome", f"ご入会ありがとう 100円引き（{name}）", f"Welcome, ¥100 off ({month})", first, following),
            Coupon(f"birthday-{label}", "birthday", f"{name}生まれの方へ ケーキ 100円引き", f"Birthday in {month}, ¥100 off a cake", first, last),
        ]  # fmt: skip
    early, late = config.today - timedelta(days=60), config.today + timedelta(days=60)
    thanks = config.today - timedelta(days=21), config.today + timedelta(days=40)
    found.append(
        Coupon(THANKS_COUPON, "thanks", "常連さま感謝 100円引き", "For our regulars, ¥100 off", *thanks, valid_days=14)
    )
    found.append(Coupon(PUBLIC_COUPON, "public", "アプリ提示でコーヒー 100円引き", "¥100 off coffee with the app", early, late, "public"))  # fmt: skip
    return tuple(found)


def _months(config: ShopConfig) -> list[tuple[date, date, date]]:
    """Each month of the period: its first day, its last day, the last day of the next."""
    months, first = [], config.first.replace(day=1)
    while first <= config.last:
        following = (first + timedelta(days=32)).replace(day=1)
        after = (following + timedelta(days=32)).replace(day=1)
        months.append((first, following - timedelta(days=1), after - timedelta(days=1)))
        first = following
    return months

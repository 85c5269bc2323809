"""What the demo shop sells: six categories of six products, with yen prices and how often each is asked for."""

from dataclasses import dataclass

import polars as pl

PER_CATEGORY = 6


@dataclass(frozen=True, slots=True)
class Category:
    """A category and its products as (name, price in yen).

    Attributes:
        share: how much of what is bought falls to it, relative to the others.
    """

    name: str
    share: float
    products: tuple[tuple[str, int], ...]


CATEGORIES: tuple[Category, ...] = (
    Category(
        "焼き菓子",
        0.22,
        (("発酵バターのフィナンシェ", 260), ("はちみつマドレーヌ", 240), ("ほうじ茶サブレ", 180),
         ("いちじくのパウンドケーキ", 320), ("塩キャラメルガレット", 280), ("焼き菓子の詰め合わせ 8個", 2160)),
    ),
    Category(
        "パン",
        0.26,
        (("湯種の角食 1斤", 420), ("塩バターロール", 180), ("クロワッサン", 280),
         ("きなこ揚げパン", 220), ("くるみとチーズのカンパーニュ", 480), ("あんバターサンド", 340)),
    ),
    Category(
        "コーヒー",
        0.21,
        (("本日のコーヒー", 380), ("カフェラテ", 480), ("水出しアイスコーヒー", 450),
         ("ほうじ茶ラテ", 500), ("ドリップバッグ 5袋", 980), ("灯ノ葉ブレンド 200g", 1580)),
    ),
    Category(
        "ケーキ",
        0.15,
        (("苺のショートケーキ", 580), ("和栗のモンブラン", 680), ("ベイクドチーズケーキ", 520),
         ("抹茶のオペラ", 640), ("季節のフルーツタルト", 720), ("ホールケーキ 4号", 3400)),
    ),
    Category(
        "和菓子",
        0.09,
        (("豆大福", 220), ("栗蒸し羊羹", 1280), ("みたらし団子 3本", 390),
         ("黒糖どら焼き", 240), ("わらび餅", 480), ("季節の上生菓子", 380)),
    ),
    Category(
        "サンドイッチ",
        0.07,
        (("厚焼き玉子サンド", 420), ("海老とアボカドのサンド", 580), ("ハムと野菜のバゲット", 540),
         ("フルーツサンド", 520), ("コロッケパン", 320), ("ローストビーフサンド", 780)),
    ),
)  # fmt: skip


def products() -> pl.DataFrame:
    """Every product: index, product_id, name, category, price (yen). Six in a row are one category."""
    rows = [
        {
            "product_id": f"P{index * PER_CATEGORY + slot + 1:03}",
            "name": name,
            "category": category.name,
            "price": price,
        }
        for index, category in enumerate(CATEGORIES)
        for slot, (name, price) in enumerate(category.products)
    ]
    return pl.DataFrame(rows).with_row_index("product").with_columns(pl.col("product").cast(pl.Int64))

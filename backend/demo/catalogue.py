"""What the demo shop sells: six categories of six products, with yen prices and how often each is asked for."""

from dataclasses import dataclass

import polars as pl

PER_CATEGORY = 6


@dataclass(frozen=True, slots=True)
class Category:
    """A category and its products as (name, English name, price in yen).

    Attributes:
        share: how much of what is bought falls to it, relative to the others.
    """

    name: str
    english: str
    share: float
    products: tuple[tuple[str, str, int], ...]


CATEGORIES: tuple[Category, ...] = (
    Category(
        "焼き菓子",
        "Baked sweets",
        0.22,
        (("発酵バターのフィナンシェ", "Cultured butter financier", 260), ("はちみつマドレーヌ", "Honey madeleine", 240), ("ほうじ茶サブレ", "Hojicha sablé", 180),
         ("いちじくのパウンドケーキ", "Fig pound cake", 320), ("塩キャラメルガレット", "Salted caramel galette", 280), ("焼き菓子の詰め合わせ 8個", "Assorted sweets, box of 8", 2160)),
    ),
    Category(
        "パン",
        "Bread",
        0.26,
        (("湯種の角食 1斤", "Yudane loaf", 420), ("塩バターロール", "Salted butter roll", 180), ("クロワッサン", "Croissant", 280),
         ("きなこ揚げパン", "Kinako fried bread", 220), ("くるみとチーズのカンパーニュ", "Walnut and cheese campagne", 480), ("あんバターサンド", "Anko butter sandwich", 340)),
    ),
    Category(
        "コーヒー",
        "Coffee",
        0.21,
        (("本日のコーヒー", "Coffee of the day", 380), ("カフェラテ", "Caffè latte", 480), ("水出しアイスコーヒー", "Cold brew", 450),
         ("ほうじ茶ラテ", "Hojicha latte", 500), ("ドリップバッグ 5袋", "Drip bags, 5", 980), ("灯ノ葉ブレンド 200g", "Tomoshinoha blend 200 g", 1580)),
    ),
    Category(
        "ケーキ",
        "Cakes",
        0.15,
        (("苺のショートケーキ", "Strawberry shortcake", 580), ("和栗のモンブラン", "Chestnut Mont Blanc", 680), ("ベイクドチーズケーキ", "Baked cheesecake", 520),
         ("抹茶のオペラ", "Matcha opera", 640), ("季節のフルーツタルト", "Seasonal fruit tart", 720), ("ホールケーキ 4号", "Whole cake, 12 cm", 3400)),
    ),
    Category(
        "和菓子",
        "Wagashi",
        0.09,
        (("豆大福", "Mame daifuku", 220), ("栗蒸し羊羹", "Chestnut yokan", 1280), ("みたらし団子 3本", "Mitarashi dango, 3", 390),
         ("黒糖どら焼き", "Brown sugar dorayaki", 240), ("わらび餅", "Warabimochi", 480), ("季節の上生菓子", "Seasonal namagashi", 380)),
    ),
    Category(
        "サンドイッチ",
        "Sandwiches",
        0.07,
        (("厚焼き玉子サンド", "Thick omelette sandwich", 420), ("海老とアボカドのサンド", "Shrimp and avocado sandwich", 580), ("ハムと野菜のバゲット", "Ham and vegetable baguette", 540),
         ("フルーツサンド", "Fruit sandwich", 520), ("コロッケパン", "Croquette roll", 320), ("ローストビーフサンド", "Roast beef sandwich", 780)),
    ),
)  # fmt: skip


def products() -> pl.DataFrame:
    """Every product: index, product_id, name and category, both in English too, price (yen). Six in a row are a category."""
    rows = [
        {
            "product_id": f"P{index * PER_CATEGORY + slot + 1:03}",
            "name": name,
            "name_en": english,
            "category": category.name,
            "category_en": category.english,
            "price": price,
        }
        for index, category in enumerate(CATEGORIES)
        for slot, (name, english, price) in enumerate(category.products)
    ]
    return pl.DataFrame(rows).with_row_index("product").with_columns(pl.col("product").cast(pl.Int64))

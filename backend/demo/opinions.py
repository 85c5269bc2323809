"""What members say: survey scores and a few sentences."""

import polars as pl

from backend.demo.dice import Dice
from backend.demo.people import habit
from backend.demo.shop import ShopConfig

PLEASED = (
    "クロワッサンがさくさくで、朝の楽しみになっています。", "店員さんの笑顔にいつも癒されます。", "季節のタルト、見た目も味も最高でした。",
    "コーヒーの香りがよく、つい長居してしまいます。", "手土産に焼き菓子の詰め合わせを買ったら喜ばれました。",
    "アプリのクーポンが使いやすくて助かります。", "あんバターサンドは冷めてもおいしい。",
    "母の日に4号のケーキを注文しました。きれいな仕上がりで感激です。", "モンブランの栗の風味が濃くて大満足。", "夕方でも種類が残っていてうれしいです。",
)  # fmt: skip
MIXED = (
    "味は好きですが、週末は席がなかなか空きません。", "もう少し甘さ控えめの商品があるとうれしいです。", "駐車場が狭いのが少し気になります。",
    "ポイントの有効期限がわかりにくいです。", "カフェラテはもう少し熱いほうが好みです。", "人気のパンの焼き上がり時間をアプリで知りたいです。",
)  # fmt: skip
DISPLEASED = (
    "レジの待ち時間が長く、昼休みに間に合いませんでした。", "予約したケーキのプレートの名前が違っていました。", "クーポンを見せたのに会計で使えませんでした。",
    "通知が多すぎると感じます。", "楽しみにしていたどら焼きが売り切れで残念でした。",
)  # fmt: skip

PROMOTER, PASSIVE = 9, 7


def surveys(orders: pl.DataFrame, config: ShopConfig) -> pl.DataFrame:
    """Answers to 「お友だちにすすめますか」 sent after some visits: member, order, at, score (0 to 10)."""
    dice = Dice(config.seed)
    keys = ("member", "order")
    asked = orders.filter(dice.happens("answers", 0.045, *keys))
    swing = (dice.uniform("mood", *keys) + dice.uniform("mood too", *keys) - 1) * 4.2
    score = (habit("score") + swing).round().clip(0, 10).cast(pl.Int64)
    later = pl.duration(minutes=40 + dice.below("answers after", 1500, *keys))
    answers = asked.select("member", "order", (pl.col("at") + later).alias("at"), score.alias("score"))
    return answers.filter(pl.col("at").dt.date() <= config.last)


def feedback(orders: pl.DataFrame, config: ShopConfig) -> pl.DataFrame:
    """Comments after some visits: member, order, at, rating (1 to 5), text."""
    dice = Dice(config.seed)
    keys = ("member", "order")
    written = orders.filter(dice.happens("writes", 0.018, *keys))
    rating = dice.pick("rating", (5, 4, 3, 2, 1), (0.42, 0.27, 0.16, 0.09, 0.06), *keys)
    later = pl.duration(minutes=15 + dice.below("writes after", 400, *keys))
    rated = written.select("member", "order", (pl.col("at") + later).alias("at"), rating.alias("rating"))
    texts = pl.when(pl.col("rating") > 3).then(_one(dice, PLEASED)).when(pl.col("rating") == 3).then(_one(dice, MIXED))  # noqa: PLR2004 - out of five
    return rated.with_columns(texts.otherwise(_one(dice, DISPLEASED)).alias("text")).filter(
        pl.col("at").dt.date() <= config.last
    )


def _one(dice: Dice, texts: tuple[str, ...]) -> pl.Expr:
    return pl.lit(pl.Series(texts)).gather(dice.below("sentence", len(texts), "member", "order"))

"""Remarks a figure may carry, by code, in the words pages show."""

from segments.metrics.metric import Words

NOTES: dict[str, Words] = {
    "by_days": {
        "ja": "同じ営業日の購入は1回と数えます",
        "en": "Orders of one business day count as one purchase",
    },
    "by_receipts": {"ja": "会計ごとに1回と数えます", "en": "Every receipt counts as a purchase"},
    "by_store_days": {
        "ja": "同じ営業日・同じ店舗の購入は1回と数えます",
        "en": "Orders of one store and business day count as one purchase",
    },
    "no_till": {
        "ja": "レジと未連携のため、提示を利用とみなしています",
        "en": "No till is linked, so a presented coupon counts as used",
    },
    "no_till_redeemed": {
        "ja": "レジと未連携のため、消込の記録がありません",
        "en": "No till is linked, so no redemption is on record",
    },
    "validity_unknown": {
        "ja": "有効期限が登録されていないクーポンを含みます",
        "en": "Holds coupons whose validity was never told",
    },
    "short_history": {
        "ja": "履歴不足：データの最初の180日に初回購入がある人を含みます",
        "en": "Short history: holds first orders in the first 180 days of the data",
    },
    "recurring": {
        "ja": "会員×起点の組で数えます（同じ人が複数回入ることがあります）",
        "en": "Counts pairs of customer and cohort; a customer may start more than once",
    },
    "cut_cohort": {
        "ja": "期間の端で途中から数えた組があります",
        "en": "The window cuts through a cohort at its edge",
    },
    "members_cohort": {
        "ja": "セグメント：起点の期間の終わりに該当した人",
        "en": "Segment: members at the end of their own period 0",
    },
    "members_period": {
        "ja": "セグメント：期間の初めに該当した人（期間中に初めて記録された人は、その日の終わり）",
        "en": "Segment: members at the start of the window, or at the end of their first day in it",
    },
    "members_today": {"ja": "セグメント：今日該当する人", "en": "Segment: today's members"},
    "recomputed": {
        "ja": "再計算：その日の会員データを作り直して判定しました（属性と通知の可否は現在の値）",
        "en": "Recomputed on data rebuilt as of that day; profile and reach are today's",
    },
    "known_now": {
        "ja": "静的リスト・配信の記録・直近の時間や分による条件は、現在の値で判定しました",
        "en": "Conditions on static lists, on messages and on the last hours or minutes are asked as of now",
    },
    "unverified": {
        "ja": "公開キーからの未確認の記録を含みます",
        "en": "Holds unverified facts from a public key",
    },
    "reference_only": {
        "ja": "参考値：回答が50人未満です",
        "en": "For reference only: fewer than 50 answers",
    },
    "reach_now": {
        "ja": "通知が届くかどうかは現在の値です",
        "en": "Whether push reaches somebody is as of now",
    },
    "rank_order_unknown": {
        "ja": "ランクの順序が設定されていないため、上下を判定できません",
        "en": "The order of the ranks has not been set, so nobody can say what is up or down",
    },
    "as_of_day": {
        "ja": "基準日までに起きたことだけで計算しています（後から届いた記録も含みます。属性・通知の可否・クーポンの定義は現在の値）",
        "en": "Only what happened up to the as-of day counts, late arrivals included; profile, reach and coupon definitions "
        "are today's",
    },
    "known_at": {
        "ja": "その時刻までに届いていたデータだけで計算しています（名寄せ・属性・通知の可否・クーポンの定義は現在の値）",
        "en": "Only what had arrived by that moment counts; who is whom, profile, reach and coupon definitions are today's",
    },
    "known_late": {
        "ja": "明細データの保存期間より前の日は、その時刻のあとに届いた記録も含みます",
        "en": "Days whose raw events were dropped also hold what arrived after that moment",
    },
    "raw_dropped": {
        "ja": "履歴不足：この数値に必要な明細データの一部は、保存期間（JOREN_HISTORY_MONTHS）を過ぎて削除されています。"
        "期間の初めが削除済みの日にかかる場合は示しません",
        "en": "Short history: some of the raw events this figure needs were dropped after the time they are kept for "
        "(JOREN_HISTORY_MONTHS); withheld where the window begins on a dropped day",
    },
    "members_dropped": {
        "ja": "履歴不足：セグメントの条件に必要な明細データの一部が、保存期間（JOREN_HISTORY_MONTHS）を過ぎて削除されています",
        "en": "Short history: some of the raw events that the segment's rule asks for were dropped after the time they are kept for "
        "(JOREN_HISTORY_MONTHS)",
    },
    "future": {"ja": "期間がまだ始まっていません", "en": "The window has not begun yet"},
    "empty_segment": {
        "ja": "この期間、セグメントに該当する人がいません",
        "en": "Nobody was in the segment in this window",
    },
    "never_seen": {
        "ja": "もとになるイベントがまだ一度も記録されていません",
        "en": "An event it is made of has never been recorded",
    },
    "nobody": {"ja": "対象がありません（0 ÷ 0）", "en": "There is nobody and nothing to count: 0 of 0"},
    "level_category": {
        "ja": "商品分類（カテゴリー）の単位で数えます",
        "en": "Counted by category",
    },
    "level_product": {
        "ja": "商品（SKU）の単位で数えます",
        "en": "Counted by product",
    },
    "thresholds_provisional": {
        "ja": "暫定：履歴365日・購入間隔500件がそろうまで、しきい値は初期値（60／120／240日）です",
        "en": "Provisional: until there are 365 days of history and 500 gaps, set thresholds hold (60, 120, 240 days)",
    },
    "thresholds_derived": {
        "ja": "期間の初めに保存されたしきい値がないため、それまでの履歴から求めた値を使います",
        "en": "No thresholds were stored when the window began; these are worked out from the history before it",
    },
    "margin_unknown": {
        "ja": "データ不足：粗利率が登録されていないため示しません（設定 → 粗利率）",
        "en": "Too little data: no margin rate covers any of these sales, so the figure is withheld (Settings, Margin rates)",
    },
    "margin_partly": {
        "ja": "粗利率のない売上を含みます：表の「割合」の分だけの粗利です",
        "en": "Some sales have no margin rate: the margin covers the share of sales that the table states",
    },
    "too_little_data": {
        "ja": "データ不足：購入者500人、履歴180日、3回以上購入した人がそろうまで（またはモデルが定まらない間）は示しません",
        "en": "Too little data: withheld until there are 500 buyers, 180 days of history and somebody with 3 purchases, "
        "or while no model fits",
    },
}

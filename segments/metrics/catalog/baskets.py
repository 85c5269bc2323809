"""KPIs of what is bought together, and what more."""

from segments.events import EventName
from segments.metrics.catalog.words import BASIS, NONE, P, words
from segments.metrics.metric import Column, Metric, Option, Shape, Sheet, Unit

_ORDERS = (str(EventName.ORDER_COMPLETED), str(EventName.ORDER_REFUNDED), str(EventName.ORDER_CANCELLED))
_LEVEL = Option("level", "商品の単位", "Items are", "category", choices=("category", "product"))
_OPTIONS = (
    Option("gap", "前の購入からの日数 D", "Days D since the purchase before", 90, low=1, high=730),
    _LEVEL,
    BASIS,
)

METRICS: tuple[Metric, ...] = (
    Metric(
        slug="cross_sell_rate",
        sources=_ORDERS,
        title=words("クロスセル率", "Cross-sell rate"),
        unit=Unit.RATE,
        numerator=words(
            "そのうち、その購入で自分にとって新しい分類（商品）を買った人",
            "of those, customers who in such a purchase bought a category (product) new to them",
        ),
        denominator=words(
            "前の購入から D 日以内の購入が P にある人",
            "customers with a purchase in P that follows an earlier one by at most D days",
        ),
        window=P,
        definition=words(
            "P に続けて購入した人のうち、それまで買ったことのない分類を買った人の割合。分類の粗さで値が変わるため、単位を必ず併記します。",
            "Share of the customers who came back in P who then bought a category they had never bought before. The level decides the "
            "figure, so it is shown with it.",
        ),
        options=_OPTIONS,
    ),
    Metric(
        slug="up_sell_rate",
        sources=_ORDERS,
        title=words("アップセル率", "Up-sell rate"),
        unit=Unit.RATE,
        numerator=words(
            "そのうち、その明細の金額が、同じ数量を自分の過去の平均単価で買った場合の1.10倍以上（0より大きい額）の人",
            "of those, customers whose spend on such lines is above 0 and at least 1.10 × the same quantities at their own earlier mean prices",
        ),
        denominator=words(
            "前の購入から D 日以内の購入が P にあり、そこで以前に買ったことのある分類を買った人",
            "customers with a purchase in P at most D days after an earlier one and in it a line in a category they had bought before",
        ),
        window=P,
        definition=words(
            "続けて購入した人のうち、買い慣れた分類で以前より1割以上高い品を買った人の割合。過去の平均単価はその人自身の、数量で重み付けした平均です。",
            "Share of the returning customers who paid at least 10 % more in categories known to them, against their own earlier "
            "quantity-weighted mean prices.",
        ),
        options=_OPTIONS,
    ),
    Metric(
        slug="product_affinity",
        sources=_ORDERS,
        title=words("併買分析", "Product affinity"),
        unit=Unit.NUMBER,
        numerator=words(
            "P に最小支持度以上のかごに入っていた組み合わせの数",
            "pairs that are in at least the least share of the baskets of P",
        ),
        denominator=NONE,
        window=P,
        definition=words(
            "一緒に買われる分類（商品）の組み合わせ。かごは購入ごと、または会員ごと（P の購入すべて）。支持度＝両方が入ったかごの割合、"
            "信頼度＝一方が入ったかごのうち他方も入った割合、リフト値＝偶然に比べて何倍一緒に買われたか。分類（商品）の分かる明細があるかごだけを数えます。",
            "Categories (products) bought together. A basket is a purchase, or all of a customer's purchases in P. Support: share of the "
            "baskets that hold both. Confidence: of those that hold the one, the share that hold the other too. Lift: how many times "
            "more often than chance. Only baskets with a line of a known category (product) count.",
        ),
        options=(
            _LEVEL,
            Option("baskets", "かごの単位", "A basket is", "orders", choices=("orders", "customers")),
            Option(
                "min_support",
                "最小支持度（1万かごあたり）",
                "Least support (in 10,000 baskets)",
                10,
                low=1,
                high=10_000,
            ),
            Option("sort", "並び順", "Sort by", "lift", choices=("lift", "support", "confidence")),
            Option("rows", "表の行数", "Rows of the table", 100, low=1, high=1000),
            BASIS,
        ),
        sheet=Sheet(
            shape=Shape.LIST,
            columns=(
                Column("item", "商品A", "Item A"),
                Column("with", "商品B", "Item B"),
                Column("baskets", "両方のかご", "Baskets with both", Unit.NUMBER),
                Column("support", "支持度", "Support", Unit.RATE),
                Column("confidence", "信頼度 A→B", "Confidence A → B", Unit.RATE),
                Column("confidence_back", "信頼度 B→A", "Confidence B → A", Unit.RATE),
                Column("lift", "リフト値", "Lift", Unit.MULTIPLE),
            ),
        ),
    ),
)

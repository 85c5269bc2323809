"""BG/NBD and Gamma-Gamma find what made the data, say how likely it is, and expect what comes."""

import subprocess
import sys
from dataclasses import asdict, replace
from datetime import timedelta
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from segments.metrics import bg_nbd, gamma_gamma
from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.metrics.lifetime_value import Models, expect, fit_models, purchase_histories
from segments.metrics.maximum import maximize
from segments.windows import Window
from tests.segments.history import Happening, days_of, moment
from tests.segments.metrics import reference_lifecycle as reference
from tests.segments.metrics.members import MEMBERS, after, belongs

R, ALPHA, A, B = 0.8, 30.0, 1.2, 4.0
P, Q, V = 5.0, 4.0, 1500.0


@cache
def simulated(people: int) -> tuple[tuple[int, int, int, int], ...]:
    """Repeats, recency, age (whole days) of customers whose rates and chances are drawn from known distributions, and their purchases in the
    year after."""
    dice = np.random.default_rng(7)
    found = []
    for _ in range(people):
        rate, chance, age = dice.gamma(R, 1 / ALPHA), dice.beta(A, B), int(dice.integers(1, 400))
        moments, at, alive = [], 0.0, True
        while alive:
            at += dice.exponential(1 / rate)
            if at > age + 365:
                break
            moments.append(at)
            alive = dice.random() >= chance
        seen = [one for one in moments if one <= age]
        found.append((len(seen), int(max(seen, default=0)), age, len(moments) - len(seen)))
    return tuple(found)


def histories(people: int) -> bg_nbd.Histories:
    columns = np.array([row[:3] for row in simulated(people)]).T
    return bg_nbd.Histories(*columns, customers=np.ones(people, dtype=np.int64))


@cache
def fitted_to(people: int) -> bg_nbd.BgNbd:
    return bg_nbd.fit([histories(people)])


def slow(model: bg_nbd.BgNbd, people: int) -> float:
    return reference.bg_nbd(model.r, model.alpha, model.a, model.b, [row[:3] for row in simulated(people)])


def test_a_fit_is_likelier_than_the_truth_but_not_by_much() -> None:
    people = 4_000
    fitted = fitted_to(people)
    assert fitted.converged
    assert fitted.log_likelihood == pytest.approx(slow(fitted, people), rel=1e-9)
    truth = reference.bg_nbd(R, ALPHA, A, B, [row[:3] for row in simulated(people)])
    # Twice the difference is chi-squared with 4 degrees of freedom: above 23.5 once in ten thousand samples.
    assert 0 <= 2 * (fitted.log_likelihood - truth) < 23.5


def test_millions_of_one_old_history_are_counted_in_full() -> None:
    """As after an import: more days of age in all than 32 bits count."""
    known, old = histories(300), (0, 0, 1_200, 3_000_000)

    def fitted(kind: type[np.signedinteger[Any]]) -> bg_nbd.BgNbd:
        columns = (known.repeats, known.recency, known.age, known.customers * 3_000)
        return bg_nbd.fit([
            bg_nbd.Histories(*(column.astype(kind) for column in columns)),
            bg_nbd.Histories(*(np.array([value], kind) for value in old)),
        ])  # fmt: skip

    assert fitted(np.int32) == fitted(np.int64)
    assert fitted(np.int32).converged


@pytest.mark.parametrize("name", ["r", "alpha", "a", "b"])
@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_a_fit_is_a_maximum_of_the_slow_likelihood(name: str, factor: float) -> None:
    fitted = fitted_to(600)
    moved = {one: getattr(fitted, one) for one in ("r", "alpha", "a", "b")}
    moved[name] *= factor
    assert reference.bg_nbd(**moved, histories=[row[:3] for row in simulated(600)]) < fitted.log_likelihood


def test_equal_histories_may_stand_together() -> None:
    once = histories(300)
    twice = bg_nbd.Histories(once.repeats, once.recency, once.age, once.customers * 2)
    assert bg_nbd.fit([twice]).log_likelihood == pytest.approx(bg_nbd.fit([once, once]).log_likelihood, rel=1e-9)
    assert bg_nbd.fit([twice]).log_likelihood == pytest.approx(2 * bg_nbd.fit([once]).log_likelihood, rel=1e-9)


def test_a_fit_of_very_many_starts_from_some_and_ends_at_the_same_place(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted_to(4_000)
    monkeypatch.setattr(bg_nbd, "_EARLY", 500)
    assert bg_nbd.fit([histories(4_000)]).log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-10)


@pytest.mark.parametrize(
    "model", [(0.8, 30.0, 1.2, 4.0), (0.3, 4.0, 0.6, 0.2), (2.0, 90.0, 0.1, 0.3), (0.8, 30.0, 1 + 1e-5, 4.0)], ids=str
)
def test_expectations_equal_the_equation_of_the_paper(model: tuple[float, float, float, float]) -> None:
    rows = [(0.0, 0.0, 300.0), (1.0, 10.0, 300.0), (4.0, 250.0, 300.0), (20.0, 290.0, 300.0)]
    columns = dict(zip(("repeats", "recency", "age"), np.array(rows).T, strict=True))
    made = bg_nbd.expected_purchases(bg_nbd.BgNbd(*model, 0.0, converged=True), **columns, days=90)
    assert made == pytest.approx([reference.expected(model, row, 90) for row in rows], rel=1e-6)


def test_the_expectation_passes_smoothly_through_its_singular_point() -> None:
    columns = {name: np.array([value]) for name, value in (("repeats", 3.0), ("recency", 80.0), ("age", 100.0))}
    below, at, above = (
        float(bg_nbd.expected_purchases(bg_nbd.BgNbd(0.8, 30.0, a, 4.0, 0.0, converged=True), **columns, days=365)[0])
        for a in (1 - 1e-4, 1.0, 1 + 1e-4)
    )
    assert at == pytest.approx((below + above) / 2, rel=1e-5)


def test_who_buys_very_often_has_a_finite_expectation() -> None:
    columns = {name: np.array([value]) for name, value in (("repeats", 2_000.0), ("recency", 999.0), ("age", 1_000.0))}
    model = bg_nbd.BgNbd(R, ALPHA, A, B, 0.0, converged=True)
    made = bg_nbd.expected_purchases(model, **columns, days=365)
    assert 500 < made[0] < 2_000 * 365 / 1_000


def test_what_is_expected_of_everyone_is_what_came() -> None:
    people = 4_000
    known = histories(people)
    fitted = fitted_to(people)
    made = bg_nbd.expected_purchases(fitted, repeats=known.repeats, recency=known.recency, age=known.age, days=365)
    came = np.array([row[3] for row in simulated(people)])
    error = float(came.std()) / people**0.5
    assert abs(float(made.mean()) - float(came.mean())) < 4 * error
    often = known.repeats >= 3
    assert made[often].mean() == pytest.approx(came[often].mean(), rel=0.15)


@cache
def values() -> tuple[tuple[int, float], ...]:
    dice = np.random.default_rng(11)
    found = []
    for _ in range(3_000):
        times, scale = int(dice.geometric(0.4)), dice.gamma(Q, 1 / V)
        found.append((times, float(dice.gamma(P * times, 1 / scale)) / times))
    return tuple(found)


def test_gamma_gamma_finds_what_made_the_values() -> None:
    repeats, spend = (np.array(column) for column in zip(*values(), strict=True))
    fitted = gamma_gamma.fit(
        [gamma_gamma.Spending(repeats[:70], spend[:70]), gamma_gamma.Spending(repeats[70:], spend[70:])]
    )
    assert fitted.converged
    slow_height = reference.gamma_gamma(fitted.p, fitted.q, fitted.v, [*values()])
    assert fitted.log_likelihood == pytest.approx(slow_height, rel=1e-9)
    truth = reference.gamma_gamma(P, Q, V, [*values()])
    assert 0 <= 2 * (fitted.log_likelihood - truth) < 21.1
    for name in ("p", "q", "v"):
        for factor in (0.97, 1.03):
            moved = {one: getattr(fitted, one) for one in ("p", "q", "v")}
            moved[name] *= factor
            assert reference.gamma_gamma(**moved, spend=[*values()]) < fitted.log_likelihood
    of_strangers = gamma_gamma.expected_value(fitted, repeats=np.array([0]), spend=np.array([0.0]))
    assert of_strangers[0] == pytest.approx(P * V / (Q - 1), rel=0.1)


def test_a_search_that_finds_no_top_says_so() -> None:
    assert not maximize(lambda place: (float("nan"), place), np.zeros(1)).converged


def shop(buyers: int = 520, *, last: int = 250) -> list[Happening]:
    """Buyers who come again and again, some of whom stay away after a while; the data begins on day 0."""
    dice = np.random.default_rng(3)
    found: list[Happening] = []
    for who in range(1, buyers + 1):
        day, gap, worth = int(dice.integers(0, last // 2)), float(dice.gamma(2.0, 20.0)), float(dice.gamma(6.0, 400.0))
        found.append(Happening(0, who, "Application Opened", moment(0)))
        while day <= last:
            found.append(order(len(found), who, day, int(dice.gamma(4.0, worth / 4)) + 1))
            day += 1 + int(dice.exponential(gap))
            day = last + 1 if dice.random() < 0.15 else day
    return found


def order(number: int, who: int, day: int, amount: int) -> Happening:
    return Happening(number, who, "Order Completed", moment(day), order=number, amount=amount)


@pytest.fixture(scope="module")
def facts() -> Facts:
    return Facts(days=days_of(shop()).collect().lazy(), today=after(260))


WINDOW = Window(after(200), after(250))


def test_the_figure_is_the_mean_of_what_is_expected_of_each(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = compute("ltv_12m", facts, WINDOW)
    assert measured.sheet is not None
    values_of = dict(measured.sheet.rows)
    table = purchase_histories(facts, WINDOW.last).collect()
    visits = (values_of["r"], values_of["alpha"], values_of["a"], values_of["b"])
    rows = table.select("repeats", "recency", "age").rows()
    assert values_of["log_likelihood"] == pytest.approx(reference.bg_nbd(*visits, rows), rel=1e-9)
    money = (values_of["p"], values_of["q"], values_of["v"])
    spend = table.filter(pl.col("repeats") > 0).select("repeats", "spend").rows()
    assert values_of["log_likelihood_money"] == pytest.approx(reference.gamma_gamma(*money, spend), rel=1e-9)
    models = fit_models(facts, WINDOW.last)
    assert models is not None
    each = pl.concat(expect(purchase_histories(facts, WINDOW.last), models))
    picked = each.join(table, on="customer_id").sort("customer_id").head(25)
    p, q, v = money
    for row in picked.iter_rows(named=True):
        purchases = reference.expected(visits, (row["repeats"], row["recency"], row["age"]), 365)
        x, z = row["repeats"], row["spend"] or 0.0
        worth = p * (v + x * z) / (p * x + q - 1)
        assert row["expected_purchases"] == pytest.approx(purchases, rel=1e-6)
        assert row["expected_sales"] == pytest.approx(purchases * worth, rel=1e-6)
        assert 0 <= row["alive"] <= 1
    assert measured.numerator == pytest.approx(each["expected_sales"].sum(), rel=1e-9)
    assert measured.value == pytest.approx(each["expected_sales"].sum() / each.height, rel=1e-9)
    monkeypatch.setattr("segments.metrics.lifetime_value.AT_ONCE", 7)
    assert_frame_equal(pl.concat(expect(purchase_histories(facts, WINDOW.last), models)), each, rel_tol=1e-12)
    nobody = purchase_histories(facts, WINDOW.last).limit(0)
    assert pl.concat(expect(nobody, models, tell=["alive"])).schema == {"customer_id": pl.Int64, "alive": pl.Float64}


def test_a_fit_in_parts_is_that_of_all_and_the_same_in_any_order(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    day = WINDOW.last
    whole, rows = fit_models(facts, day), purchase_histories(facts, day).collect()
    assert whole is not None

    def fitted(histories: pl.DataFrame) -> Models:
        kept = {("purchase histories", day): histories}
        found = fit_models(replace(facts, kept=kept), day)
        assert found is not None
        return found

    assert fitted(rows.sample(fraction=1, shuffle=True, seed=1)) == whole
    monkeypatch.setattr("segments.metrics.lifetime_value.AT_ONCE", 60)
    parts = fitted(rows)
    assert parts == fitted(rows.sample(fraction=1, shuffle=True, seed=2))
    for one, other in ((parts.visits, whole.visits), (parts.money, whole.money)):
        assert asdict(one) == pytest.approx(asdict(other), rel=1e-6)


def test_a_segment_is_valued_by_the_parameters_of_the_shop(facts: Facts) -> None:
    mine = Facts(days=facts.days, today=facts.today, members=MEMBERS, kept=facts.kept)
    measured, everyone = compute("ltv_12m", mine, WINDOW), compute("ltv_12m", facts, WINDOW)
    assert measured.sheet == everyone.sheet
    models = fit_models(facts, WINDOW.last)
    assert models is not None
    each = pl.concat(expect(purchase_histories(facts, WINDOW.last), models))
    as_of = WINDOW.first - timedelta(days=1)  # everyone opened the app on the first day
    own = [row["expected_sales"] for row in each.iter_rows(named=True) if belongs(row["customer_id"], as_of)]
    assert measured.denominator == len(own)
    assert measured.numerator == pytest.approx(sum(own), rel=1e-9)


@pytest.mark.parametrize(
    ("last", "buyers", "reason"),
    [(250, 499, "buyers"), (178, 520, "history"), (179, 520, None)],
    ids=["too few buyers", "too short", "enough"],
)
def test_too_little_data_withholds_the_value(last: int, buyers: int, reason: str | None) -> None:
    """From day 0 to day 179 are 180 days of history."""
    measured = compute("ltv_12m", Facts(days=days_of(shop(buyers)), today=after(260)), Window(after(100), after(last)))
    assert (measured.value is None) == (reason is not None)
    assert ("too_little_data" in measured.notes) == (reason is not None)


def test_nobody_who_bought_three_times_withholds_the_value() -> None:
    history = [order(2 * who + often, who, 100 * often, 50) for who in range(600) for often in (0, 1)]
    facts = Facts(days=days_of(history), today=after(260))
    assert compute("ltv_12m", facts, WINDOW).notes == ("too_little_data",)
    assert compute("ltv_12m", facts, WINDOW).denominator == 600


def test_scipy_is_loaded_where_a_model_is_fitted_and_not_before() -> None:
    code = "import sys, segments.figures; print('scipy' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"

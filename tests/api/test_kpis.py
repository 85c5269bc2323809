"""KPIs over HTTP: the catalogue, a figure with breakdown and comparison as of a day, and its line of kept figures."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest

from backend.api.kpis import ASKED, KpiController
from backend.clock import FixedClock
from backend.services.api_keys import ApiKeys
from backend.services.insights import Insights
from backend.services.snapshots import Snapshots
from segments.metrics.catalog import CATALOG
from tests.api.conftest import client_of
from tests.api.test_segments_and_customers import server
from tests.services.refreshing import NOW, Shop, order

MARCH = "from=2026-03-01&to=2026-03-31"


@pytest.fixture
async def snapshots(pool: asyncpg.Pool, tmp_path: Path) -> tuple[Snapshots, Insights]:
    shop = Shop(pool, tmp_path)
    for days, number, who in ((20, "o1", "u1"), (10, "o2", "u1"), (10, "o3", "u2")):
        await shop.send("server", order(number, 100, user=who, store_id=f"S{who}"), at=NOW - timedelta(days=days))
    await shop.refresh.run_once()
    insights = Insights(pool, shop.clock, shop.lake, shop.asked)
    return Snapshots(pool, shop.clock, measure=insights.measure, known_until=insights.known_until), insights


@pytest.fixture
async def client(pool: asyncpg.Pool, snapshots: tuple[Snapshots, Insights]) -> AsyncIterator[httpx.AsyncClient]:
    keys = ApiKeys(pool, FixedClock(NOW))
    app = server([KpiController], insights=snapshots[1], snapshots=snapshots[0], api_keys=keys)
    async with client_of(app) as client:
        client.headers["Authorization"] = f"Bearer {await keys.create('reports', scopes=['kpis:read'])}"
        yield client


async def test_the_catalogue(client: httpx.AsyncClient) -> None:
    found = (await client.get("/kpis")).json()
    assert [each["slug"] for each in found] == [*CATALOG]
    repeat = next(each for each in found if each["slug"] == "repeat_purchase_rate")
    assert repeat["options"][0] == {
        "name": "n", "ja": "回数 N", "en": "Times N", "default": 2, "choices": [], "low": 2, "high": 100,
    }  # fmt: skip


async def test_a_figure_broken_down_and_compared_as_of_a_day(client: httpx.AsyncClient) -> None:
    path = f"/kpis/orders_per_customer?{MARCH}&basis=receipts&by=store&compare=previous&members=today"
    found = (await client.get(path)).json()
    assert (found["numerator"], found["denominator"], found["value"]) == (3, 2, 1.5)
    assert found["options"] == {"basis": "receipts"}
    assert [(each["label"], each["figure"]["numerator"]) for each in found["breakdown"]["groups"]] == [
        ("Su1", 2),
        ("Su2", 1),
    ]
    assert found["compared"]["figure"]["window"] == {"from": "2026-02-01", "to": "2026-02-28"}
    then = (await client.get(f"{path}&as_of=2026-03-15")).json()
    assert (then["numerator"], then["as_of_day"], then["as_of"]) == (1, "2026-03-15", "2026-03-15T15:00:00Z")
    known = (await client.get(f"{path}&known_at=2026-03-20T00:00:00Z")).json()
    assert (known["numerator"], known["as_of"]) == (0, "2026-03-20T00:00:00Z"), "all of it arrived later"
    assert "known_at" in [note["code"] for note in known["notes"]]
    naive = await client.get("/kpis/dau?known_at=2026-03-20T00:00:00")
    assert (naive.status_code, "offset from UTC" in naive.text) == (400, True)
    for year in ("0001", "9999"):
        beyond = await client.get("/kpis/dau", params={"known_at": f"{year}-01-01T00:00:00+09:00"})
        assert (beyond.status_code, "from 1990 to 2199" in beyond.text) == (400, True)
    month = (await client.get("/kpis/dau?window=last_month")).json()
    assert month["window"] == {"from": "2026-03-01", "to": "2026-03-31"}


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/kpis/repeat_purchas_rate", 404, "repeat_purchase_rate"),
        ("/kpis/dau?n=3", 400, "dau has no option n"),
        ("/kpis/repeat_purchase_rate?basis=recepts", 400, "the nearest is receipts"),
        ("/kpis/dau?by=rnak", 400, "the nearest is rank"),
        ("/kpis/dau?window=last_moth", 400, "the nearest are last_month"),
        ("/kpis/dau?compare=segment:none", 404, "There is no segment none"),
        ("/kpis/dau?from=2026-03-01", 400, "both from and to"),
        (f"/kpis/dau?window=today&{MARCH}", 400, "either window"),
        ("/kpis/dau?as_of=0001-01-01", 400, "Days are from"),
        ("/kpis/dau/trend?n=3", 400, "no option n"),
        ("/kpis/repeat/trend", 404, "nearest"),
    ],
)
async def test_what_cannot_be_asked_names_the_nearest(
    client: httpx.AsyncClient, path: str, status: int, message: str
) -> None:
    answer = await client.get(path)
    assert (answer.status_code, message in answer.json()["message"]) == (status, True), answer.text


async def test_the_line_of_kept_figures(client: httpx.AsyncClient, snapshots: tuple[Snapshots, Insights]) -> None:
    assert (await client.get("/kpis/orders_per_customer/trend")).json() == []
    while await snapshots[0].work():
        pass
    line = (await client.get("/kpis/orders_per_customer/trend")).json()
    assert [each["business_day"] for each in line] == [str(date(2026, 3, 18) + timedelta(days=n)) for n in range(14)]
    assert [each["numerator"] for each in line] == [1.0] * 4 + [3.0] * 10
    assert line[0]["window"] == {"from": "2026-02-19", "to": "2026-03-18"}
    assert not any(each["changed"] for each in line)
    late = (await client.get("/kpis/orders_per_customer/trend?since=2026-03-31")).json()
    assert [each["value"] for each in late] == [1.5]


def test_no_option_of_the_catalogue_bears_the_name_of_a_parameter() -> None:
    assert {option.name for metric in CATALOG.values() for option in metric.options} & ASKED == set()

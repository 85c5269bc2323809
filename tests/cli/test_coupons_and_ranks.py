"""`joren coupon` and `joren ranks` as an operator types them."""

import json
from pathlib import Path
from typing import Any

import asyncpg

from tests.fixtures.commands import joren

RULES = {"ranks": [{"name": "base"}, {"name": "gold", "threshold": 1000}]}


async def test_coupons_and_ranks(tmp_path: Path, dsn: str, pool: asyncpg.Pool) -> None:
    def ask(*arguments: str) -> Any:
        done = joren(*arguments, "--json", home=tmp_path, DATABASE_URL=dsn)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    await pool.execute(
        "INSERT INTO customers (user_id, created_at, born_source_id, known_to_shop) VALUES ('M-1', now(), 1, true)"
    )
    await pool.execute(
        "INSERT INTO identities (kind, value, customer_id, proven, linked_at)"
        " SELECT 'user', user_id, customer_id, true, now() FROM customers"
    )
    made = ask("coupon", "set", "tea", "--title", "お茶", "--days", "30", "--uses", "1")
    assert (made["valid_days"], made["uses_per_person"], made["audience"]) == (30, 1, "issued")
    changed = ask("coupon", "set", "tea", "--days", "none", "--until", "2130-01-31")
    assert (changed["valid_days"], changed["valid_until"], changed["uses_per_person"]) == (None, "2130-01-31", 1)
    issue = ask("coupon", "issue", "tea", "--to", "M-1", "--to", "M-9")
    assert (issue["issued"], issue["unknown"]) == (1, 1)
    assert await pool.fetchval("SELECT user_id FROM event_log WHERE event = 'Coupon Issued'") == "M-1"
    segment = {"attribute": "orders", "op": ">=", "value": 0}
    ask("segment", "create", "2026", "--rule", json.dumps(segment))
    unknown = joren("coupon", "issue", "tea", "--segment", "2130000000000", home=tmp_path, DATABASE_URL=dsn)
    assert (unknown.returncode, "No segment is called" in unknown.stderr) == (1, True), unknown.stderr
    assert ask("coupon", "issue", "tea", "--segment", "2026")["target"]["kind"] == "segment"
    (tmp_path / "ranks.json").write_text(json.dumps(RULES), encoding="utf-8")
    assert ask("ranks", "set", "--rules", f"@{tmp_path / 'ranks.json'}", "--note", "first")["version"] == 1
    shown = joren("ranks", "show", home=tmp_path, DATABASE_URL=dsn)
    assert "base (0) < gold (1000)" in shown.stdout
    wrong = joren("ranks", "preview", "--rules", '{"ranks": 3}', home=tmp_path, DATABASE_URL=dsn)
    assert (wrong.returncode, "These are no rank rules" in wrong.stderr) == (2, True)

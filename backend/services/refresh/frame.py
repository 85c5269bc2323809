"""Brings the customer frame up to date: rows of the customers who were touched, from their own history only.

A row is made of all of a customer's history, so making it twice, or once too often, changes nothing. The queue
of touched customers is emptied after the frame is in force: a crash in between makes the rows again.

The frame's ``as_of`` moves with the business day without rewriting rows. Three kinds of rows would differ the next
day though nobody touched them, and are touched when the day turns: those with facts dated ahead of their day, those
holding a coupon whose validity ended, and those whose computed rank comes up for review.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from backend.lake.by_customer import CustomerHistories
from backend.lake.engine import Engine
from backend.lake.frame import CustomerFrame
from backend.lake.manifest import Manifest
from backend.lake.tables import Lake
from backend.services.refresh import elsewhere, watching
from backend.services.refresh.elsewhere import Elsewhere
from backend.services.refresh.frame_rules import FrameRules, definitions_of, list_columns
from backend.services.refresh.history import Here, history_of
from backend.services.refresh.private import private_columns
from backend.store import customers, rank_rules, refresh
from backend.store import shop as shop_store
from backend.store.pool import Connection
from campaigns.terms import ConsentRule
from segments import events
from segments.coupon_ledger import COUPON_EVENTS
from segments.customers import SCHEMA
from segments.reduce import anywhere
from segments.reduce.trust import WEIGHTY
from segments.shop_traits import read_trait
from segments.watched import stored_columns
from segments.windows import Window

AT_ONCE = 50_000
"""Customers whose rows are made in one piece."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the frame is brought by one call: rows made, and the last event that is in it."""

    customers: int
    seq: int


class FrameMaker:
    """Makes frame rows from the lake and PostgreSQL. Only the refresh writer may call it.

    Everybody's rows at once are reduced by ``engine``; those of some customers always here, where their history is read
    in less time than a cluster takes to plan.
    """

    def __init__(
        self,
        lake: Lake,
        histories: CustomerHistories,
        frame: CustomerFrame,
        engine: Engine,
        *,
        watch: Callable[[str], None],
    ) -> None:
        self._lake = lake
        self._histories = histories
        self._engine = engine
        self._frame = frame
        self._watch = watch
        self._wanted = watching.Wanted()

    async def bring_up(self, connection: Connection, *, epoch: int, now: datetime) -> Progress:
        """Make the rows of everyone who was touched, and move the frame's day to today."""
        shop = await shop_store.read_settings(connection)
        day = shop.calendar.business_day(now)
        # Read once: rows made by a coupon that changes meanwhile would be noted as made by the new one.
        ranks = await rank_rules.list_versions(connection)
        week_starts = shop.calendar.week_starts
        coupons, watched = await customers.list_coupons(connection), await self._wanted.read(connection)
        traits = tuple(map(read_trait, shop.segment_traits))
        rules = FrameRules(shop.consent_rule, day, coupons, ranks, week_starts, watched, traits)
        everyone = await self._touch_what_else_changed(connection, rules)
        with contextlib.ExitStack() as stack:
            there = await self._elsewhere(connection, stack) if everyone and self._engine.distributed else None
            progress = await self._make_touched(connection, there, rules, everyone=everyone, epoch=epoch, now=now)
        await self._fill(connection, rules, epoch=epoch)
        return progress

    async def is_filling(self, connection: Connection) -> bool:
        """Whether rows lack a behaviour that a saved segment asks for: there is something to do though nothing is new."""
        manifest = self._frame.manifest()
        return manifest.generation > 0 and not watching.is_whole(manifest.marks, await self._wanted_columns(connection))

    async def _wanted_columns(self, connection: Connection) -> list[str]:
        traits = (await shop_store.read_settings(connection)).segment_traits
        return stored_columns(await self._wanted.read(connection), map(read_trait, traits))

    async def _fill(self, connection: Connection, rules: FrameRules, *, epoch: int) -> None:
        """Make some rows again that lack a behaviour; they say what they said, so that nothing else changes."""
        manifest = self._frame.manifest()
        if watching.is_whole(manifest.marks, rules.columns):
            return
        numbers = await asyncio.to_thread(
            lambda: watching.next_to_fill(self._frame.read().frame, manifest.marks, rules.columns)
        )
        piece = await self._make(connection, numbers, None, rules, manifest)
        marks = {**piece.marks, **watching.marks_of_piece(manifest.marks, rules.columns, numbers)}
        await asyncio.to_thread(
            self._frame.write,
            piece.rows,
            removed=piece.removed,
            day=rules.day,
            at=manifest.at,
            seq=manifest.seq,
            epoch=epoch,
            marks=marks,
        )
        self._watch("frame")

    async def _elsewhere(self, connection: Connection, stack: contextlib.ExitStack) -> Elsewhere:
        merges = await customers.list_merges(connection)
        session = await asyncio.to_thread(stack.enter_context, self._engine.session())
        return await asyncio.to_thread(Elsewhere, session, self._lake, merges)

    async def _make_touched(
        self,
        connection: Connection,
        there: Elsewhere | None,
        rules: FrameRules,
        *,
        everyone: bool,
        epoch: int,
        now: datetime,
    ) -> Progress:
        made, limit = 0, AT_ONCE if there is None else elsewhere.AT_ONCE
        while True:
            seq = (await refresh.read_state(connection)).done_seq
            touched = await refresh.read_touched(connection, limit=limit)
            manifest = self._frame.manifest()
            current = len(touched) < limit
            whole = manifest.marks.get("figures") == [rules.figures]
            if not touched and whole and (manifest.seq, manifest.day) == (seq, rules.day):
                return Progress(made, seq)
            piece = await self._make(connection, list(touched), there, rules, manifest)
            everybody = manifest.customers and set(piece.marks["verified"]) != set(manifest.marks.get("verified", []))
            done = current and not everybody
            if everybody:  # before the frame's marks say so: a crash in between must not leave the others as they were
                await refresh.touch_all(connection)
            remade = watching.marks_of_everybody(manifest.marks, rules.columns, begun=everyone, done=done)
            await asyncio.to_thread(
                self._frame.write,
                piece.rows,
                removed=piece.removed,
                day=rules.day,
                at=now if current else manifest.at,
                seq=seq if current else manifest.seq,
                epoch=epoch,
                # Figures add rows up: of rows that were made by two rules, or not yet, nothing may be read.
                marks={**piece.marks, **remade, "figures": [rules.figures] if done else []},
            )
            self._watch("frame")
            await refresh.clear_touched(connection, done=touched)
            self._watch("cleared")
            made += len(touched)

    async def _touch_what_else_changed(self, connection: Connection, rules: FrameRules) -> bool:
        """Gives whether that is everybody."""
        manifest = self._frame.manifest()
        if not manifest.generation or manifest.marks.get("rules") != rules.marks["rules"]:
            await refresh.touch_all(connection)
            return True
        changed = {*rules.marks["coupons"]} ^ {*manifest.marks.get("coupons", [])}
        if changed:
            await refresh.touch(connection, customer_ids=await self._having(changed))
        if manifest.day < rules.day:
            await refresh.touch(connection, customer_ids=await self._turning(manifest.day, rules.day))
        return False

    async def _having(self, marks: Collection[str]) -> list[int]:
        """Customers in whose history one of these coupons occurs."""
        named = pl.col("key").is_in(sorted({mark.rpartition(" ")[0] for mark in marks}))
        asked = self._lake.customer_days().filter(named & pl.col("event").is_in(COUPON_EVENTS)).select("customer_id")
        found = await asyncio.to_thread(asked.unique().collect)
        return found.get_column("customer_id").to_list()

    async def _turning(self, old: date, day: date) -> list[int]:
        """Customers whose row is another one on the new day, though nothing happened."""
        ahead = self._lake.events(Window(old + timedelta(days=1), day)).select("customer_id")
        other = (pl.col("next_coupon_expiry") < day) | (pl.col("rank_review") <= day)
        due = self._frame.read().frame.filter(other).select("customer_id")
        found = await asyncio.to_thread(pl.concat([ahead, due]).unique().collect)
        return found.get_column("customer_id").to_list()

    async def _make(
        self,
        connection: Connection,
        touched: list[int],
        there: Elsewhere | None,
        rules: FrameRules,
        manifest: Manifest,
    ) -> "_Piece":
        survivors = await customers.read_survivors(connection, customer_ids=touched)
        wanted = sorted(set(survivors.values()))
        absorbed = await customers.read_absorbed(connection, survivors=wanted)
        silence, traits = rules.consent is ConsentRule.PERMISSION, [trait.name for trait in rules.traits]
        private = await customers.read_private(connection, customer_ids=wanted, silence=silence, traits=traits)
        people = _People(wanted, absorbed, [dict(row) for row in private])
        piece = await asyncio.to_thread(self._reduce, people, rules, {**manifest.marks, **rules.marks}, there)
        return _Piece(piece[0], sorted(set(touched) - set(wanted)), piece[1])

    def _reduce(
        self, people: "_People", rules: FrameRules, marks: dict[str, list[str]], there: Elsewhere | None
    ) -> tuple[pl.DataFrame, dict[str, list[str]]]:
        history = Here(history_of(self._histories, people.wanted, people.absorbed)) if there is None else there
        verified = sorted({*marks.get("verified", []), *history.verified})
        names = list_columns(history.occurring, marks.get("events", []))
        coupons = definitions_of(rules.coupons) if rules.coupons else None
        known = anywhere.Rules(names, verified, coupons, rules.ranks, rules.week_starts)
        reduced = history.rows(people.wanted, day=rules.day, rules=known, watched=rules.watched)
        rows = reduced.join(private_columns(people.private, rules.traits), on="customer_id")
        lists = [name for name in rows.columns if name not in SCHEMA]
        custom = [name for name in names if name not in events.BY_NAME]
        kept = sorted({*marks.get("events", []), *custom})
        weighty = sorted({*marks.get("weighty", []), *history.occurring} & {*WEIGHTY})
        noted = {
            "verified": verified,
            "weighty": weighty,
            "events": kept,
            **watching.marks_of_rows(marks, rules.columns),
        }
        return rows.select(*SCHEMA, *lists), {**marks, **noted}


@dataclass(frozen=True, slots=True)
class _People:
    wanted: list[int]
    absorbed: dict[int, int]
    private: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Piece:
    rows: pl.DataFrame
    removed: list[int]
    marks: dict[str, list[str]]

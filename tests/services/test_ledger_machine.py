"""Whatever happens to campaigns, people and workers, in any order, holds: also to tests of versions and to launches that wait."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from backend.services.campaign_desk.winners import CampaignTests
from backend.services.campaign_runs import waiting
from campaigns.campaign import Content, Policy, Priority, Text, Variant
from campaigns.states import GROWN
from campaigns.trigger import Recurring
from campaigns.winner import Otherwise, WinnerRule
from tests.fixtures.shop_floor import fact_frame
from tests.services.ledger_machine import ALONE, Ledger

TWO = tuple(Variant(name=name, share=50, content=Content(ja=Text(name, "どうぞ"))) for name in "AB")
WAIT = timedelta(minutes=30)


class Campaigns(Ledger):
    """A shop that also tests versions before the rest gets one, and repeats campaigns for a segment that grows."""

    def __init__(self) -> None:
        super().__init__()
        self.winners: dict[int, Any] = {}

    @precondition(lambda self: self.ids and len(self.campaigns) < 4)
    @rule(
        policy=st.sampled_from(Policy),
        holdout=st.sampled_from([0.0, 30.0]),
        otherwise=st.sampled_from(Otherwise),
        undecided=st.sampled_from([True, True, False]),
    )
    def test_versions(self, policy: Policy, holdout: float, otherwise: Otherwise, undecided: bool) -> None:
        """A part of the people tries versions, the rest waits, perhaps until its turn would have come and nobody has decided.

        Newcomers are among them, whom no cap holds.
        """
        self.ids += self.run(self.floor.people(2))
        tried = WinnerRule(test_percent=50, wait=WAIT, otherwise=otherwise)
        name = f"{id(self)} {len(self.campaigns)}"
        number = self.run(self._launched(name, policy=policy, holdout_percent=holdout, variants=TWO, winner=tried))
        self.campaigns[number] = (Priority.NORMAL, policy)
        if undecided:
            self.floor.clock.advance(WAIT + timedelta(minutes=1))
            self.deliver_all()

    @precondition(lambda self: self.ids and len(self.campaigns) < 4)
    @rule(policy=st.sampled_from(Policy), grows=st.booleans())
    def repeat(self, policy: Policy, grows: bool) -> None:
        """A campaign of every day, for as many as there are by then: perhaps, overnight, more than one person may decide about."""
        daily = Recurring(rrule="FREQ=DAILY", starts_at=self.floor.clock.now())
        number = self.run(self._launched(f"{id(self)} {len(self.campaigns)}", policy=policy, trigger=daily))
        self.campaigns[number] = (Priority.NORMAL, policy)
        if grows and len(self.ids) < 8:
            self.join(4, consent=True, phones=1)
            self.floor.clock.advance(timedelta(hours=25))
            self.launch_due()

    @rule(tapped=st.sampled_from(["A", "B", ""]))
    def look_at_tests(self, tapped: str) -> None:
        """What people did is known up to now; tests whose moment has come are decided."""
        self.floor.facts.moment = self.floor.clock.now()
        self.run(self._tap(tapped))
        self.run(CampaignTests(self.pool, self.floor.clock, facts=self.floor.facts).decide_due())

    async def _tap(self, variant: str) -> None:
        rows = await self.pool.fetch(
            "SELECT customer_id, campaign_id FROM campaign_people WHERE variant = $1 AND NOT rest", variant
        )
        tap = {"event": "Push Notification Tapped", "occurred_at": self.floor.clock.now(), "delivery_id": 5}
        self.floor.facts.frame = fact_frame(tap | dict(row) for row in rows)

    @rule()
    def launch_due(self) -> None:
        self.run(self.floor.runs.launch_due())

    @precondition(lambda self: self.campaigns)
    @rule(agrees=st.booleans())
    def ask_the_second_person(self, agrees: bool) -> None:
        """About every launch that waits."""
        for number in sorted(self.campaigns):
            for held in self.run(self.floor.desk.get(number)).waiting:
                if agrees:
                    self.run(self.floor.desk.approve_launch(number, held.occurrence, by="ken"))
                    self.allowed[number] = max(self.allowed.get(number, 0), held.people)
                else:
                    self.run(self.floor.desk.reject_launch(number, held.occurrence, by="ken", comment="no"))

    @invariant()
    def the_rest_waits_for_the_decision(self) -> None:
        """Nobody of it is handed over before, and after it everybody is sent what was decided."""
        if not self.campaigns:
            return
        rows = self.run(
            self.pool.fetch(
                """SELECT t.decided_at, t.variant, p.variant AS sent FROM campaign_people AS p JOIN campaign_tests AS t USING (campaign_id)
                   WHERE p.rest AND p.state = 'handed' AND p.arm = 'treated'"""
            )
        )
        assert all(row["decided_at"] and row["sent"] in (row["variant"] or row["sent"], None) for row in rows)

    @invariant()
    def a_decision_stands(self) -> None:
        if not self.campaigns:
            return
        decided = self.run(self.pool.fetch("SELECT * FROM campaign_tests WHERE decided_at IS NOT NULL"))
        told = Counter(self.run(self._audited()))
        for row in decided:
            number = row["campaign_id"]
            assert self.winners.setdefault(number, row) == row
            assert told[f"campaign {number}"] == 1

    async def _audited(self) -> list[str]:
        rows = await self.pool.fetch("SELECT object FROM audit_log WHERE action = 'campaign.winner'")
        return [row["object"] for row in rows]

    @invariant()
    def nothing_for_many_goes_out_on_one_word(self) -> None:
        """No launch is for more than one person may decide about, or a second one has agreed to; what waits has no people yet."""
        if not self.campaigns:
            return
        for row in self.run(self.pool.fetch("SELECT campaign_id, targeted FROM campaign_occurrences")):
            assert row["targeted"] <= max(ALONE, GROWN * self.allowed.get(row["campaign_id"], 0))
        early = (
            """SELECT count(*) FROM waiting_launches AS w JOIN campaign_people AS p USING (campaign_id, occurrence)"""
        )
        assert self.run(self.pool.fetchval(early)) == 0


@pytest.mark.parametrize("examples", [6, pytest.param(30, marks=pytest.mark.prove)])
def test_the_ledger_holds_whatever_happens(dsn: str, examples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.winner.SMALLEST_ARM", 1)
    monkeypatch.setattr("campaigns.winner.FEWEST_CONVERSIONS", 0)
    Campaigns.dsn = dsn
    patient = list(HealthCheck)
    calm = settings(max_examples=examples, stateful_step_count=12, deadline=None, suppress_health_check=patient)
    run_state_machine_as_test(Campaigns, settings=calm)


def test_saboteur_who_lets_a_grown_launch_through_is_noticed(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random walks come here too seldom to prove that they would notice."""

    async def never(*_: Any, **__: Any) -> bool:
        return False

    monkeypatch.setattr(waiting, "hold_back_if_outgrown", never)
    Campaigns.dsn = dsn
    shop = Campaigns()
    try:
        shop.begin()
        shop.repeat(Policy.ONCE, grows=False)
        shop.nothing_for_many_goes_out_on_one_word()
        shop.join(4, consent=True, phones=1)
        shop.pass_time(25 * 3600)
        shop.launch_due()
        with pytest.raises(AssertionError):
            shop.nothing_for_many_goes_out_on_one_word()
    finally:
        shop.teardown()

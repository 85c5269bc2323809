"""Campaigns in words, for the terminal."""

from backend.cli.segments import lacking
from campaigns.campaign import FAILURES
from campaigns.dry_run import DryRun
from campaigns.effect import Arm, Effect, Verdict
from campaigns.figures import CampaignReport, Goal, Opens
from campaigns.intervals import IntervalKind
from campaigns.overview import CampaignSummary, TestSend
from campaigns.rehearsal import DAYS, WEEK, Rehearsal
from campaigns.report import People
from campaigns.results import ArmResult, Results
from campaigns.winner import Test, TestSize, Why

_VERDICTS = {
    Verdict.COLLECTING: "still collecting, no verdict before the end of the window",
    Verdict.NO_CONTROL: "nothing to compare with: nobody was held out",
    Verdict.TOO_SMALL: "too small for a verdict",
    Verdict.NO_DIFFERENCE: "no difference shown",
    Verdict.RAISED: "the push raised it",
    Verdict.LOWERED: "the push lowered it",
}


_WHYS = {
    Why.EVIDENCE: "the figures show it to be the best",
    Why.NO_DIFFERENCE: "though no difference shows",
    Why.TOO_SMALL: "though the test was too small to tell",
    Why.NO_FACTS: "because nothing was known of what people did",
}


def tell_summary(each: CampaignSummary) -> str:
    """One line."""
    why = f" ({each.paused_reason})" if each.paused_reason else ""
    control = f", {each.control:,} control" if each.control else ""  # a journey draws it push by push: its report tells
    counts = f", {each.targeted:,} targeted{control}, {each.accepted:,} accepted" if each.targeted else ""
    failed = f" ({FAILURES.get(each.failed_reason, ('', each.failed_reason))[1]})" if each.failed_reason else ""
    whom = f"for “{each.segment_name}”" if each.segment_id is not None else "for whom it begins"
    waits = f", {each.waiting:,} launches wait for a second person" if each.waiting else ""
    tags = f" [{', '.join(each.tags)}]" if each.tags else ""
    return f"{each.campaign_id:>4}  {each.name}: {each.state}{why}{failed}, {whom}{counts}{waits}{tags}"


def tell_test(tried: TestSend) -> str:
    """What became of a test send."""
    why = [f" ({device.detail.rstrip('.')})" if device.detail else "" for device in tried.devices]
    devices = [f"device {one.device_id}: {one.outcome}{detail}" for one, detail in zip(tried.devices, why, strict=True)]
    return "\n".join([*devices, tried.note.en])


def tell_dry_run(seen: DryRun) -> str:
    """What a launch now would do."""
    lines = _rehearsal(seen.rehearsal) if seen.rehearsal else []
    whom = "It would begin for" if seen.rehearsal else f"On {seen.day}, people" if seen.day else "In the segment"
    lines += [f"{whom} {seen.segment_size:>10,}   (facts as of {seen.as_of.isoformat(timespec='seconds')})"]
    lines += [f"  {gone.label.en:<28} −{gone.people:,}" for gone in seen.removed]
    lines += [f"  {'control, without the push':<28} {seen.control:,}"]
    lines += [f"  {'to be sent to':<28} {seen.treated:,} on {seen.devices:,} devices"]
    lines += lacking(seen.known_since)
    if seen.fork:
        ways = ", ".join(f"{_way(way.way)} {way.people:,}" for way in seen.fork.ways)
        drawn = f", estimated from {seen.fork.asked:,} people drawn" if seen.fork.asked else ""
        lines.append(f"Where it divides first, at step {seen.fork.step + 1}, as of now: {ways}{drawn}.")
    if seen.deferred_until:
        lines.append(f"It is quiet now: sending would begin at {seen.deferred_until.isoformat(timespec='minutes')}.")
    if seen.smallest_effect is not None:
        lines.append(f"This holdout can show a rise of {seen.smallest_effect * 100:.1f} points or more.")
    if seen.test is not None:
        lines += _test_size(seen.test)
    if seen.decision is not None:
        lines.append(f"Its test is decided: everyone gets {_version(seen.decision.variant)}.")
    if seen.suggested_holdout is not None:
        lines.append(f"Suggested holdout: {seen.suggested_holdout:g} %.")
    lines += [f"  e.g. [{one.language}] {one.title} | {one.body}" for one in seen.samples]
    return "\n".join(lines)


def _rehearsal(told: Rehearsal) -> list[str]:
    """What would have begun, and what of it is not known."""
    week, month = told.week, told.month
    of_week = f"Begun {week.times:,} times for {week.people:,} people in the last {WEEK} full days"
    lines = [f"{of_week}, {month.times:,} times for {month.people:,} in the last {DAYS}."]
    lines.append("Day by day: " + " ".join("?" if day.times is None else f"{day.times:,}" for day in told.days))
    if told.known_from:
        lines.append(f"What would have begun before {told.known_from} is not known any more, or was never counted.")
    if told.late:
        lines.append(
            f"{told.late:,} of them were reported more than an hour late (an import, a nightly file): "
            "what comes so late begins nothing."
        )
    if told.stay_unknown:
        lines.append("How long people would be under way is not known: who would still be inside is counted again.")
    return lines


def _version(variant: str | None) -> str:
    return f"version {variant}" if variant else "the version of their own draw"


def _way(way: str) -> str:
    return f"way {int(way) + 1}" if way.isdecimal() else way


def tell_report(told: CampaignReport) -> str:
    """A campaign's figures."""
    lines = [tell_summary(told.summary), *_people(told.people)]
    lines += [f"    {gone.label.en:<26} {gone.people:>10,}" for gone in told.removed]
    lines.append("Devices: " + (", ".join(f"{count:,} {state}" for state, count in told.devices.items()) or "none"))
    if told.dropped:
        lines.append(
            "Opens and effect: the events of its days were dropped (JOREN_HISTORY_MONTHS), so nobody can count them now."
        )
    if told.opens:
        lines.append(_opens(told.opens))
    if told.effect:
        lines += _effect(told.effect)
    if told.results:
        lines += _results(told.results)
    if told.test:
        lines += tell_decision(told.test)
    if told.goal.hypothesis or told.goal.target is not None:
        lines += _goal(told.goal)
    return "\n".join(lines)


def _results(results: Results) -> list[str]:
    """Each arm's buyers, sales and coupons; where there are variants, what may be said of each."""
    arms = (*results.variants, results.rest, results.tested_control, results.control)
    lines = [_sales(one) for one in arms if one is not None and one.arm.customers]
    if len(results.variants) > 1:
        lines += [f"{one.name} against {one.against}: {_effect(one.effect)[-1]}" for one in results.comparisons]
    return lines


def _test_size(size: TestSize) -> list[str]:
    """Who tests, who waits, and what the test can show."""
    names = ", ".join(f"{name} {people:,}" for name, people in size.by_variant.items())
    shows = (
        "too few for a winner to be told"
        if size.smallest_effect is None
        else f"shows a difference of {size.smallest_effect * 100:.1f} points or more at a rate of {size.base_rate:.0%}"
    )
    waiting = f"{size.rest:,} wait until {size.decides_at.isoformat(timespec='minutes')}"
    return [f"Test: {size.people:,} ({names}), {waiting}; {shows}."]


def tell_decision(test: Test) -> list[str]:
    """How the winner is found, and what was decided by which figures."""
    decision = test.decision
    if decision is None:
        when = "after the launch" if test.decides_at is None else f"at {test.decides_at.isoformat(timespec='minutes')}"
        return [f"Winner: by {test.rule.measure}, decided {when}; only the test compares the variants."]
    tried = ", ".join(f"{one.name} {one.successes:,} of {one.people:,}" for one in decision.tried)
    said = (
        f"{decision.variant} is sent to the rest" if decision.variant else "the rest keeps all variants by their shares"
    )
    span = decision.interval
    interval = (
        ""
        if span is None
        else f"; {decision.leader} − {decision.against} [{span.low * 100:.1f}, {span.high * 100:.1f}] at {span.level:.1%}"
    )
    return [f"Winner: {said}, {_WHYS[decision.why]}{interval} ({test.rule.measure}: {tried})."]


def _sales(one: ArmResult) -> str:
    per_person = "—" if one.sales_per_person is None else f"{one.sales_per_person:,.0f}"
    coupons = f", coupon used by {one.coupon_users:,}" if one.coupon_users else ""
    return f"  {one.name:<12} {one.buyers:,} bought, sales per person {per_person} (minor units){coupons}"


def _goal(goal: Goal) -> list[str]:
    lines = [f"Hypothesis: {goal.hypothesis}"] if goal.hypothesis else []
    if goal.target is None:
        return lines
    reached = {None: "not known yet", True: "reached", False: "not reached"}[goal.reached]
    rate = "—" if goal.rate is None else f"{goal.rate:.1%}"
    return [*lines, f"Goal: {goal.target:g} % {goal.event} within {goal.days} days; so far {rate}, {reached}"]


def _people(people: People) -> list[str]:
    parts = ("control", "waiting", "in_flight", "accepted", "failed", "unknown", "cancelled", "expired")
    counts = [(part.replace("_", " "), getattr(people, part)) for part in parts]
    lines = [f"  {'targeted':<28} {people.targeted:>10,}"]
    lines += [f"  {name:<28} {count:>10,}" for name, count in counts if count]
    return [*lines, f"  {'left out':<28} {people.left_out_total:>10,}"]


def _opens(opens: Opens) -> str:
    return f"Opened by tap {opens.direct:,}, launched within {opens.window_hours} h {opens.influenced:,}, of {opens.of:,} accepted"


def _effect(effect: Effect) -> list[str]:
    lines = [f"With the push {_arm(effect.treated)}, without {_arm(effect.control)}: {_VERDICTS[effect.verdict]}"]
    if effect.difference is not None and effect.interval is not None:
        low, high = effect.interval.low * 100, effect.interval.high * 100
        lines.append(
            f"Difference {effect.difference * 100:+.1f} points, 95 % interval [{low:.1f}, {high:.1f}]{_use(effect)}"
        )
    return lines


def _use(effect: Effect) -> str:
    return " (so far; valid whenever you look)" if effect.interval_kind is IntervalKind.ALWAYS_VALID else ""


def _arm(arm: Arm) -> str:
    rate = "—" if arm.rate is None else f"{arm.rate:.1%}"
    return f"{arm.conversions:,} of {arm.customers:,} ({rate})"

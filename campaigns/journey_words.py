"""A journey in words, in Japanese and English: a line for each step, and what the ways out of it are called."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from campaigns.content import Content
from campaigns.journey import place_of
from campaigns.steps import (
    CallWebhook,
    Exit,
    GiveCoupon,
    GoTo,
    Send,
    SetTrait,
    SplitRule,
    SplitShare,
    Step,
    Wait,
    WaitEvent,
    WaitUntil,
)
from segments.rules.behaviour import Behaviour
from segments.rules.describe import describe as describe_rule
from segments.rules.phrases import noun_en, what
from segments.rules.telling import NO_NAMES, Names, Telling
from segments.rules.words import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How a journey is told.

    Attributes:
        language: ``ja`` or ``en``.
        currency: of the shop.
        names: of segments, lists and stores.
        coupons: titles by coupon id; one without is told by its id.
    """

    language: str
    currency: str = "JPY"
    names: Names = NO_NAMES
    coupons: Mapping[str, str] = field(default_factory=dict)

    def say(self, ja: str, en: str) -> str:
        """One of the two."""
        return ja if self.language == "ja" else en


def describe(steps: Sequence[Step], words: Words) -> list[str]:
    """A line for each step, numbered from 1, without a full stop; where it leads if not to the next one."""
    return [f"{place + 1}. {_sentence(steps, place, words)}" for place in range(len(steps))]


def _sentence(steps: Sequence[Step], place: int, words: Words) -> str:
    def number(label: str | None) -> int:
        return place_of(steps, label, place + 1) + 1

    step = steps[place]
    own = name_of(step, words)
    match step:
        case WaitEvent(late=str(label)):
            return words.say(f"{own}。なければ{number(label)}へ", f"{own}; without it, go to {number(label)}")
        case SplitRule(otherwise=label):
            there = (
                words.say("終了", "leave")
                if label is None
                else words.say(f"{number(label)}へ", f"go to {number(label)}")
            )
            return words.say(f"{own}。当てはまらなければ{there}", f"{own}; if not, {there}")
        case SplitShare(parts=parts):
            ways = [f"{part.percent:g}% → {number(part.to)}" for part in parts]
            return words.say(f"{own}（{'、'.join(ways)}）", f"{own} ({', '.join(ways)})")
        case GoTo(to=label):
            return words.say(f"{number(label)}へ戻る・進む", f"Go to {number(label)}")
        case _:
            return own


def name_of(step: Step, words: Words) -> str:
    """What a step does, without where it leads."""
    match step:
        case Send() | Wait() | WaitUntil() | WaitEvent():
            return _timed(step, words)
        case SplitRule():
            rule = describe_rule(step.parsed, words.language, currency=words.currency, names=words.names)
            return words.say(f"次の条件に当てはまるか：{rule}", f"Whoever {rule}")
        case SplitShare():
            return words.say("無作為に分ける", "Divide at random")
        case GoTo():
            return words.say("別のステップへ", "Go elsewhere")
        case Exit():
            return words.say("終了", "Leave") + (f" ({step.reason})" if step.reason else "")
        case _:
            return _acting(step, words)


def _timed(step: Send | Wait | WaitUntil | WaitEvent, words: Words) -> str:
    match step:
        case Send():
            title = _title(step, words)
            return words.say(f"「{title}」を送る", f'Send "{title}"')
        case Wait(time=length):
            return words.say(f"{lasting(length, 'ja')}待つ", f"Wait {lasting(length, 'en')}")
        case WaitUntil(at=at, days=0):
            return words.say(f"本人の時間で次の{at}まで待つ", f"Wait until the next {at} on the person's clock")
        case WaitUntil(at=at, days=days):
            later = lasting(timedelta(days=days), words.language)
            return words.say(
                f"本人の時間で次の{at}から{later}待つ", f"Wait until {later} after the next {at} on the person's clock"
            )
        case WaitEvent(timeout=length):
            deed = _deed(step, words)
            return words.say(
                f"{deed}を最長{lasting(length, 'ja')}待つ", f"Wait for {deed}, {lasting(length, 'en')} at most"
            )


def _deed(step: WaitEvent, words: Words) -> str:
    behaviour = Behaviour(step.awaited.event, where=step.awaited.filters)
    telling = Telling(language=Language(words.language), currency=words.currency, names=words.names)
    return what(behaviour, telling) if telling.japanese else noun_en(behaviour, telling)


def _acting(step: Step, words: Words) -> str:
    match step:
        case SetTrait(trait=name, value=None):
            return words.say(f"属性「{name}」を消す", f'Remove the trait "{name}"')
        case SetTrait(trait=name, value=value):
            return words.say(f"属性「{name}」を「{value}」にする", f'Set the trait "{name}" to "{value}"')
        case GiveCoupon(coupon_id=coupon_id):
            title = words.coupons.get(coupon_id, coupon_id)
            return words.say(f"クーポン「{title}」を発行する", f'Give the coupon "{title}"')
        case CallWebhook(name=name):
            return words.say(f"Webhook「{name}」を呼ぶ", f'Call the webhook "{name}"')
        case _:
            raise TypeError(f"{step} does nothing")


def _title(step: Send, words: Words) -> str:
    content: Content = step.variants[0].content if step.variants else step.content
    texts = content.texts()
    text = texts.get(words.language) or next(iter(texts.values()), None)
    return text.title if text is not None else "…"


_UNITS = (
    (timedelta(days=1), "日間", "day"),
    (timedelta(hours=1), "時間", "hour"),
    (timedelta(minutes=1), "分", "minute"),
)


def lasting(length: timedelta, language: str) -> str:
    """3日間, 1 hour 30 minutes: in whole days, hours and minutes."""
    said: list[str] = []
    for unit, ja, en in _UNITS:
        number, length = divmod(length, unit)
        if number:
            said.append(f"{number}{ja}" if language == "ja" else f"{number} {en}{'s' if number > 1 else ''}")
    short: Callable[[list[str]], str] = "".join if language == "ja" else " ".join
    return short(said) or ("すぐ" if language == "ja" else "no time")


def way_of(step: Step, way: str, words: Words) -> str:
    """What a way out of a step is called, as `campaigns.journey.Visit.way` names it; empty for the only one."""
    if isinstance(step, SplitShare):
        return f"{step.parts[int(way)].percent:g}%"
    named = {
        "happened": words.say("あった", "it happened"),
        "late": words.say("期限切れ", "time is over"),
        "yes": words.say("はい", "yes"),
        "no": words.say("いいえ", "no"),
    }
    return named.get(way, "")

"""Playbooks for server programs: the library, and the segment and draft that one makes."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from backend.api.guards import actor_of, requires
from backend.services.playbooks import Made, Playbooks, Shelved
from campaigns.definition import to_json
from campaigns.overview import CampaignDetail
from campaigns.playbooks.playbook import NEEDS, Answer, Ask, Kind, Plan, Words, draft_of

_READ = requires("campaigns:read")
_WRITE = requires("campaigns:write")


class AskAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is asked. ``usual``: what stands where nothing is answered; null where an answer is needed.

    ``suggested``: an answer out of the shop's own data.
    """

    name: str
    kind: Kind
    words: Words
    usual: Answer | None
    suggested: Answer | None
    low: int | None
    high: int | None
    choices: tuple[str, ...]


class MissingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the shop does not know, without which the playbook reaches nobody."""

    need: str
    words: Words


class PlanAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What it would make. ``definition`` is the campaign as `POST /campaigns` takes it, but for its segment."""

    name: Words
    when: Words
    hypothesis: Words
    segment_name: Words | None
    rule: dict[str, Any] | None
    definition: dict[str, Any]


class PlaybookAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign ready to use. ``plan`` is null while something has to be answered that the shop's data does not say."""

    slug: str
    title: Words
    purpose: Words
    asks: tuple[AskAnswer, ...]
    missing: tuple[MissingAnswer, ...]
    plan: PlanAnswer | None


class PlaybookAnswers(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Answers by what is asked; the language of the draft's name and hypothesis."""

    answers: dict[str, str | int] = {}
    language: Literal["ja", "en"] = "ja"


class MadeSegment(msgspec.Struct, frozen=True, kw_only=True):
    """The segment that was made, or used again."""

    segment_id: Annotated[int, msgspec.Meta(ge=1)]
    name: str
    sentence_ja: str
    sentence_en: str


class MadeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a playbook made: nothing is sent before somebody launches the campaign."""

    segment: MadeSegment | None
    campaign: CampaignDetail


class PlaybookController(Controller):
    """Campaigns ready to use."""

    path = "/playbooks"
    tags = ("campaigns",)

    @get("/", guards=[_READ], summary="List the playbooks")
    async def list_playbooks(self, playbooks: NamedDependency[Playbooks]) -> list[PlaybookAnswer]:
        """In the order of a customer's life, with what each asks and what it lacks in this shop."""
        return [_answer(each) for each in await playbooks.list()]

    @get("/{slug:str}", guards=[_READ], summary="Read a playbook")
    async def get_playbook(self, slug: FromPath[str], playbooks: NamedDependency[Playbooks]) -> PlaybookAnswer:
        """With what it would make of the answers that the shop's data suggests."""
        return _answer(await playbooks.get(slug))

    @post("/{slug:str}", guards=[_WRITE], summary="Make a playbook's segment and draft")
    async def use_playbook(
        self,
        request: Request[Any, Any, Any],
        slug: FromPath[str],
        data: JSONBody[PlaybookAnswers],
        playbooks: NamedDependency[Playbooks],
    ) -> MadeAnswer:
        """A segment of the same name and rule is used again; the campaign is a draft, and nothing is sent."""
        made = await playbooks.make(slug, data.answers, language=data.language, by=actor_of(request))
        return MadeAnswer(segment=_segment(made), campaign=made.campaign)


def _answer(shelved: Shelved) -> PlaybookAnswer:
    playbook = shelved.playbook
    return PlaybookAnswer(
        slug=playbook.slug,
        title=playbook.title,
        purpose=playbook.purpose,
        asks=tuple(_ask(each, shelved.suggested) for each in playbook.asks),
        missing=tuple(MissingAnswer(need=need, words=NEEDS[need]) for need in shelved.missing),
        plan=_plan(shelved.plan) if shelved.plan else None,
    )


def _ask(ask: Ask, suggested: Mapping[str, Answer]) -> AskAnswer:
    numbers = isinstance(ask.usual, int) or ask.kind in (Kind.DAYS, Kind.NUMBER, Kind.MONEY)
    return AskAnswer(
        name=ask.name,
        kind=ask.kind,
        words=ask.words,
        usual=ask.usual,
        suggested=suggested.get(ask.name),
        low=ask.low if numbers else None,
        high=ask.high if numbers else None,
        choices=ask.choices,
    )


def _plan(plan: Plan) -> PlanAnswer:
    definition = to_json(draft_of(plan, segment_id=None))
    return PlanAnswer(
        name=plan.name,
        when=plan.when,
        hypothesis=plan.hypothesis,
        segment_name=plan.segment.name if plan.segment else None,
        rule=plan.segment.rule if plan.segment else None,
        definition=definition,
    )


def _segment(made: Made) -> MadeSegment | None:
    if made.segment is None:
        return None
    return MadeSegment(
        segment_id=int(made.segment.segment.id),
        name=made.segment.segment.name,
        sentence_ja=made.segment.sentence_ja,
        sentence_en=made.segment.sentence_en,
    )

"""Texts with merge fields: Jinja2's parser and sandbox behind an allow-list of syntax.

A marketer may write a field (``{{ family_name }}`` or ``{{ 姓 }}``), a few filters (``default``, ``upper``,
``lower``, ``comma``, ``money``, ``date``, ``様``) and if / elif / else with comparisons, and, or, not. Nothing loops, calls, indexes or
computes, so a text costs no more than its own length, whoever wrote it.

A person who lacks a field that is written without ``default`` is skipped and counted, never greeted as nobody.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, cast

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from campaigns.content import Content, Text
from campaigns.errors import CampaignError, DraftIncomplete, TemplateError
from campaigns.fields import BY_NAME, MergeField, samples
from campaigns.text_filters import CURRENCY, FILTERS, LANGUAGE, Value

LONGEST_SOURCE = 4096
"""Bytes of a template."""
LONGEST_OUTPUT = 3800
"""Bytes of title and body together, filled in: FCM takes 4,096 with everything else."""
DEEPEST = 8
"""Levels of if inside if."""


class MissingField(CampaignError):
    """A person lacks a field that the text needs."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is missing")
        self.name = name


class TextTooLong(CampaignError):
    """A text is longer than a push can carry once it is filled in."""


class _Missing(jinja2.Undefined):
    """A field that a person lacks: false in conditions, equal to nothing, an error where it would be shown."""

    __slots__ = ()

    def __str__(self) -> str:
        raise MissingField(self._undefined_name or "")

    def __eq__(self, other: object) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __lt__(self, other: object) -> bool:  # type: ignore[override]  # the parent's never returns, ours does
        return False

    def __le__(self, other: object) -> bool:  # type: ignore[override]  # the parent's never returns, ours does
        return False

    def __gt__(self, other: object) -> bool:  # type: ignore[override]  # the parent's never returns, ours does
        return False

    def __ge__(self, other: object) -> bool:  # type: ignore[override]  # the parent's never returns, ours does
        return False


class _Person:
    """What a text knows of one person: all that the allowed syntax asks of Jinja's context, which would cost more than the text."""

    __slots__ = ("_known",)

    def __init__(self, known: Mapping[str, Any]) -> None:
        self._known = known

    def resolve_or_missing(self, name: str) -> object:
        """The value of a name, or Jinja's word for none."""
        return self._known.get(name, missing)

    def __getitem__(self, name: str) -> object:
        return self._known[name]


_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=_Missing, autoescape=False, keep_trailing_newline=True)
_ENVIRONMENT.globals.clear()
_ENVIRONMENT.tests.clear()
_ENVIRONMENT.filters = dict(FILTERS)

_FILTERS = "there are default, upper, lower, comma, money, date and 様 (or sama)"
_WITH_DEFAULT = ("sama", "様")
_EXPRESSIONS = (nodes.Name, nodes.Const, nodes.Filter, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not)
_STATEMENTS = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.If)
_INSTEAD = {
    nodes.For: "loops are not available",
    nodes.Call: "nothing can be called",
    nodes.Getattr: "a dot leads nowhere; use one of the merge fields",
    nodes.Getitem: "brackets lead nowhere; use one of the merge fields",
    nodes.CondExpr: "write {% if … %} … {% else %} … {% endif %}",
}


@dataclass(frozen=True, slots=True)
class Compiled:
    """One checked template.

    Attributes:
        fields: fields it mentions, by their catalogue name.
        names: the same by each of their spellings: catalogue name and alias.
        required: those shown whatever the conditions, without a default: who lacks one is skipped at launch.
    """

    template: jinja2.Template
    fields: frozenset[str]
    names: tuple[tuple[str, str], ...]
    required: frozenset[str]

    def render(self, values: Mapping[str, Value], *, language: str = "ja", currency: str = "JPY") -> str:
        """The text for one person.

        Args:
            values: catalogue name → value; what the person lacks is not in it.
            language: of the text, for dates and names.
            currency: of the shop, for money.

        Raises:
            MissingField: when it would show a field the person lacks.
            TextTooLong: when it outgrows what a push can carry.
        """
        known: dict[str, Value] = {LANGUAGE: language, CURRENCY: currency}
        known |= {alias: values[name] for name, alias in self.names if name in values}
        text = "".join(self.template.root_render_func(cast("jinja2.runtime.Context", _Person(known))))
        if len(text.encode()) > LONGEST_OUTPUT:
            raise TextTooLong(f"the text grows beyond {LONGEST_OUTPUT} bytes")
        return text


@lru_cache(maxsize=512)
def compile_template(source: str) -> Compiled:
    """Check and compile one text.

    Raises:
        TemplateError: with the line and what to write instead.
    """
    if len(source.encode()) > LONGEST_SOURCE:
        raise TemplateError(f"a text holds at most {LONGEST_SOURCE} bytes", line=1)
    try:
        tree = _ENVIRONMENT.parse(source)
        found = _Walk()
        found.statement(tree, depth=0)
        names = tuple((name, alias) for name in sorted(found.fields) for alias in BY_NAME[name].names)
        return Compiled(_ENVIRONMENT.from_string(source), frozenset(found.fields), names, frozenset(found.required))
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(_plain(error.message or ""), line=error.lineno) from None
    except (RecursionError, ValueError, SyntaxError, MemoryError) as error:
        if isinstance(error, TemplateError):
            raise
        raise TemplateError("this cannot be read; make it simpler", line=1) from None


def _plain(message: str) -> str:
    if message.startswith("No filter named"):
        return f"{message.rstrip('.')}; {_FILTERS}"
    return message.rstrip(".")


class _Walk:
    """Walks a parsed template, refuses what is not allowed, and notes its fields."""

    def __init__(self) -> None:
        self.fields: set[str] = set()
        self.required: set[str] = set()

    def statement(self, node: nodes.Node, *, depth: int) -> None:
        if not isinstance(node, _STATEMENTS):
            raise _refusal(node)
        if isinstance(node, nodes.Output):
            for child in node.nodes:
                if not isinstance(child, nodes.TemplateData):
                    self.expression(child, shown=depth == 0, depth=0)
        elif isinstance(node, nodes.If):
            self._if(node, depth=depth + 1)
        elif isinstance(node, nodes.Template):
            for statement in node.body:
                self.statement(statement, depth=depth)

    def _if(self, node: nodes.If, *, depth: int) -> None:
        if depth > DEEPEST:
            raise TemplateError(f"at most {DEEPEST} levels of if", line=node.lineno)
        self.expression(node.test, shown=False, depth=0)
        for child in [*node.body, *node.elif_, *node.else_]:
            self.statement(child, depth=depth)

    def expression(self, node: nodes.Node, *, shown: bool, depth: int) -> None:
        if not isinstance(node, _EXPRESSIONS) or depth > DEEPEST:
            raise _refusal(node)
        if isinstance(node, nodes.Name):
            self._name(node, shown=shown)
        elif isinstance(node, nodes.Filter):
            self._filter(node, shown=shown, depth=depth)
        elif isinstance(node, nodes.Compare):
            self._compare(node)
        else:
            for child in node.iter_child_nodes():
                self.expression(child, shown=False, depth=depth + 1)

    def _name(self, node: nodes.Name, *, shown: bool) -> MergeField:
        field = BY_NAME.get(node.name)
        if field is None:
            near = difflib.get_close_matches(node.name, BY_NAME, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(BY_NAME))}"
            raise TemplateError(f"there is no merge field {node.name}{hint}", line=node.lineno)
        self.fields.add(field.name)
        if shown:
            self.required.add(field.name)
        return field

    def _filter(self, node: nodes.Filter, *, shown: bool, depth: int) -> None:
        if node.name not in _ENVIRONMENT.filters:
            raise TemplateError(f"there is no filter {node.name}; {_FILTERS}", line=node.lineno)
        if node.name == "default":
            constant = len(node.args) == 1 and isinstance(node.args[0], nodes.Const) and not node.kwargs
            if not constant:
                raise TemplateError("write default('…') with one text", line=node.lineno)
        elif node.name in _WITH_DEFAULT and node.args:
            if len(node.args) > 1 or not isinstance(node.args[0], nodes.Const) or node.kwargs:
                raise TemplateError(f"write {node.name}('…') with one text, or nothing in brackets", line=node.lineno)
        elif node.args or node.kwargs:
            raise TemplateError(f"{node.name} takes nothing in brackets", line=node.lineno)
        if node.node is None or node.dyn_args or node.dyn_kwargs:
            raise _refusal(node)
        self._check_kind(node)
        otherwise = node.name == "default" or (node.name in _WITH_DEFAULT and bool(node.args))
        self.expression(node.node, shown=shown and not otherwise, depth=depth + 1)

    def _check_kind(self, node: nodes.Filter) -> None:
        """Money and dates have filters of their own, which say nothing of anything else."""
        inner = node.node
        while isinstance(inner, nodes.Filter):
            inner = inner.node
        if not isinstance(inner, nodes.Name) or (field := BY_NAME.get(inner.name)) is None:
            return
        if node.name == "money" and not field.money:
            raise TemplateError(f"{inner.name} is no amount of money; write comma for a number", line=node.lineno)
        if node.name == "date" and field.kind is not date:
            raise TemplateError(f"{inner.name} is no date", line=node.lineno)

    def _compare(self, node: nodes.Compare) -> None:
        """One field against one constant of its own kind: whatever a person has, the comparison has an answer."""
        sides = [node.expr, *(operand.expr for operand in node.ops)]
        names = [side for side in sides if isinstance(side, nodes.Name)]
        constants = [side for side in sides if isinstance(side, nodes.Const)]
        if len(sides) != 2 or len(names) != 1 or len(constants) != 1 or node.ops[0].op in ("in", "notin"):  # noqa: PLR2004
            raise TemplateError("compare one merge field with one value, such as points > 100", line=node.lineno)
        field = self._name(names[0], shown=False)
        if field.kind is date:
            raise TemplateError(f"{names[0].name} is a date: ask in the segment who has it when", line=node.lineno)
        if type(constants[0].value) is not field.kind:
            kind = "a number" if field.kind is int else "a text in quotes"
            raise TemplateError(f"{names[0].name} is compared with {kind}", line=node.lineno)


def _refusal(node: nodes.Node) -> TemplateError:
    instead = next((words for kind, words in _INSTEAD.items() if isinstance(node, kind)), None)
    return TemplateError(instead or "this is not available in texts", line=node.lineno)


def check_content(content: Content, *, field: str = "content") -> None:
    """Check every text of a campaign.

    Args:
        content: what is asked about.
        field: where it stands in the draft.

    Raises:
        DraftIncomplete: naming the field (``content.ja.body``) with the line and what to do.
    """
    for language, text in content.texts().items():
        for part, source in (("title", text.title), ("body", text.body)):
            place = f"{field}.{language}.{part}"
            if not source.strip():
                raise DraftIncomplete(f"write a {part}", field=place)
            try:
                compile_template(source).render(samples(language), language=language)
            except (TemplateError, TextTooLong) as error:
                raise DraftIncomplete(error.message, field=place) from error


def required_fields(content: Content) -> dict[str, frozenset[str]]:
    """Per language: the fields without which nobody can be sent it, whatever the platform of her phone."""
    needed: dict[str, frozenset[str]] = {}
    for language, text in _every_text(content):
        mine = compile_template(text.title).required | compile_template(text.body).required
        needed[language] = needed.get(language, frozenset()) | mine
    return needed


def fields_of(content: Content) -> frozenset[str]:
    """Every field that any text of the campaign mentions."""
    sources = [source for _, text in _every_text(content) for source in (text.title, text.body)]
    return frozenset().union(*(compile_template(source).fields for source in sources))


def _every_text(content: Content) -> Iterator[tuple[str, Text]]:
    yield from content.texts().items()
    for platform in content.overrides():
        yield from content.on(platform).texts().items()


def fill(text: Text, values: Mapping[str, Value], *, language: str = "ja", currency: str = "JPY") -> Text:
    """Title and body for one person, see `Compiled.render`.

    Raises:
        MissingField: when a field it shows is missing.
        TextTooLong: when both together outgrow what a push can carry.
    """
    title = " ".join(compile_template(text.title).render(values, language=language, currency=currency).split())
    body = compile_template(text.body).render(values, language=language, currency=currency).strip()
    if len(title.encode()) + len(body.encode()) > LONGEST_OUTPUT:
        raise TextTooLong(f"title and body grow beyond {LONGEST_OUTPUT} bytes")
    return Text(title, body)

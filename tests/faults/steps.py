"""Dying at a step of the product, and which steps it names: a new one that no test dies at turns a test red."""

import ast
import inspect
from collections.abc import Callable, Iterator
from types import ModuleType

from backend.lake.schemas import HISTORY


class Died(BaseException):
    """Not an Exception: nothing on the way may catch it."""


def dies_after(nth: int) -> Callable[[str], None]:
    """A watch that stops the world after the nth step."""
    seen: list[str] = []

    def watch(step: str) -> None:
        seen.append(step)
        if len(seen) == nth:
            raise Died(step)

    return watch


def dies_at(step: str) -> Callable[[str], None]:
    """A watch that stops the world at the step of this name."""

    def watch(name: str) -> None:
        if name == step:
            raise Died(name)

    return watch


def steps_named(*modules: ModuleType) -> set[str]:
    """Every step that modules tell a watch of."""
    return {step for module in modules for step in _steps(module)}


def _steps(module: ModuleType) -> Iterator[str]:
    for call in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("watch", "self._watch"):
            told = call.args[0]
            if isinstance(told, ast.Constant):
                yield str(told.value)
            else:
                assert ast.unparse(told) == "str(table)", "a step whose name is worked out: say here what it can be"
                yield from map(str, HISTORY)

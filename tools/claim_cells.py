"""Read the claims that a notebook's cells state, without running them; see ``gancourse.claims``."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

BOUNDS = ("below", "above", "between", "equal", "within", "at_least", "at_most", "of", "log")


@dataclass(frozen=True)
class Statement:
    """One ``Claim(...)`` as it is written: its name, its sentence, the expression of its value, and its bounds."""

    name: str
    sentence: str
    value: str
    bounds: dict[str, Any]


def is_claim(node: ast.AST) -> bool:
    """Tell whether a piece of code is ``Claim(...)`` or ``claims.Claim(...)``."""
    return isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "Claim"


def statements(tree: ast.Module) -> Iterator[Statement]:
    """Yield the claims of one code cell, in the order of the text.

    Raises:
        ValueError: a name, a sentence or a bound is not written out, so that it could change from run to run.
    """
    found = [node for node in ast.walk(tree) if is_claim(node)]
    for node in sorted(found, key=lambda node: (node.lineno, node.col_offset)):
        try:
            name, sentence = (ast.literal_eval(argument) for argument in node.args[:2])
            value = ast.dump(node.args[2])
            bounds = {word.arg: _constant(word.value) for word in node.keywords if word.arg in BOUNDS}
        except (ValueError, TypeError, IndexError) as problem:
            raise ValueError(f"line {node.lineno}: write out name, sentence and bounds of the claim") from problem
        yield Statement(name, sentence, value, bounds)


def _constant(node: ast.expr) -> Any:
    """Evaluate a bound: numbers, arithmetic, and functions of math."""
    if {name.id for name in ast.walk(node) if isinstance(name, ast.Name)} - {"math"}:
        raise ValueError("a bound depends on the run")
    return eval(compile(ast.Expression(node), "<bound>", "eval"), {"__builtins__": {}, "math": math})

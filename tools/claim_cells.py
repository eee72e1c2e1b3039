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
            value = written(node.args[2])
            bounds = {word.arg: _constant(word.value) for word in node.keywords if word.arg in BOUNDS}
        except (ValueError, TypeError, IndexError) as problem:
            raise ValueError(f"line {node.lineno}: write out name, sentence and bounds of the claim") from problem
        yield Statement(name, sentence, value, bounds)


def written(node: ast.AST) -> str:
    """Write a piece of code out, without comments and layout, and alike in every version of Python.

    ``ast.dump`` is not: 3.12 gave functions a field, 3.13 leaves empty lists out, and 3.12.1 puts an empty text into
    some f-strings.
    """
    said = []
    for field in node._fields:
        value = getattr(node, field, None)
        if value in (None, []) or field in ("ctx", "kind", "type_comment"):
            continue
        many = value if isinstance(value, list) else [value]
        if isinstance(node, ast.JoinedStr):
            many = [part for part in many if getattr(part, "value", None) != ""]
        said.append(f"{field}={', '.join(written(one) if isinstance(one, ast.AST) else repr(one) for one in many)}")
    return f"{type(node).__name__}({'; '.join(said)})"


def _constant(node: ast.expr) -> Any:
    """Evaluate a bound: numbers, arithmetic, and functions of math."""
    if {name.id for name in ast.walk(node) if isinstance(name, ast.Name)} - {"math"}:
        raise ValueError("a bound depends on the run")
    return eval(compile(ast.Expression(node), "<bound>", "eval"), {"__builtins__": {}, "math": math})

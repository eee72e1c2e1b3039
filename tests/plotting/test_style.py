"""The colours of the course, for every eye: told apart by people who see fewer of them, and legible as text.

About one man in twelve sees fewer colours than most. Three matrices of Machado, Oliveira and
Fernandes (2009, "A physiologically-based model for simulation of color vision deficiency", severity
1.0, applied to linear sRGB) show what such an eye sees; the distance of two colours is CIE76 ΔE in
CIELAB under D65. A second cue (marker, line style, word) goes with every colour all the same.
"""

import ast
import itertools
import json
import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from gancourse.labs import _face
from gancourse.plotting import style

ROOT = Path(__file__).resolve().parents[2]
LEAST_DISTANCE, LEAST_CONTRAST = 9.0, 4.5

EYES = {
    "most people": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# Linear sRGB to XYZ, and the white of D65 (IEC 61966-2-1).
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour):
    """Return linear red, green and blue of an "#rrggbb" or of three numbers in [0, 1]."""
    if isinstance(colour, str):
        colour = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    value = np.asarray(colour, dtype=float)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(colour, eye="most people"):
    """Return CIELAB of a colour as this eye sees it."""
    seen = np.clip(np.asarray(EYES[eye]) @ linear(colour), 0, 1)
    ratio = TO_XYZ @ seen / TO_XYZ.sum(axis=1)
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(one, other, eye="most people"):
    return float(np.linalg.norm(lab(one, eye) - lab(other, eye)))


def contrast(one, other="#ffffff"):
    """Return the contrast of WCAG 2, from 1 to 21."""
    dark, light = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


# ---------------------------------------------------------------- the ruler itself


def test_the_ruler_agrees_with_published_values():
    assert lab("#ff0000") == pytest.approx([53.24, 80.09, 67.20], abs=0.05)  # Lindbloom's calculator
    assert lab("#0000ff") == pytest.approx([32.30, 79.19, -107.86], abs=0.05)
    assert contrast("#000000") == pytest.approx(21) and contrast("#767676") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("eye", EYES)
def test_every_eye_sees_greys_as_they_are_and_some_eyes_confuse_what_others_tell_apart(eye):
    for grey in ("#000000", "#555555", "#ffffff"):
        assert distance(grey, grey) == 0 and lab(grey, eye) == pytest.approx(lab(grey), abs=0.6)
    confused = {"protanopia": ("#8c0000", "#4a3c00"), "deuteranopia": ("#b35900", "#8c7a00"),
                "tritanopia": ("#0075b0", "#007f86")}  # fmt: skip
    if eye in confused:
        assert distance(*confused[eye], eye) < LEAST_DISTANCE < distance(*confused[eye])


# ---------------------------------------------------------------- the palette


@pytest.mark.parametrize("eye", EYES)
def test_colours_that_mean_different_things_are_told_apart(eye):
    meanings = {colour: meaning for meaning, colour in style.COLOURS.items()}  # fake and generator share one
    near = {
        (meanings[one], meanings[other]): round(found, 1)
        for one, other in itertools.combinations(meanings, 2)
        if (found := distance(one, other, eye)) < LEAST_DISTANCE
    }
    assert not near, f"to an eye with {eye} these look alike: {near}"


@pytest.mark.parametrize("eye", EYES)
def test_both_sides_of_a_decision_surface_are_told_apart(eye):
    colours = matplotlib.colormaps[style.DECISION_MAP]
    for depth in (0.2, 0.35, 0.5):  # from pale to full
        assert distance(colours(0.5 - depth)[:3], colours(0.5 + depth)[:3], eye) >= LEAST_DISTANCE, depth


# ---------------------------------------------------------------- text


def test_text_has_enough_contrast():
    texts = {name: colour for name, colour in style.COLOURS.items() if name != "warning"}
    texts |= {name: style._RC[name] for name in style._RC if re.fullmatch(r"text.color|.*\.(label)?color", name)}
    texts |= {"warning text": style.WARNING_TEXT}
    weak = {name: round(contrast(colour), 2) for name, colour in texts.items() if contrast(colour) < LEAST_CONTRAST}
    assert not weak
    assert contrast(style.COLOURS["warning"]) < LEAST_CONTRAST, "the orange would do as text: this rule can go"


def test_the_words_under_a_panel_stay_legible_where_they_are_paler():
    # JupyterLab and Colab write #212121 on white; the opacity lets some of the white through.
    for css in (_face.HINT, _face.TOLD, _face.STATUS, _face.TITLE, _face.ALERT):
        found = re.search(r"opacity: ([\d.]+)", css)
        opacity = float(found[1]) if found else 1.0
        assert not re.search(r"(?<![-\w])color:", css), "a colour of its own would not follow a dark theme"
        assert contrast([opacity * 0x21 / 255 + 1 - opacity] * 3) >= LEAST_CONTRAST
        assert contrast([opacity + (1 - opacity) * 0x11 / 255] * 3, "#111111") >= LEAST_CONTRAST  # dark theme


WRITES = {"text", "annotate", "suptitle", "figtext", "set_title", "set_xlabel", "set_ylabel", "set_text", "Text"}


def orange_text(source):
    """Return the lines of Python code where the warning orange is asked for in a call that writes words."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and (getattr(node.func, "attr", None) or getattr(node.func, "id", None)) in WRITES
        for keyword in node.keywords
        if keyword.arg in {"color", "c", "labelcolor"}
        and any(isinstance(part, ast.Constant) and part.value == "warning" for part in ast.walk(keyword.value))
    ]


def test_the_orange_is_never_for_words():
    # tests/conftest.py watches every word that any test draws; this reads the code that no test runs.
    assert orange_text('ax.text(0, 0, "so", color=style.COLOURS["warning"])') == [1]
    assert orange_text('ax.plot(0, 0, color=style.COLOURS["warning"])') == []
    found = []
    for path in sorted((ROOT / "gancourse").rglob("*.py")):
        found += [f"{path.relative_to(ROOT)}:{line}" for line in orange_text(path.read_text(encoding="utf-8"))]
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                source = re.sub(r"^(\s*)[%!].*$", r"\1pass", "".join(cell["source"]), flags=re.MULTILINE)
                found += [f"{path.name} {cell['id']}" for _ in orange_text(source)]
    assert not found


def test_drawing_words_in_orange_is_noticed():
    _, ax = style.figure()
    with pytest.raises(AssertionError, match="orange"):
        ax.set_xlabel("careful", color=style.COLOURS["warning"])

"""Which part of the package may import which, and what an import must not cost."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "gancourse"

# A part is a module of the package or a folder of modules. What a part may import is listed with it; itself, always.
LAYERS = {
    "_numbers": set(),
    "_torch_modes": set(),
    "_out_of_order": set(),
    "memory": set(),
    "_shown": {"memory"},
    "runtime": {"_out_of_order", "_shown", "memory"},
    "measured": set(),
    "codes": set(),
    "claims": set(),
    "losses": set(),
    "penalties": set(),
    "schedules": set(),
    "models": set(),
    "spectra": set(),
    "games": {"losses"},
    "recommended": {"losses", "penalties", "models", "runtime"},
    "conditional": {"recommended", "losses", "penalties", "models", "runtime"},
    "restoring": {"losses", "penalties", "models", "data", "runtime"},
    "translating": {"losses", "penalties", "models", "data", "runtime"},
    "translating_many": {"translating", "losses", "penalties", "models", "data", "runtime"},
    "encoding": {"codes", "recommended", "losses", "penalties", "models", "data", "runtime"},
    "attacking": {"encoding", "losses", "models", "data", "runtime"},
    "styling": {"recommended", "models", "data", "runtime"},
    "growing": {"recommended", "styling", "models", "data", "runtime"},
    "sounding": {"losses", "penalties", "models", "data", "runtime"},
    "vocoding": {"losses", "penalties", "models", "spectra", "data", "runtime"},
    "r3gan": {"recommended", "styling", "losses", "penalties", "models", "data", "runtime"},
    "flowing": {"schedules", "models", "data", "runtime"},
    "distilling": {"flowing", "recommended", "losses", "penalties", "models", "data", "runtime"},
    "timing": set(),
    "exporting": set(),
    "compressing": {"recommended", "styling", "models", "data", "runtime"},
    "data": {"runtime"},
    "training": {"runtime"},
    "runs": {"runtime", "training", "data"},
    "ensembles": {"codes", "losses", "penalties", "models", "data", "runtime"},
    "recipes": {"ensembles", "models", "data"},
    "helping": {"conditional", "recommended", "models", "data", "training", "runtime"},
    "private": {"helping", "conditional", "recommended", "penalties", "models", "training", "runtime"},
    "watermark": {"data", "runtime"},
    "estimators": {"ensembles", "models", "data", "runtime"},
    "metrics": {"data", "models", "spectra", "training", "runtime"},
    "ward": {"penalties", "models", "data", "training", "metrics", "measured", "runtime"},
    "plotting": {
        "losses",
        "penalties",
        "games",
        "models",
        "spectra",
        "data",
        "metrics",
        "runtime",
        "claims",
        "measured",
    },
}
BELOW_PLOTTING = set(LAYERS) - {"plotting"}
EVERYWHERE = {"_numbers", "_torch_modes"}  # what a number is, and what PyTorch is set to
LAYERS["checks"] = BELOW_PLOTTING
LAYERS["labs"] = set(LAYERS) - {"checks"}
LAYERS["train"] = BELOW_PLOTTING | {"plotting"}  # a command: nothing imports it

# Slow to import, and needed by few: imported inside the function that needs them.
LAZY = {"scipy", "sklearn", "pooch", "requests", "tqdm", "torchvision", "pandas", "wandb", "tensorboard"}
LAZY |= {"onnx", "onnxruntime", "onnxscript"}
MAY_IMPORT = {
    "matplotlib": {"plotting", "labs"},
    "ipywidgets": {"labs"},
    "IPython": {"labs", "training"},
}


def modules():
    """Every module as (part, file)."""
    for file in sorted(PACKAGE.rglob("*.py")):
        inside = file.relative_to(PACKAGE).with_suffix("").parts
        if inside != ("__init__",):
            yield pytest.param(inside[0], file, id="/".join(inside))


def imports(source, *, inside_functions=True):
    """Collect the absolute names a module imports, ``from a import b`` as "a.b"; type checking aside."""
    found, stack = set(), [ast.parse(source)]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            stack.extend(node.orelse)
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not inside_functions:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute: from gancourse.data import toy"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        stack.extend(ast.iter_child_nodes(node))
    return found


def outside(names):
    return {name.partition(".")[0] for name in names}


def upward(part, source):
    """List the parts of the package that this source imports against the arrows."""
    parts = {name.split(".")[1] for name in imports(source) if name.startswith("gancourse.")} - {"__version__"}
    return sorted(parts - LAYERS[part] - {part} - EVERYWHERE)


@pytest.mark.parametrize("part, file", list(modules()))
def test_arrows_point_one_way(part, file):
    source = file.read_text(encoding="utf-8")
    assert part in LAYERS, f"gancourse.{part} has no place in the layers yet: give it one here and in the README"
    assert upward(part, source) == []
    for name, allowed in MAY_IMPORT.items():
        assert part in allowed or name not in outside(imports(source)), f"{part} must not import {name}"


@pytest.mark.parametrize("part, file", list(modules()))
def test_slow_packages_are_imported_where_they_are_needed(part, file):
    eager = imports(file.read_text(encoding="utf-8"), inside_functions=False)
    assert not outside(eager) & LAZY
    assert not any(name.startswith(("matplotlib.pyplot", "torch._dynamo", "torch.utils.tensorboard")) for name in eager)
    assert "matplotlib.pyplot" not in imports(file.read_text(encoding="utf-8")), "figures are made without pyplot"


def test_the_file_cache_needs_no_torch():
    assert "torch" not in outside(imports((PACKAGE / "data" / "files.py").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "part, source, wrong",
    [
        ("runtime", "from gancourse import losses", ["losses"]),
        ("data", "from gancourse.models import mlp", ["models"]),
        ("losses", "def f():\n    import gancourse.checks.nb01", ["checks"]),
        ("labs", "from gancourse.checks import nb01", ["checks"]),
        ("checks", "from gancourse.plotting.style import COLOURS", ["plotting"]),
        ("metrics", "from gancourse import __version__\nfrom gancourse.data import toy", []),
        ("data", "if TYPE_CHECKING:\n    from gancourse import training", []),
    ],
)
def test_a_wrong_arrow_is_seen(part, source, wrong):
    assert upward(part, source) == wrong


def loaded_by(names, *, after=()):
    """Return the modules that importing ``names`` adds in a fresh Python that has imported ``after``."""
    program = f"""
import importlib, json, sys
for name in {list(after)!r}: importlib.import_module(name)
before = set(sys.modules)
for name in {list(names)!r}: importlib.import_module(name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_importing_the_course_loads_nothing_the_caller_did_not_have():
    """Counted in modules, because seconds depend on the machine; `make bench` measures the seconds.

    Torch and the parts of matplotlib that draw a figure are what every notebook needs, and panels need the widgets;
    beyond them, importing all of the package may load only itself and Python's own modules.
    """
    parts = [
        ".".join(("gancourse", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        for file in sorted(PACKAGE.rglob("*.py"))
    ]
    needed = ["torch", "numpy", "matplotlib.figure", "matplotlib.backends.backend_agg", "ipywidgets"]
    extra = loaded_by(parts, after=needed)
    foreign = outside(extra) - set(sys.stdlib_module_names) - {"gancourse", "torch", "matplotlib"}
    assert not foreign, f"importing gancourse loads {sorted(foreign)}"
    heavy = {name for name in extra if name.startswith(("torch._dynamo", "torch._inductor", "matplotlib.pyplot"))}
    assert not heavy, f"importing gancourse loads {sorted(heavy)}"


def test_importing_the_bare_package_loads_not_even_torch():
    assert not outside(loaded_by(["gancourse"])) & {"torch", "numpy", "matplotlib"}


def test_loading_too_much_is_seen():
    """What the two tests above rest on: an import is noticed, and once it is there, not again."""
    assert "wave" in loaded_by(["wave"])
    assert not loaded_by(["wave"], after=["wave"])

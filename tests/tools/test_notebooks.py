"""The notebook tool on small made-up courses: each rule is seen to find the mistake it is there for."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import notebook_rules as rules
import notebooks
from course import BADGE_MARK, CONTENTS, ROOT, Course, data_at_hand, loads_images

ADDRESS = "https://github.com/somebody/course"
NAME = "00_made_up.ipynb"
STUB = "def double(x):\n    return ...\n\n\nchecks.nb00.double(double)"
SOLUTION = "def solution_double(x):\n    return 2 * x\n\n\nchecks.nb00.double(solution_double, strict=True)"
CLAIMS = 'claims.check("00", claims.Claim("twice", "It doubles.", twice / 2, equal=2))'
ROW = f"| 00 | [Double a number](notebooks/{NAME}) | double | 4 |"
LIST = 'NOTEBOOKS: tuple[tuple[str, str, str], ...] = (("00", "Double a number", "The game"),)\n'
PLANS = "# Teach\n\n## Ten lectures\n\n| 1 | **00** |\n\n## Seven workshops\n\n| 1 | **00** |\n\n## Marks\n"
FOLDED = {"tags": ["claims"], "jupyter": {"source_hidden": True}, "cellView": "form"}
COLLAPSED = {"tags": ["solution"], "jupyter": {"source_hidden": True}, "cellView": "form"}


@pytest.fixture
def course(tmp_path):
    """A course of one notebook that keeps every rule."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "pyproject.toml").write_text(f'[project.urls]\nRepository = "{ADDRESS}"\n')
    (tmp_path / "README.md").write_text(f"| | title | what | minutes |\n|---|---|---|---|\n{ROW}\n")
    for file, text in ((CONTENTS, LIST), ("docs/teaching.md", PLANS)):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text(text)
    made = Course(tmp_path)
    save(made, good_notebook(made))
    return made


def good_notebook(course):
    cells = [
        new_markdown_cell(
            f"# 00 · Double a number\n\nOne sentence. Plan 4 minutes.\n\n{course.badge(NAME)}", id="title"
        ),
        new_code_cell(course.setup_source, id="setup", metadata={"cellView": "form"}),
        new_markdown_cell("## Look\n\nA question, and $x^2$.", id="look"),
        new_code_cell("figure", id="figure", outputs=[new_output("display_data", {"image/png": "iVBORw0KGgo="})]),
        new_markdown_cell("You see a dot.", id="reading"),
        new_markdown_cell("### Exercise\n\n<details><summary>Hint</summary>Twice.</details>", id="task"),
        new_code_cell(STUB, id="stub", outputs=[new_output("stream", name="stdout", text="double: not attempted")]),
        new_code_cell(SOLUTION, id="solution", metadata=COLLAPSED),
        new_markdown_cell("It teaches.", id="afterword"),
        new_code_cell(CLAIMS, id="twice-claims", metadata=FOLDED),
        new_markdown_cell("## Recap", id="recap"),
        new_code_cell('claims.close("00")', id="claims-close", metadata=FOLDED),
    ]
    for count, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), start=1):
        cell.execution_count = count
    return new_notebook(cells=cells, metadata=rules.NOTEBOOK_METADATA)


def path_of(course):
    return course.root / "notebooks" / NAME


def save(course, node):
    path_of(course).write_text(rules.to_text(node), encoding="utf-8")


def problems(course, node):
    return rules.lint(rules.Page(path_of(course), node, course))


def cell(node, name):
    return next(cell for cell in node.cells if cell.id == name)


def test_a_good_notebook_passes(course, capsys):
    assert problems(course, good_notebook(course)) == []
    assert notebooks.main(["lint"], course) == 0
    assert "0 problems in 1 notebooks" in capsys.readouterr().out


# ---------------------------------------------------------------- one mistake at a time


def edit(name, **changes):
    def mistake(node):
        for key, value in changes.items():
            setattr(cell(node, name), key, value)

    return mistake


def replace(name, old, new):
    def mistake(node):
        assert old in cell(node, name).source
        cell(node, name).source = cell(node, name).source.replace(old, new)

    return mistake


def store(name, *outputs):
    return edit(name, outputs=[nbformat.from_dict(output) for output in outputs])


def printed(text, stream="stdout"):
    return new_output("stream", name=stream, text=text)


def remove(name):
    return lambda node: node.cells.remove(cell(node, name))


def append(source, **metadata):
    def mistake(node):
        node.cells.insert(-1, new_code_cell(source, id="late", execution_count=7, metadata=metadata))

    return mistake


def set_metadata(name, **metadata):
    return lambda node: cell(node, name).metadata.update(metadata)


MISTAKES = {
    "two cells with one id": (edit("reading", id="look"), "ids must be there and unique"),
    "an empty cell": (edit("reading", source=" \n"), "is empty"),
    "an unknown kind of output": (store("figure", {"output_type": "film"}), "no valid notebook"),
    "widget state": (lambda node: node.metadata.update(widgets={"state": {}}), "widgets"),
    "versions of the machine": (lambda node: node.metadata.language_info.update(version="3.11.7"), "language_info"),
    "timings": (set_metadata("figure", execution={"iopub.status.busy": "12:00"}), "execution"),
    "a cell hidden from the test": (set_metadata("figure", tags=["nbval-skip"]), "hide the cell from the test"),
    "no title": (replace("title", "# 00", "00"), "should start with the title '# 00 · Double a number'"),
    "another title": (replace("title", "Double", "Treble"), "should start with the title '# 00 · Double a number'"),
    "two titles": (replace("look", "## Look", "# Look"), "one title"),
    "a heading that jumps": (replace("look", "## Look", "### Look"), "jumps from level 1 to level 3"),
    "a badge to another file": (replace("title", NAME, "01_other.ipynb"), "badge"),
    "no badge": (replace("title", BADGE_MARK, ""), "badge"),
    "an edited set-up cell": (replace("setup", "runtime.setup()", "runtime.setup('cpu')"), "differs from the set-up"),
    "no set-up cell": (remove("setup"), "should be the set-up cell"),
    "too much code": (edit("figure", source="x = 1\n" * 26), "26 lines of code"),
    "too long a class": (edit("figure", source="class A:\n" + "    x = 1\n" * 40), "41 lines of code"),
    "too many words": (edit("reading", source="word " * 151), "151 words"),
    "an image nobody can hear": (edit("reading", source=f"![](../{'notebooks'}/{NAME})"), "no alternative text"),
    "a reference to an image nobody can hear": (edit("reading", source="![][there]"), "no alternative text"),
    "an image that is called by its name": (
        edit("reading", source=f"![picture 1](../notebooks/{NAME})"),
        "does not say",
    ),
    "an img tag nobody can hear": (edit("reading", source=f'<img src="{NAME}">'), "no alternative text"),
    "a link that leads nowhere": (edit("reading", source="[next](01_missing.ipynb)"), "leads nowhere"),
    "details left open": (replace("task", "</details>", ""), "do not match"),
    "a solution in plain sight": (edit("solution", metadata={"tags": ["solution"]}), "stored collapsed"),
    "a solution without its tag": (edit("solution", metadata={}), "has no tag 'solution'"),
    "an exercise with no solution": (remove("solution"), "next cell should be its solution"),
    "a solution that checks nothing": (replace("solution", ", strict=True", ""), "strict=True"),
    "a solution of another exercise": (replace("solution", "nb00.double", "nb00.triple"), "strict=True"),
    "a solution in the learner's name": (replace("solution", "solution_double", "double"), "binds the learner's name"),
    "a solution under another name": (replace("solution", "solution_double", "solution_twice"), "bind solution_double"),
    "no afterword": (remove("afterword"), "four cells"),
    "no hints": (edit("task", source="### Exercise"), "no hints"),
    "an assert in sight": (edit("figure", source="assert double(2) == 4"), "an assert in sight"),
    "claims in plain sight": (edit("twice-claims", metadata={"tags": ["claims"]}), "are stated folded"),
    "claims before their reading": (
        edit("afterword", source="**Predict, then run.** How much?"),
        "give no answer away",
    ),
    "claims below code": (lambda node: node.cells.insert(8, node.cells.pop(3)), "come after the text that reads"),
    "a name that only claims bind": (
        lambda node: (
            replace("twice-claims", "claims.ch", "one = 2\nclaims.ch")(node),
            append("[one for _ in x]")(node),
        ),
        "uses 'one', which only folded claims bind",
    ),
    "another notebook's claims": (replace("twice-claims", '"00"', '"07"'), "claims of notebook 07"),
    "a claim whose bound depends on the run": (replace("twice-claims", "equal=2", "equal=x"), "write out name"),
    "a claim whose sentence depends on the run": (replace("twice-claims", '"It doubles."', "f'{x}'"), "write out name"),
    "two claims of one name": (
        replace("twice-claims", "))", '), claims.Claim("twice", "It does.", 2, equal=2))'),
        "stands for two claims",
    ),
    "claims that are not summed up": (remove("claims-close"), 'the last cell should be claims.close("00")'),
    "a later cell that uses the answer": (append("print(double(2))"), "uses the learner's 'double'"),
    "another notebook's checker": (lambda n: [replace(k, "nb00", "nb07")(n) for k in ("stub", "solution")], "nb07"),
    "not executed": (edit("figure", execution_count=None), "top to bottom"),
    "executed out of order": (edit("figure", execution_count=7), "top to bottom"),
    "an error output": (store("figure", new_output("error", ename="ValueError")), "stores an error output"),
    "a stored warning": (store("stub", printed("UserWarning: careful", "stderr")), "careful"),
    "a path in the output": (store("stub", printed("saved to /home/me/runs")), "/home/me"),
    "a Windows path": (store("stub", printed(r"saved to C:\Users\me")), "path of the machine"),
    "a memory address": (store("stub", printed("<function f at 0x7f12ab34cd56>")), "memory address"),
    "a stored answer": (store("stub", printed("double: correct")), "stored solved"),
    "a panel without a still": (
        store("figure", new_output("display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}})),
        "without a picture beside it",
    ),
    "too many bytes": (store("figure", new_output("display_data", {"image/png": "A" * 400_000})), "more than 400,000"),
}


@pytest.mark.parametrize("mistake, message", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found(course, mistake, message):
    node = good_notebook(course)
    mistake(node)
    found = problems(course, node)
    assert any(message in problem for problem in found), found
    save(course, node)
    assert notebooks.main(["lint"], course) == 1


def test_a_heading_is_no_reading_of_a_figure(course):
    node = good_notebook(course)
    cell(node, "reading").source = "## What comes next\n\nThe loss."
    assert any("words that read it" in problem for problem in problems(course, node))


def test_two_figures_in_a_row_need_words_between_them(course):
    node = good_notebook(course)
    figure = cell(node, "figure")
    node.cells[3:5] = [figure, new_code_cell("x = 1", id="x"), cell(node, "reading")]
    assert not any("words that read it" in problem for problem in problems(course, node))
    node.cells[4].outputs = figure.outputs
    assert any("words that read it" in problem for problem in problems(course, node))


def test_what_is_allowed_is_not_reported(course):
    node = good_notebook(course)
    cell(node, "figure").source = "class A:\n" + "    x = 1\n\n" * 39
    folded = "<details><summary>Answer</summary>" + "word " * 300 + "</details>"
    cell(node, "reading").source = f"{'word ' * 100}\n\n| a table |\n|{'word ' * 300}|\n\n{folded}\n\n$a + b + c$"
    cell(node, "afterword").source = "```bash\n# no heading\n[no](link)\n```\n[Here](00_made_up.ipynb#look), `![](x)`"
    cell(node, "look").source += " See <https://example.org/home/page> and /r1/."
    node.cells.insert(-1, new_code_cell("double = 3\nprint(double)", id="own", execution_count=6))
    node.cells[-1].execution_count = 7
    parity = "assert torch.equal(double(2), losses.double(2))"
    node.cells.insert(-1, new_code_cell(parity, id="parity", execution_count=7, metadata={"tags": ["parity"]}))
    node.cells[-1].execution_count = 8
    cell(node, "title").source = cell(node, "title").source.replace("Plan 4", "Plan 9")
    assert problems(course, node) == []


def long_core(node):
    for i in range(35):
        node.cells.insert(-1, new_markdown_cell("word " * 100, id=f"long-{i}"))


def many_exercises(node):
    for i in range(14):
        again = [new_markdown_cell("### Exercise\n\n<details>Twice.</details>", id=f"task-{i}")]
        again += [new_code_cell(STUB, id=f"stub-{i}"), new_code_cell(SOLUTION, id=f"solution-{i}", metadata=COLLAPSED)]
        node.cells[-1:-1] = again


@pytest.mark.parametrize(
    "mistake, message",
    [
        (long_core, "its core has 3,5"),
        (many_exercises, "minutes; at most 45"),
        (replace("title", "Plan 4", "Plan 5"), "promises 5 minutes; the core comes to 4"),
    ],
)
def test_the_core_keeps_to_its_limits(course, mistake, message):
    node = good_notebook(course)
    mistake(node)
    assert any(message in problem for problem in problems(course, node))


def test_the_tag_deeper_goes_with_the_heading(course):
    node = good_notebook(course)
    cell(node, "look").source = "## Deeper · Look\n\nA question."
    found = [problem for problem in problems(course, node) if "'deeper'" in problem]
    assert len(found) == 8 and "needs the tag" in found[0], "all cells up to the recap"
    for at in range(2, 10):
        node.cells[at].metadata["tags"] = [*node.cells[at].metadata.get("tags", []), "deeper"]
    assert not any("deeper" in problem for problem in problems(course, node))
    cell(node, "recap").metadata["tags"] = ["deeper"]
    assert any("is under no heading 'Deeper'" in problem for problem in problems(course, node))


def test_the_table_of_lengths(course, capsys):
    assert notebooks.main(["lengths"], course) == 0
    assert "| 00 | 27 | 4 | 1 | 4 | 0 | 0 | 0 | 0 |" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name, message",
    [
        ("01_made_up.ipynb", "its number should be 00"),
        ("00_Made-up.ipynb", "small_letters"),
        ("00_other.ipynb", "should have the row ('00', 'Double a number', '00_other.ipynb')"),
    ],
)
def test_notebooks_are_numbered_and_listed(course, name, message):
    path_of(course).rename(course.root / "notebooks" / name)
    assert any(message in problem for problem in rules.lint_course(course))


@pytest.mark.parametrize(
    "second, message", [("00_twin.ipynb", "has this number too"), ("01_more.ipynb", "['00', '01']")]
)
def test_a_number_is_used_once_and_stands_in_the_list(course, second, message):
    (course.root / "notebooks" / second).write_bytes(path_of(course).read_bytes())
    assert any(message in problem for problem in rules.lint_course(course))


@pytest.mark.parametrize(
    "file, old, new, message",
    [
        ("README.md", ROW, "", "README.md: the table should have the row ('00', 'Double a number', "),
        ("README.md", "[Double", "[Treble", "README.md: the table should have the row ('00', 'Double a number', "),
        ("README.md", "| 00 |", "| 01 |", "README.md: the table should have the row ('00', 'Double a number', "),
        ("README.md", ROW, f"{ROW}\n{ROW}", "should have the row None"),
        ("README.md", "| 4 |", "| 5 |", "takes 5 minutes, but it says itself: Plan 4 minutes"),
        (CONTENTS, "Double", "Treble", "README.md: the table should have the row ('00', 'Treble a number', "),
        (CONTENTS, '("00", "Double a number", "The game"),', "", "lists the notebooks [], but there are ['00']"),
        (
            "docs/teaching.md",
            "lectures\n\n| 1 | **00**",
            "lectures\n\n| 1 | 00",
            "plan 'Ten lectures' has no row for 00",
        ),
        ("docs/teaching.md", "## Seven workshops", "## Seven", "the plan 'Seven workshops' has no row for 00"),
    ],
)
def test_every_page_that_lists_the_notebooks_is_held_to_the_one_list(course, file, old, new, message):
    assert list(rules.lint_course(course)) == []
    text = (course.root / file).read_text(encoding="utf-8")
    assert old in text
    (course.root / file).write_text(text.replace(old, new), encoding="utf-8")
    (found,) = rules.lint_course(Course(course.root))
    assert message in found


def test_a_notebook_that_the_list_lacks_is_told_so(course):
    node = good_notebook(course)
    (course.root / CONTENTS).write_text("NOTEBOOKS: tuple = ()\n")
    fresh = Course(course.root)
    assert f"{CONTENTS}: its list has no notebook 00" in problems(fresh, node)
    (course.root / CONTENTS).write_text("PAGES = ()\n")
    with pytest.raises(ValueError, match="has no list NOTEBOOKS"):
        _ = Course(course.root).contents


def test_the_tools_read_the_list_that_the_map_is_drawn_from():
    from gancourse.plotting import course as drawn

    assert Course(ROOT).contents == drawn.NOTEBOOKS


@pytest.mark.parametrize("content", ["{ no JSON", "[]", "{}", '{"nbformat": 3, "worksheets": []}'])
def test_a_file_that_is_no_notebook_is_named(course, capsys, content):
    path_of(course).write_text(content)
    assert notebooks.main(["lint"], course) == 1
    assert capsys.readouterr().out.startswith(f"{NAME}: ")


def test_a_missing_notebook_is_a_wrong_command_line(course, capsys):
    with pytest.raises(SystemExit) as stopped:
        notebooks.main(["lint", "nowhere.ipynb"], course)
    assert stopped.value.code == 2 and "nowhere.ipynb" in capsys.readouterr().err


# ---------------------------------------------------------------- stamp


def test_stamp_makes_what_lint_wants_and_keeps_outputs(course):
    node = good_notebook(course)
    cell(node, "title").source = f"# 00 · Double a number\n\n{BADGE_MARK}\n\nMore."
    cell(node, "setup").source = "device = 'cpu'"
    cell(node, "setup").metadata = {}
    cell(node, "setup").outputs = [printed("gancourse 0.1.0 | device: cpu")]
    save(course, node)
    assert notebooks.stamp(path_of(course), course)
    stamped = nbformat.read(path_of(course), as_version=4)
    assert problems(course, stamped) == []
    assert stamped.cells[0].source.splitlines()[-1] == "More."
    assert cell(stamped, "setup").outputs == cell(node, "setup").outputs
    assert cell(stamped, "setup").execution_count == 1


def test_a_notebook_without_ids_gets_no_second_setup_cell(course):
    """Format 4.0, as Colab saves it."""
    content = json.loads(path_of(course).read_text(encoding="utf-8")) | {"nbformat_minor": 0}
    for plain in content["cells"]:
        del plain["id"]
    setup = content["cells"][1]
    setup["source"] = "".join(setup["source"]).replace("device = runtime", "d = runtime")
    path_of(course).write_text(json.dumps(content), encoding="utf-8")
    assert notebooks.stamp(path_of(course), course)
    stamped = json.loads(path_of(course).read_text(encoding="utf-8"))
    assert len(stamped["cells"]) == len(content["cells"])
    assert "".join(stamped["cells"][1]["source"]) == course.setup_source


def test_stamping_again_changes_nothing(course):
    before = path_of(course).read_bytes()
    assert not notebooks.stamp(path_of(course), course)
    assert path_of(course).read_bytes() == before


def test_a_fork_changes_one_line(course):
    settings = course.root / "pyproject.toml"
    settings.write_text(settings.read_text().replace("somebody", "fork"))
    fork = Course(course.root)
    assert any("badge" in problem for problem in problems(fork, good_notebook(course)))
    assert notebooks.main(["stamp"], fork) == 0
    text = path_of(course).read_text()
    assert "somebody" not in text
    assert f"https://colab.research.google.com/github/fork/course/blob/main/notebooks/{NAME}" in text
    assert "git+https://github.com/fork/course@main" in text
    assert problems(fork, nbformat.read(path_of(course), as_version=4)) == []


def test_a_missing_setup_cell_is_put_before_the_first_code(course):
    node = good_notebook(course)
    node.cells.remove(cell(node, "setup"))
    save(course, node)
    notebooks.stamp(path_of(course), course)
    assert [cell.id for cell in nbformat.read(path_of(course), as_version=4).cells][:4] == [
        "title",
        "look",
        "setup",
        "figure",
    ]


def test_stamp_refuses_a_notebook_without_a_place_for_the_badge(course, capsys):
    node = good_notebook(course)
    cell(node, "title").source = "# Double a number"
    save(course, node)
    before = path_of(course).read_bytes()
    assert notebooks.main(["stamp"], course) == 1
    assert BADGE_MARK in capsys.readouterr().out
    assert path_of(course).read_bytes() == before


@pytest.mark.parametrize(
    "address", ["git@github.com:me/course", "https://example.org/me/course", "https://github.com/me"]
)
def test_an_address_that_colab_cannot_open_is_refused(course, address):
    settings = course.root / "pyproject.toml"
    settings.write_text(settings.read_text().replace(ADDRESS, address))
    with pytest.raises(ValueError, match="https://github.com/OWNER/NAME"):
        _ = Course(course.root).address


# ---------------------------------------------------------------- execute


def short_notebook(*sources):
    cells = [new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
    cells[0].metadata = {"execution": {"iopub.status.busy": "12:00"}, "collapsed": True}
    return new_notebook(cells=cells, metadata={"widgets": {}, "kernelspec": {"name": "my-own", "display_name": "Mine"}})


def test_execute_stores_outputs_and_nothing_of_the_machine(course, capsys):
    sources = ["import sys\n\nprint('a\\rb')\nprint('c')", "import os\n\nos.listdir()", "'gancourse' in sys.modules"]
    save(course, short_notebook(*sources))
    assert notebooks.main(["execute"], course) == 0
    assert f"{NAME} ..." in capsys.readouterr().out
    stored = nbformat.read(path_of(course), as_version=4)
    assert stored.metadata == rules.NOTEBOOK_METADATA
    assert [cell.id for cell in stored.cells] == ["c0", "c1", "c2"]
    assert [cell.execution_count for cell in stored.cells] == [1, 2, 3]
    assert all(cell.metadata == {} for cell in stored.cells)
    assert stored.cells[0].outputs == [printed("b\nc\n")]
    assert [cell.outputs[0].data["text/plain"] for cell in stored.cells[1:]] == ["[]", "False"]


@pytest.mark.parametrize(
    "source, message",
    [
        ("1 / 0", "cell 1 (c1) failed"),
        ("print('/home/me/secret')", "names a path"),
        ("print(('x' * 80 + '\\n') * 5_000)", "more than 400,000"),
    ],
)
def test_execute_writes_nothing_when_a_cell_fails_or_may_not_be_stored(course, capsys, source, message):
    save(course, short_notebook("x = 1", source))
    before = path_of(course).read_bytes()
    assert notebooks.main(["execute", str(path_of(course))], course) == 1
    assert message in capsys.readouterr().out
    assert path_of(course).read_bytes() == before
    assert [path.name for path in path_of(course).parent.iterdir()] == [NAME]


# ---------------------------------------------------------------- test


def test_cells_that_did_not_run_are_noticed(course, tmp_path, capsys):
    """The report of nbval is compared with the notebook: 6 code cells here."""
    report = tmp_path / "report.xml"
    case = '<testcase classname="00_made_up.{}.ipynb" name="Cell" time="1">{}</testcase>'

    def all_ran(*cases):
        report.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
        return notebooks._all_cells_ran([path_of(course)], course, report)

    mine = case.format("00_made_up", "")
    assert not all_ran(mine, mine)
    assert "2 of 6 code cells ran" in capsys.readouterr().out
    assert all_ran(*[mine] * 6)
    assert not all_ran(*[mine] * 5, case.format("00_made_up", "<skipped/>"))
    assert not all_ran(*[mine] * 5, case.format("other", "").replace("00_made_up", "01_next"))


def test_a_run_is_compared_with_the_ledgers_run_of_the_same_arithmetic(capsys, tmp_path, course):
    made = {"arithmetic": "a1", "versions": "PyTorch 2", "threads": 1}
    runs = [{"seed": 0, **made}, {"seed": 0, **made, "arithmetic": "b2"}, {"seed": 1, **made}]
    book = {"runs": runs, "claims": {"exact": [1.0, 1.0, 1.0], "run": [2.0, 2.1, 9.0]}}

    def moved(exact, run, **other):
        return notebooks._moved(book, {**made, **other, "values": {"exact": exact, "run": run}}, "mnist")

    assert moved(1.0, 2.0) == [] == moved(1.0, 2.35)
    assert moved(1.01, 2.0) == ["exact"] and moved(1.0, 2.5) == ["run"] and moved(1.0, 9.0) == ["run"]
    assert moved(1.0, 9.0, arithmetic="c3") is None is moved(1.0, 9.0, versions="PyTorch 3")
    assert notebooks._moved(None, {**made, "values": {}}, "mnist") is None
    runs[0]["data"] = runs[1]["data"] = "mnist"
    assert moved(1.0, 9.0) == ["run"]
    assert notebooks._moved(book, {**made, "values": {"run": 9.0}}, "embedded") is None

    ledgers = course.root / "gancourse" / "measured" / "ledgers"
    ledgers.mkdir(parents=True)
    (ledgers / "00.json").write_text(json.dumps(book))
    (tmp_path / "00.json").write_text(json.dumps({**made, "values": {"exact": 1.0, "run": 9.0}}))
    assert not notebooks._as_in_the_ledger([path_of(course)], course, tmp_path, {"GANCOURSE_DATA": "here"})
    assert "run moved from what the ledger says" in capsys.readouterr().out
    assert notebooks._as_in_the_ledger([path_of(course)], course, tmp_path, {})
    assert "not compared" in capsys.readouterr().out
    (tmp_path / "00.json").unlink()
    assert not notebooks._as_in_the_ledger([path_of(course)], course, tmp_path, {})


def test_image_notebooks_are_recognised(course):
    assert not loads_images(path_of(course))
    node = good_notebook(course)
    cell(node, "figure").source = "x = 1  # digits"
    save(course, node)
    assert not loads_images(path_of(course))
    assert data_at_hand(path_of(course), {"GANCOURSE_DATA": "there"}) is None
    for imported in ("digits, toy", "batches, sounds"):
        cell(node, "figure").source = f"import torch\nfrom gancourse.data import {imported}"
        save(course, node)
        assert loads_images(path_of(course)), imported
    cell(node, "figure").source = "import torch\nfrom gancourse import claims, ward"
    save(course, node)
    assert loads_images(path_of(course))


def test_a_notebook_runs_on_real_data_where_these_are_at_hand(course, tmp_path):
    node, folder = good_notebook(course), tmp_path / "sets"
    folder.mkdir()
    cell(node, "figure").source = "from gancourse.data import digits"
    save(course, node)
    assert data_at_hand(path_of(course), {}) == "embedded"
    assert data_at_hand(path_of(course), {"GANCOURSE_DATA": str(folder)}) == "mnist"
    cell(node, "figure").source = "from gancourse.data import batches, sounds"
    save(course, node)
    assert data_at_hand(path_of(course), {}) == "instrument"
    assert data_at_hand(path_of(course), {"GANCOURSE_DATA": str(folder)}) == "instrument"
    (folder / "fsdd.zip").touch()
    assert data_at_hand(path_of(course), {"GANCOURSE_DATA": str(folder)}) == "fsdd"


def test_the_file_is_written_the_same_way_every_time(course):
    text = path_of(course).read_text(encoding="utf-8")
    assert json.loads(text)["nbformat_minor"] >= 5 and text.endswith("}\n")
    assert rules.to_text(nbformat.reads(text, as_version=4)) == text

"""The tool that tries a notebook on other seeds finds the seed on which an assert fails."""

import json

import pytest

import seeds


def notebook(tmp_path, *sources):
    cells = [{"cell_type": "markdown", "id": "text", "source": ["SEED = 0 in a text"]}]
    cells += [{"cell_type": "code", "id": f"cell-{i}", "source": [source]} for i, source in enumerate(sources)]
    path = tmp_path / "00_try.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return path


def test_other_seeds_are_tried(tmp_path, capsys):
    path = notebook(tmp_path, "SEED = 0  # yours", "assert SEED < 5, 'too large'", "after = SEED")
    assert seeds.main([str(path), "4"]) == 0
    assert "seed 4: all asserts hold" in capsys.readouterr().out
    assert seeds.main([str(path), "7"]) == 1
    said = capsys.readouterr().out
    assert "seed 7: cell cell-1 failed: AssertionError: too large" in said and "seed 7: FAILED" in said


def test_several_seeds_run_in_processes_of_their_own(tmp_path):
    path = notebook(tmp_path, "SEED = 0", "assert SEED != 2")
    assert seeds.main([str(path), "1", "2", "3"]) == 1


def test_a_notebook_without_a_seed_is_refused(tmp_path):
    with pytest.raises(ValueError, match="should have one line 'SEED = ...', found 0"):
        seeds.main([str(notebook(tmp_path, "x = 1")), "1"])


def test_magics_are_left_out_and_what_is_no_assert_ends_the_run(tmp_path, capsys):
    setup = "import sys\nif 'google.colab' in sys.modules:\n    %pip install -q something\nSEED = 0"
    assert seeds.main([str(notebook(tmp_path, setup, "assert SEED == 6")), "6"]) == 0
    assert seeds.main([str(notebook(tmp_path, setup, "1 / 0", "print('went on')")), "6"]) == 1
    said = capsys.readouterr().out
    assert "cell cell-1 failed: ZeroDivisionError" in said and "went on" not in said

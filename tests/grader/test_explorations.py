"""Explorations: each stage's compute what their files promise, and a bad file is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from assignments import catalog, explorations
from assignments.catalog import ManifestError, Stage

HEAD = '[[exploration]]\nid = "a"\ntitle = "A"\ntext = "Look."\nx = "x"\ny = "y"\n'
KNOB = '[[exploration.knobs]]\nname = "gap"\n'


@pytest.mark.parametrize("stage", catalog.load(), ids=lambda stage: stage.id)
def test_every_stage_has_explorations_whose_knobs_change_something(stage: Stage) -> None:
    assert explorations.explorations(stage)
    assert list(explorations.faults(stage)) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[[exploration]\n", "explore.toml: the file is"),
        ("[exploration]\n", "exploration is {}; tables are needed: [[exploration]]."),
        ("[[explorations]]\n", "explorations is [{}]; keys are exploration."),
        ("[[exploration]]\nid = 3\n", "id is 3; a text is needed"),
        (HEAD, "a.knobs is []; one or more are needed."),
        (HEAD.replace('"a"', '"a b"'), "id is 'a b'; the name of a function in explore.py"),
        (HEAD + "logg = true\n", "a.logg is True; keys are id, knobs, log, text, title, x, y."),
        (HEAD + 'log = "yes"\n', "a.log is 'yes'; allowed are true and false."),
        (HEAD + "knobs = [3]\n", "a.knobs is [3]; tables are needed"),
        (HEAD + KNOB.replace("gap", "a b"), "knobs.name is 'a b'; the name of a param"),
        (HEAD + KNOB + "values = 3\n", "gap.values is 3; a list of two or more numbers or texts"),
        (HEAD + KNOB + "values = [true, 2]\n", "gap.values is [True, 2]; a list of two or more"),
        (HEAD + KNOB + "values = [2]\n", "gap.values is [2]; a list of two or more"),
        (HEAD + KNOB + "values = [1, 2, 1]\n", "gap.values is '1'; it must be there once."),
        (HEAD + KNOB + "values = [1, 2]\nstart = 3\n", "gap.start is 3; allowed are [1, 2]"),
        (HEAD + KNOB + "values = [1, 2]\ntitel = 3\n", "gap.titel is 3; keys are name, start"),
        (2 * (HEAD + KNOB + "values = [1, 2]\n"), "id is 'a'; it must be there once."),
        (HEAD + 2 * (KNOB + "values = [1, 2]\n"), "a.knobs.name is 'gap'; it must be there once."),
    ],
)
def test_a_file_that_is_not_as_it_must_be_is_told(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "explore.toml"
    file.write_text(content)

    with pytest.raises(ManifestError) as raised:
        explorations.read(file)

    assert said in str(raised.value)

"""In a stage that hides files, what they hold is named as the learner's; all else loads and works."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reference import nn, optim

ROOT = Path(__file__).parents[2]
# Files of reference/ (without .py) that would answer a stage; those of kernels/ and ops/ come on top.
HIDES = {
    "mlp": [
        *(
            f"nn/{file}"
            for file in sorted({*nn.LAYERS.values(), "masks", "sampling", "generation"})
        ),
        *("optim/optimizer", "optim/sgd", "optim/adam", "optim/clip", "optim/schedule"),
        *("init", "data/loader"),
    ],
    "cnn": ["nn/conv", "nn/batchnorm", "nn/pool", "nn/lenet", "nn/resnet9"],
    "rnn": [
        *("nn/embedding", "nn/cells", "nn/recurrent", "nn/sampling"),
        *("nn/language_model", "nn/seq2seq", "nn/generation"),
    ],
    "attention": [
        *("nn/layernorm", "nn/attention", "nn/transformer"),
        *("nn/gpt", "nn/generation", "nn/kv_cache", "nn/masks", "nn/seq2seq"),
    ],
}
LOOK = """
import sys
from importlib import import_module
for place, name in (word.split(":") for word in sys.argv[1:]):
    try:
        getattr(import_module(place), name)
        print(place, name, "there")
    except ImportError as error:
        print(place, name, error)
"""


def names() -> dict[str, str]:
    """`package:NAME` -> the file that holds it."""
    homes = {f"reference.nn:{name}": f"nn/{home}" for name, home in nn.LAYERS.items()}
    homes |= {f"reference.nn:{name}": f"nn/{home}" for name, home in nn.OTHERS.items()}
    homes |= {f"reference.optim:{name}": f"optim/{home}" for name, home in optim.HOMES.items()}
    return homes | {
        "reference:init": "init",
        "reference.data:DataLoader": "data/loader",
        "reference.data:digits": "data/images",
    }


@pytest.mark.parametrize("stage", HIDES)
def test_a_stage_sees_all_but_its_own_answers(stage: str, tmp_path: Path) -> None:
    for package in ("reference", "kernels"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for file in HIDES[stage]:
        (tmp_path / "reference" / f"{file}.py").unlink()
    homes = names()

    done = subprocess.run(
        [sys.executable, "-c", LOOK, *homes],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    said = [line.split(" ", 2) for line in done.stdout.splitlines()]
    seen = {f"{package}:{name}": rest for package, name, rest in said}
    for name, home in homes.items():
        if home in HIDES[stage]:
            assert "yours to write" in seen[name], name
        else:
            assert seen[name] == "there", (name, seen[name])

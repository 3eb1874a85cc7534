"""No cold wait, no broken cache, no import that costs: what `kernels.ready` promises."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kernels import cache as numba_cache
from kernels import ready, threads

ROOT = Path(__file__).parents[2]
SMALL = (
    "import numpy as np; import kernels; k = kernels.get('sum_rows'); x = np.ones((3, 40), 'f4');"
)


def python(code: str, cache: Path | str, **more: str) -> Any:
    """A fresh interpreter with a cache of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "LAB_KERNELS": "serve", "LAB_KERNEL_CACHE": str(cache), **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_importing_kernels_loads_nothing() -> None:
    done = python("import kernels, sys; print({'numba', 'numpy'} & set(sys.modules))", "/nowhere")

    assert done.stdout.strip() == "set()", done.stderr


def test_a_kernels_file_and_its_oracle_need_no_numba(tmp_path: Path) -> None:
    code = "import kernels, numpy as np, sys; print(kernels.get('gemm')(np.eye(3), np.eye(3))[0, 0], 'numba' in sys.modules)"
    done = python(code, tmp_path, LAB_KERNELS="numpy")

    assert done.stdout.split() == ["1.0", "False"], done.stderr


def test_numpy_serves_while_a_child_compiles_and_the_next_process_finds_it(tmp_path: Path) -> None:
    """The first process never loads Numba before the marker is there."""
    wait = (
        SMALL + "import sys, time; from kernels import ready\n"
        "for _ in range(65): k(x)\n"
        "print('numba' in sys.modules)\n"
        "for _ in range(1000):\n"
        "    if ready.compiled(k, 'f'): break\n"
        "    time.sleep(0.05)\n"
        "print(ready.compiled(k, 'f'), k(x)[0], 'numba' in sys.modules)"
    )
    first = python(wait, tmp_path)
    assert first.stdout.split() == ["False", "True", "40.0", "True"], first.stderr

    few = (
        "import sys; from kernels import ready\n"
        "for _ in range(64): k(x)\n"
        "print(ready.compiled(k, 'f'), 'numba' in sys.modules); k(x); print('numba' in sys.modules)"
    )
    second = python(SMALL + few, tmp_path)
    assert second.stdout.split() == ["True", "False", "True"], second.stderr

    large = "import sys; x = np.ones((1 << 12, 1 << 12), 'f4'); k(x); print('numba' in sys.modules)"
    third = python(SMALL + large, tmp_path)
    assert third.stdout.split() == ["True"], third.stderr


@pytest.mark.parametrize("mode", ["serve", "wait"])
def test_a_cache_that_cannot_be_had_harms_nobody(tmp_path: Path, mode: str) -> None:
    (tmp_path / "file").write_text("in the way")
    done = python(SMALL + "print(k(x)[0])", tmp_path / "file" / "deeper", LAB_KERNELS=mode)

    assert done.stdout.split() == ["40.0"], done.stderr


def test_a_broken_cache_is_compiled_anew(tmp_path: Path) -> None:
    code = SMALL + "print(k(x)[0])"
    assert python(code, tmp_path, LAB_KERNELS="wait").stdout.split() == ["40.0"]
    for file in tmp_path.rglob("*.nb?"):
        file.write_bytes(b"broken")

    done = python(code, tmp_path, LAB_KERNELS="wait")
    assert done.stdout.split() == ["40.0"], done.stderr


def test_an_unknown_mode_says_what_there_is(tmp_path: Path) -> None:
    done = python(SMALL + "k(x)", tmp_path, LAB_KERNELS="quick")

    assert "LAB_KERNELS is 'quick'. It must be one of serve, wait, numpy." in done.stderr


def test_options_and_sources_are_part_of_the_name() -> None:
    """Numba's own index ignores them: a parallel function would be loaded in its other form."""
    assert ready.stamp("kernels.gemm") != ready.stamp("kernels.gemv")
    one = numba_cache.LabCache.at(ready.warm, "/tmp", "a-sequential")
    two = numba_cache.LabCache.at(ready.warm, "/tmp", "a-parallel")

    assert one._cache_file._index_name != two._cache_file._index_name


def test_a_change_far_below_changes_the_stamp(tmp_path: Path, monkeypatch: Any) -> None:
    for name, text in (
        ("top", "from .middle import x"),
        ("middle", "from . import low"),
        ("low", ""),
    ):
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(ready, "HERE", tmp_path)
    ready.stamp.cache_clear()
    before = ready.stamp("kernels.top")
    (tmp_path / "low.py").write_text("changed = 1")
    ready.stamp.cache_clear()

    assert ready.stamp("kernels.top") != before
    ready.stamp.cache_clear()


def test_pruning_takes_old_folders_and_leaves_the_rest(tmp_path: Path, monkeypatch: Any) -> None:
    mine, old, foreign = (
        tmp_path / name for name in ("numba-" + "a" * 12, "numba-" + "b" * 12, "mine")
    )
    for folder in (mine, old, foreign):
        folder.mkdir()
        (folder / "f-d-123.ready").touch()
        os.utime(folder / "f-d-123.ready", (0, time.time() - 90 * 86400))
    (mine / f"gemm.x-{ready.stamp('kernels.gemm')}-1.nbi").touch()
    monkeypatch.setattr(ready, "folder", lambda: mine)

    assert ready.prune() == 2
    assert not old.exists() and (foreign / "f-d-123.ready").exists()
    assert len(list(mine.iterdir())) == 1


def test_threads_follow_the_control_group(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert threads._quota(tmp_path) == 1
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert threads._quota(tmp_path) > 1000


def test_small_work_takes_one_thread() -> None:
    with threads.eager(2):
        assert threads.split(2) == 2
    with threads.limit(1):
        assert threads.split(10**9) == 1
    assert threads.split(1000) == 1

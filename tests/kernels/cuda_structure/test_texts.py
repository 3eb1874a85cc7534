"""What is read from the tools' texts: recorded ones, so that no tool is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernels.cuda_structure import architecture, read
from kernels.cuda_structure.resources import Resources, read_log
from kernels.cuda_structure.sass import Instruction, parse
from kernels.cuda_structure.structure import lines_of

RECORDED = Path(__file__).parent / "recorded"
LOG = (RECORDED / "spilling.log").read_text()
FILE = "/box/known.py"


def listing(name: str) -> str:
    return (RECORDED / f"{name}.sass").read_text()


def test_a_log_tells_registers_spills_and_stack() -> None:
    assert read_log(LOG) == Resources(
        registers=32, stack_bytes=432, spill_store_bytes=632, spill_load_bytes=548
    )


def test_of_several_functions_the_entry_counts() -> None:
    log = (
        "ptxas info    : Compiling entry function 'kernel' for 'sm_90'\n"
        "ptxas info    : Function properties for helper\n"
        "    64 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads\n"
        "ptxas info    : Function properties for kernel\n"
        "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
        "ptxas info    : Used 40 registers, used 1 barriers, 8448 bytes smem, 368 bytes cmem[0]\n"
    )
    assert read_log(log) == Resources(registers=40, shared_bytes=8448, barriers=1)


def test_a_log_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="names no registers"):
        read_log("ptxas info    : 0 bytes gmem")


def test_the_inner_loop_is_hot_though_the_outer_one_multiplies_more_often_a_round() -> None:
    found = parse(listing("nested"))

    assert len(found.loops) == 2
    outer, inner = found.loops
    assert outer.holds(inner) and not inner.holds(outer)
    assert [one.opcode for one in found.hot_loop()] == ["FFMA", "FSETP.GEU.AND", "BRA"]
    own = [one.opcode for one in found.own(outer)]
    assert own.count("FFMA") == 3 and own.count("BRA") == 2


def test_the_share_is_of_the_hot_loop_alone() -> None:
    found = read(LOG, listing("nested"), architecture("sm_90"), 256)

    assert (found.ffma, found.hot_loop) == (1, 3)
    assert found.ffma_share == pytest.approx(1 / 3)
    assert found.to_json()["ffma_share"] == 0.3333
    assert found.occupancy.limiters == ("threads", "registers")


def test_a_listing_without_loops_has_no_hot_loop() -> None:
    found = read(LOG, listing("leaking_elsewhere"), architecture("sm_90"), 256)

    assert (found.ffma, found.hot_loop, found.ffma_share) == (0, 0, 0.0)


def test_padding_is_no_code() -> None:
    assert not any(one.opcode == "NOP" for one in parse(listing("nested")).instructions)


def test_float64_is_found_at_the_line_of_the_function_that_was_inlined() -> None:
    found = [one for one in parse(listing("leaking_elsewhere")).instructions if one.is_fp64]

    assert [one.opcode for one in found] == ["F2F.F64.F32", "DFMA", "F2F.F32.F64"]
    assert lines_of(found, FILE) == ((34, 2), (41, 1))


def test_a_place_in_somebody_elses_file_counts_for_the_call() -> None:
    text = (
        '\t//## File "/site/numba/maths.py", line 9 inlined at "/box/known.py", line 4\n'
        "        /*0000*/                   DADD R2, R2, R4 ;\n"
        "        /*0010*/                   DMUL R2, R2, R4 ;\n"
        '\t//## File "/site/numba/maths.py", line 9\n'
        "        /*0020*/                   DFMA R2, R2, R4, R6 ;\n"
    )
    assert lines_of(parse(text).instructions, FILE) == ((4, 2),)


@pytest.mark.parametrize(
    "opcode", ["DADD", "DFMA.RM", "DSETP.GT.AND", "I2F.F64.S64", "F2I.S64.F64.TRUNC", "MUFU.RCP64H"]
)
def test_instructions_in_float64(opcode: str) -> None:
    assert Instruction(opcode).is_fp64


@pytest.mark.parametrize("opcode", ["DEPBAR.LE", "LDG.E.64", "F2I.U64.TRUNC", "I2F.S64", "FADD"])
def test_instructions_that_are_none_of_them(opcode: str) -> None:
    assert not Instruction(opcode).is_fp64


def test_accesses_of_128_bits_and_local_ones_are_told_apart() -> None:
    text = """
        /*0000*/              @!P0 LDG.E.128.CONSTANT R4, desc[UR4][R2.64] ;
        /*0010*/                   LD.E.128 R4, desc[UR4][R2.64] ;
        /*0020*/                   LDS.128 R8, [R3] ;
        /*0030*/                   LDS.64 R8, [R3] ;
        /*0040*/                   STG.E.128 desc[UR4][R2.64], R4 ;
        /*0050*/                   STL.128 [R1], RZ ;
        /*0060*/                   STL [R1+0x10], R9 ;
        /*0070*/                   LDL.128 R4, [R1] ;
        /*0080*/                   LDC.64 R2, c[0x0][0x268] ;
"""
    found = parse(text).instructions

    assert [index for index, one in enumerate(found) if one.is_wide_load] == [0, 1, 2]
    assert [index for index, one in enumerate(found) if one.is_wide_store] == [4]
    assert [index for index, one in enumerate(found) if one.is_local] == [5, 6, 7]
    assert [index for index, one in enumerate(found) if one.is_local_value] == [6, 7]

"""Brackets, bars and roots that grow with what they enclose."""

from __future__ import annotations

from . import box as boxes
from .box import Box
from .scripts import superscript
from .symbols import character

# top, middle of a brace, in between, bottom
_TALL = {
    "(": "⎛⎜⎜⎝", ")": "⎞⎟⎟⎠", "[": "⎡⎢⎢⎣", "]": "⎤⎥⎥⎦", "{": "⎧⎨⎪⎩", "}": "⎫⎬⎪⎭",
    "|": "││││", "‖": "║║║║", "⌊": "⎢⎢⎢⎣", "⌋": "⎥⎥⎥⎦", "⌈": "⎡⎢⎢⎢", "⌉": "⎤⎥⎥⎥",
}  # fmt: skip
_TALL_ASCII = {
    "(": ("/", "|", "|", "\\"), ")": ("\\", "|", "|", "/"), "[": ("[", "[", "[", "["),
    "]": ("]", "]", "]", "]"), "{": ("/", "<", "|", "\\"), "}": ("\\", ">", "|", "/"),
    "|": ("|", "|", "|", "|"), "‖": ("||", "||", "||", "||"), "⌊": ("| ", "| ", "| ", "|_"),
    "⌋": (" |", " |", " |", "_|"), "⌈": ("|-", "| ", "| ", "| "), "⌉": ("-|", " |", " |", " |"),
}  # fmt: skip
# upper half, lower half
_ANGLES = {"⟨": ("╱", "╲"), "⟩": ("╲", "╱")}
_ANGLES_ASCII = {"⟨": ("/", "\\"), "⟩": ("\\", "/")}


def delimiter(mark: str, height: int, middle: int, *, ascii: bool) -> Box:
    """Return ``mark`` at ``height`` lines with its baseline, and a brace's point, at ``middle``."""
    if not mark:
        return boxes.blank(0, height, middle)
    if height == 1:
        return boxes.text(character(mark).plain if ascii else mark)
    if mark in _ANGLES:
        upper, lower = (_ANGLES_ASCII if ascii else _ANGLES)[mark]
        half = (height + 1) // 2
        return Box((upper,) * half + (lower,) * (height - half), middle)
    if mark not in _TALL:
        return Box((mark,) * height, middle)
    top, point, between, bottom = _TALL_ASCII[mark] if ascii else tuple(_TALL[mark])
    column = [top, *[between] * (height - 2), bottom]
    if height > 2:
        column[middle if 0 < middle < height - 1 else height // 2] = point
    return Box(tuple(column), middle)


def fence(left: str, right: str, body: Box, *, ascii: bool) -> Box:
    """Enclose ``body``; a body of two lines in braces gets a third line for their point."""
    if body.height == 2 and ("{" in (left, right) or "}" in (left, right)):
        above = 1 - body.baseline
        body = boxes.deepen(body, above, 1 - above)
    ends = [delimiter(m, body.height, body.baseline, ascii=ascii) for m in (left, right)]
    return boxes.beside([ends[0], body, ends[1]])


def radical(body: Box, index: Box | None, *, bare: bool, ascii: bool) -> Box:
    """Draw a root; ``bare`` leaves the line out, for a body that is one symbol or number."""
    if body.height == 1 and bare and not ascii:
        root = boxes.text("√" + body.lines[0])
    elif body.height == 1:
        sign, rule = ("\\/", "_") if ascii else ("√", "▁")
        sign_box = Box((" " * len(sign), sign), 1)
        root = boxes.beside([sign_box, Box((rule * body.width, body.lines[0]), 1)])
    else:
        corner, wall, rule, hook = (" ", "|", "_", "\\") if ascii else ("┌", "│", "─", "√")
        column = [" " + corner, *[" " + wall] * (body.height - 1), hook + wall]
        ruled = boxes.stack([boxes.text(rule * body.width), body], body.baseline + 1)
        root = boxes.beside([Box(tuple(column), body.baseline + 1), ruled])
    return root if index is None else _indexed(root, index, ascii=ascii)


def _indexed(root: Box, index: Box, *, ascii: bool) -> Box:
    """Write ``index`` at the hook of the root, raised where it has no small letters."""
    small = None if ascii or index.height > 1 else superscript(index.lines[0])
    hook = root.height - 1 - root.baseline  # lines from the baseline down to the hook
    if small is not None:
        column = [" " * boxes.text(small).width] * root.height
        column[-1] = small
        return boxes.beside([Box(tuple(column), root.baseline), root])
    lines = (*index.lines, " " * index.width)  # the last line is the hook's
    above = len(lines) - 1 - hook
    if above < 0:
        lines = (" " * index.width,) * -above + lines
        above = 0
    return boxes.beside([Box(lines, above), root])

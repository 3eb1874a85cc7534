"""Random expressions as plain data, which both sides can follow: a list of steps.

A step is a list: the name of an operation and its operands. An operand that is an int is the number
of an earlier result (leaves come first), one that is a float is a constant.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field

import numpy as np

from grader.suites.autodiff.oracles import H

ARITHMETIC = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "truediv": operator.truediv,
    "neg": operator.neg,
}
FUNCTIONS = {
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "relu": lambda x: x if np.real(x) > 0 else 0.0 * x,
}


def power(a, b):
    """a ** b of complex numbers; a negative base has a whole constant exponent."""
    if np.real(a) > 0:
        return np.exp(b * np.log(a))
    return np.prod([a] * abs(int(b))) ** (1 if b > 0 else -1)


APPLY = {**ARITHMETIC, **FUNCTIONS, "pow": power}


@dataclass
class Program:
    """Leaves and the steps that follow."""

    leaves: list[float]
    steps: list[list[object]] = field(default_factory=list)

    def run(self, leaves=None, moved=None):
        """All results; result number `moved` takes an imaginary step."""
        found = []
        for place, leaf in enumerate(self.leaves if leaves is None else leaves):
            found.append(complex(leaf) + (1j * H if place == moved else 0.0))
        for name, *operands in self.steps:
            result = complex(APPLY[name](*(found[x] if type(x) is int else x for x in operands)))
            found.append(result + (1j * H if len(found) == moved else 0.0))
        return found

    @property
    def values(self):
        return [z.real for z in self.run()]

    def slopes(self, root):
        """d result `root` / d every result."""
        count = len(self.leaves) + len(self.steps)
        return [self.run(moved=place)[root].imag / H for place in range(count)]

    def tangent(self, direction):
        """How fast the last result moves if the leaves move along `direction`."""
        moving = [x + 1j * H * v for x, v in zip(self.leaves, direction, strict=True)]
        return self.run(leaves=moving)[-1].imag / H


def draw_program(rng, leaves, length, names, *, constants=0.3):
    """A program whose values stay where every operation is smooth and of moderate size."""
    program = Program([float(x) for x in rng.uniform(0.5, 1.8, leaves)])
    values = list(program.leaves)
    while len(program.steps) < length:
        name = str(rng.choice(names))
        # A recent operand often, an old one sometimes: long ways, and results that are used again.
        operands = [
            len(values) - 1 if rng.random() < 0.4 else int(rng.integers(len(values)))
            for _ in range(1 if name == "neg" or name in FUNCTIONS else 2)
        ]
        if len(operands) == 2 and rng.random() < constants:
            operands[int(rng.integers(2))] = float(rng.uniform(0.5, 2.0))
        at = [values[x] if type(x) is int else x for x in operands]
        if (name == "log" and at[0] < 0.3) or (name == "truediv" and abs(at[1]) < 0.3):
            continue
        if (name == "pow" and at[0] < 0.3) or (name == "relu" and abs(at[0]) < 0.05):
            continue
        if name == "exp" and at[0] > 1.5:
            continue
        value = complex(APPLY[name](*at)).real
        if abs(value) > 4.0:
            continue
        program.steps.append([name, *operands])
        values.append(value)
    return program

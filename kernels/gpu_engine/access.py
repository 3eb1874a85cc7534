"""Loads and stores of each memory space: what comes back, what is written, what is noted."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from .addresses import Addresses
from .errors import Unsupported
from .findings import Finding
from .lanes import Mask, Value
from .memory import ConstantMemory, GlobalArray, LocalArray, SharedArray
from .shadow import SharedShadow
from .sites import Site
from .typed import Declaration


class Access(Addresses):
    """Memory as the lanes of one batch see it."""

    shared: dict[int, SharedArray]
    local: dict[int, LocalArray]
    constants: dict[int, ConstantMemory]
    dynamic_bytes = 0
    shared_bytes = 0
    uses_syncwarp = False

    # declarations

    def shared_array(self, declaration: Declaration, m: Mask) -> SharedArray:
        """The shared array of one declaration, made on first use by the batch."""
        found = self.shared.get(id(declaration))
        if found is not None:
            return found
        dtype = declaration.dtype.dtype
        shape = declaration.shape
        name = self.array_names.get(id(declaration), "shared")
        if shape == (0,):
            others = [one for one in self.shared.values() if one.base < 0]
            if others and others[0].dtype != dtype:
                raise Unsupported(
                    declaration.node.lineno,
                    "dynamic shared memory of two types",
                    "Use one type, or arrays with a shape.",
                )
            if others:
                self.shared[id(declaration)] = others[0]
                return others[0]
            shape = (self.dynamic_bytes // dtype.itemsize,)
            base = -128
        else:
            base = 128 * (len(self.shared) + 1) * 64
        found = SharedArray(name, shape, dtype, self.blocks, base)
        found.shadow = SharedShadow(cast(Any, self), found) if self.analyze else None
        self.shared[id(declaration)] = found
        self.shared_bytes = max(
            self.shared_bytes,
            sum(one.size * one.itemsize for one in set(self.shared.values())),
        )
        return found

    array_names: dict[int, str]

    def local_array(self, declaration: Declaration, m: Mask) -> LocalArray:
        """The local array of one declaration."""
        found = self.local.get(id(declaration))
        if found is None:
            name = self.array_names.get(id(declaration), "local")
            found = LocalArray(name, declaration.shape, declaration.dtype.dtype)
            self.local[id(declaration)] = found
        return found

    def constant_array(self, frozen: Any) -> ConstantMemory:
        """Constant memory with the values of an array of the file."""
        found = self.constants.get(id(frozen))
        if found is None:
            found = self.constants[id(frozen)] = ConstantMemory(frozen.name, frozen.value)
        return found

    # global memory

    def load_global(self, a: GlobalArray, site: Site, m: Mask, *index: Value) -> Value:
        """One element for each lane."""
        flat, inside = self.locate(a, site, m, index)
        if inside is None:
            return a.zero
        if self.analyze:
            self.observe_load(a, site, flat, inside)
        return self.fetch(a, flat)

    def observe_load(self, a: GlobalArray, site: Site, flat: Any, m: Mask, vector: int = 1) -> None:
        """Everything that the analysis wants to know of a load."""
        self.count_global(a, site, flat, m, vector)
        whole = m is self.m0 and self.full
        for place in range(vector):
            a.footprint.mark(flat + place, None if whole else m, self.width)
            if a.stored:
                a.ownership.load(site, flat + place, m)

    def fetch(self, a: GlobalArray | ConstantMemory, flat: Any) -> Value:
        """The elements themselves; integers as int64."""
        if type(flat) is int:
            value = a.data[flat]
            return int(value) if a.whole else value
        found = a.data.take(flat)
        return found.astype(np.int64) if a.whole else found

    def store_global(
        self, a: GlobalArray, site: Site, m: Mask, value: Value, *index: Value
    ) -> None:
        """One element from each active lane."""
        flat, inside = self.locate(a, site, m, index)
        if inside is None:
            return
        if self.analyze:
            self.count_global(a, site, flat, inside)
            a.ownership.store(site, flat, inside)
        self.put(a, flat, inside, value)

    def put(self, a: GlobalArray, flat: Any, m: Mask, value: Value) -> None:
        """Write the elements of active lanes; of several lanes the last wins."""
        if m is self.m0 and self.full and type(flat) is not int and flat.shape[1] > 1:
            a.data[flat] = value if flat.shape[0] == self.blocks else self.over_lanes(value)[-1:]
            return
        where = self.over_lanes(m)
        places = self.over_lanes(flat)[where]
        a.data[places] = self.over_lanes(value)[where] if type(value) is np.ndarray else value

    def load_constant(self, a: ConstantMemory, site: Site, m: Mask, *index: Value) -> Value:
        """One element of constant memory for each lane."""
        flat, inside = self.locate(a, site, m, index)
        return a.zero if inside is None else self.fetch(a, flat)

    # shared memory

    def load_shared(self, a: SharedArray, site: Site, m: Mask, *index: Value) -> Value:
        """One element of the block's array for each lane."""
        flat, inside = self.locate(a, site, m, index)
        if inside is None:
            return a.zero
        if self.analyze:
            self.count_shared(a, site, flat, inside)
            a.shadow.note("load", site, flat, inside)
        if type(flat) is int:
            found = a.data[:, flat : flat + 1].copy()
        elif flat.shape[0] == 1 and flat.shape[1] > 1:
            found = a.data.take(flat[0], axis=1)
        else:
            found = a.flat.take(flat + a.offsets)
        return found.astype(np.int64) if a.whole else found

    def store_shared(
        self, a: SharedArray, site: Site, m: Mask, value: Value, *index: Value
    ) -> None:
        """One element of the block's array from each active lane."""
        flat, inside = self.locate(a, site, m, index)
        if inside is None:
            return
        if self.analyze:
            self.count_shared(a, site, flat, inside)
            a.shadow.note("store", site, flat, inside)
        varies = type(value) is np.ndarray
        wide = type(flat) is not int and flat.shape == (1, self.width)
        if wide and inside is self.m0 and self.full:
            a.data[:, flat[0]] = value
        elif wide and inside.shape[0] == 1:
            lanes = np.flatnonzero(inside[0])
            if varies and value.shape[1] > 1:
                value = value[:, lanes]
            a.data[:, flat[0, lanes]] = value
        else:
            where = self.over_lanes(inside)
            places = self.over_lanes(flat + a.offsets)[where]
            a.flat[places] = self.over_lanes(value)[where] if varies else value

    # local memory

    def load_local(self, a: LocalArray, site: Site, m: Mask, *index: Value) -> Value:
        """One element of each lane's own array."""
        flat, inside = self.locate(a, site, m, index)
        if inside is None:
            return a.zero
        if a.dense is None:
            if type(flat) is int:
                return a.registers[flat]
            a.spread(self.blocks, self.width)
        assert a.dense is not None
        if type(flat) is int:
            return a.dense[flat].copy()
        return a.dense[self.over_lanes(flat), self.row, self.tid]

    def store_local(self, a: LocalArray, site: Site, m: Mask, value: Value, *index: Value) -> None:
        """One element of each active lane's own array."""
        flat, inside = self.locate(a, site, m, index)
        if inside is None:
            return
        if a.dense is None and type(flat) is int:
            keep = a.registers[flat]
            a.registers[flat] = value if inside is self.m0 else self.merge(keep, value, inside)
            return
        dense = a.spread(self.blocks, self.width)
        where = self.over_lanes(inside)
        rows, lanes = np.nonzero(where)
        places = flat if type(flat) is int else self.over_lanes(flat)[where]
        dense[places, rows, lanes] = (
            self.over_lanes(value)[where] if type(value) is np.ndarray else value
        )

    def unwritten(self, a: GlobalArray, line: int | None) -> None:
        """Report the first element of an output that no thread stored."""
        if a.dropped or not a.size:
            return
        missing = np.flatnonzero(a.ownership.unwritten())
        if not len(missing):
            return
        first = int(missing[0])
        self.findings.add(
            Finding(
                "unwritten-output",
                line,
                f"{len(missing)} of {a.size} elements of {a.name} are never stored, the first is "
                f"{a.place_of(first)}. Check the grid, the index and the guard.",
                array=a.name,
                count=len(missing),
            )
        )

"""Loads and stores: where each lane's element lies, what the request costs, what comes back."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from .errors import Unsupported
from .findings import Finding
from .lanes import WARP, Lanes, Mask, Value
from .memory import ConstantMemory, DeviceArray, GlobalArray, LocalArray, SharedArray, poison
from .patterns import Pattern, sectors, wavefronts
from .shadow import SharedShadow
from .sites import Counter, Site
from .typed import Declaration

REMEMBERED = 2048  # lanes up to which a pattern of addresses is looked up instead of counted
PATTERNS = 512  # patterns that a place remembers
DYNAMIC_LIMIT = 232448  # bytes of shared memory a block can ask for on the largest GPUs


class Access(Lanes):
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

    # addresses

    def locate(
        self, a: DeviceArray, site: Site, m: Mask, index: tuple[Value, ...]
    ) -> tuple[Any, Mask | None]:
        """Element numbers, and the lanes whose index is inside; None where there is none.

        The numbers are an int or an array that broadcasts to (blocks, width), inside the array for
        every lane, active or not.
        """
        if site.array is not a:
            site.bind(a)
        fixed, moving = 0, None
        for axis in range(a.ndim):
            i, extent, stride = index[axis], a.shape[axis], a.strides[axis]
            if type(i) is not np.ndarray:
                if not 0 <= i < extent:
                    return self._outside(a, site, m, index)
                fixed += i * stride
                continue
            if site.indices[axis] is i:
                product = site.products[axis]
            else:
                if not i.size or int(i.view(np.uint64).max()) >= extent:
                    return self._outside(a, site, m, index)
                product = i if stride == 1 else i * stride
                site.indices[axis], site.products[axis] = i, product
            moving = product if moving is None else moving + product
        if moving is None:
            return fixed, m
        return (moving + fixed if fixed else moving), m

    def _outside(
        self, a: DeviceArray, site: Site, m: Mask, index: tuple[Value, ...]
    ) -> tuple[Any, Mask | None]:
        """Some lane's index lies outside: report active ones and drop their accesses."""
        wrong: Any = np.zeros((1, 1), bool)
        for i, extent in zip(index, a.shape, strict=True):
            wrong = wrong | ((np.asarray(i) < 0) | (np.asarray(i) >= extent))
        active = wrong & m
        flat: Any = 0
        for i, stride in zip(index, a.strides, strict=True):
            flat = flat + np.where(wrong, 0, i) * stride
        if not active.any():
            return flat, m
        op = site.place.op
        a.dropped = a.dropped or op != "load"
        if not self.findings.seen("out-of-bounds", site.place.line):
            row, thread = divmod(int(np.argmax(self.over_lanes(active))), self.width)
            shown = [int(self.over_lanes(i)[row, thread]) for i in index]
            axis = next(k for k, i in enumerate(shown) if not 0 <= i < a.shape[k])
            why = "A negative index is not the end of the array" if shown[axis] < 0 else "Guard it"
            self.find(
                "out-of-bounds",
                site,
                row,
                thread,
                f"{op} of {a.name}[{', '.join(map(str, shown))}], outside of shape "
                f"{a.shape}. {why}: compare with the shape before the access.",
                array=a.name,
            )
        inside = m & ~wrong
        return flat, (inside if inside.any() else None)

    def rows_of(self, flat: Any, m: Mask) -> int:
        """Rows that stand for the batch: 1 where all blocks do the same."""
        if type(flat) is int:
            return int(m.shape[0])
        return int(max(flat.shape[0], m.shape[0]))

    # what a request costs

    def _pattern(
        self,
        count: Any,
        a: DeviceArray,
        counter: Counter,
        site: Site,
        flat: Any,
        m: Mask,
        unit: int,
    ) -> Pattern:
        """Count the requests of one access by `sectors` or `wavefronts`.

        Patterns that repeat, shifted by whole units, are counted once.
        """
        rows = self.rows_of(flat, m)
        times = self.blocks // rows
        whole = m is self.m0 and self.full
        size = counter.itemsize
        key: Any = None
        if rows * self.width <= REMEMBERED:
            first = int(flat[0, 0])
            low = first - first % unit
            key = (flat.shape, (flat - low).tobytes(), None if whole else m.tobytes(), size)
            known: Pattern | None = site.patterns.get(key)
            if known is not None:
                return known
        shape = (rows, self.width)
        address = np.broadcast_to(flat, shape).reshape(-1, WARP) * a.itemsize + a.base
        mask = None if whole else np.broadcast_to(m, shape).reshape(-1, WARP)
        one: Pattern = count(address, mask, size)
        found = Pattern(
            one.requests * times, one.lanes * times, one.cost * times, one.ideal * times, one.worst
        )
        if key is not None:
            if len(site.patterns) >= PATTERNS:
                site.patterns.clear()
            site.patterns[key] = found
        return found

    def count_global(self, a: GlobalArray, site: Site, flat: Any, m: Mask, vector: int = 1) -> None:
        """Requests, lanes and sectors of one access to global memory."""
        counter = site.counter
        assert counter is not None
        if type(flat) is int or flat.shape[1] == 1:
            lanes, warps = self.count(m)
            counter.requests += warps
            counter.lanes += lanes * vector
            counter.sectors += warps
            counter.ideal += warps
            return
        found = self._pattern(sectors, a, counter, site, flat, m, max(1, 32 // a.itemsize))
        counter.requests += found.requests
        counter.lanes += found.lanes * vector
        counter.sectors += found.cost
        counter.ideal += found.ideal
        counter.worst = max(counter.worst, found.worst)

    def count_shared(self, a: SharedArray, site: Site, flat: Any, m: Mask) -> None:
        """Requests and wavefronts of one access to shared memory."""
        counter = site.counter
        assert counter is not None
        if type(flat) is int or flat.shape[1] == 1:
            lanes, warps = self.count(m)
            counter.requests += warps
            counter.lanes += lanes
            counter.wavefronts += warps
            counter.ideal_wavefronts += warps
            return
        found = self._pattern(wavefronts, a, counter, site, flat, m, 1)
        counter.requests += found.requests
        counter.lanes += found.lanes
        counter.wavefronts += found.cost
        counter.ideal_wavefronts += found.ideal
        counter.worst = max(counter.worst, found.worst)

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

    # four neighbours at once

    def load4(self, m: Mask, site: Site, a: Any, first: Value) -> tuple[Value, ...]:
        """Four neighbouring elements in one request of 16 bytes a lane."""
        inside = self._four(a, site, m, first)
        if inside is None:
            return (a.zero,) * 4
        flat, lanes = inside
        self._observe4("load", a, site, flat, lanes)
        if isinstance(a, SharedArray):
            found = [a.flat.take(flat + place + a.offsets) for place in range(4)]
        else:
            found = [self.fetch(a, flat + place) for place in range(4)]
        return tuple(found)

    def store4(self, m: Mask, site: Site, a: Any, first: Value, *values: Value) -> None:
        """Four neighbouring elements in one request of 16 bytes a lane."""
        inside = self._four(a, site, m, first)
        if inside is None:
            return
        flat, lanes = inside
        self._observe4("store", a, site, flat, lanes)
        for place, value in enumerate(values):
            if isinstance(a, SharedArray):
                where = self.over_lanes(lanes)
                a.flat[self.over_lanes(flat + place + a.offsets)[where]] = self.over_lanes(value)[
                    where
                ]
            else:
                self.put(a, flat + place, lanes, value)

    def _observe4(self, op: str, a: Any, site: Site, flat: Any, m: Mask) -> None:
        if not self.analyze:
            return
        assert site.counter is not None
        site.counter.itemsize = 4 * a.itemsize
        if isinstance(a, SharedArray):
            self.count_shared(a, site, flat, m)
            for place in range(4):
                a.shadow.note(op, site, flat + place, m)
        elif op == "load":
            self.observe_load(a, site, flat, m, vector=4)
        else:
            self.count_global(a, site, flat, m, 4)
            for place in range(4):
                a.ownership.store(site, flat + place, m)
        site.counter.itemsize = a.itemsize

    def _four(self, a: Any, site: Site, m: Mask, first: Value) -> tuple[Any, Mask] | None:
        if not isinstance(a, GlobalArray | SharedArray):
            raise Unsupported(site.place.line, f"four elements of {a.space} memory at once")
        first = np.asarray(first).reshape(1, 1) if type(first) is not np.ndarray else first
        _, inside = self.locate(a, site, m, (first + 3,))
        if inside is not None:
            flat, inside = self.locate(a, site, inside, (first,))
        if inside is None:
            return None
        askew = inside & (flat % 4 != 0)
        if askew.any():
            row, thread = divmod(int(np.argmax(self.over_lanes(askew))), self.width)
            at = int(self.over_lanes(flat)[row, thread])
            self.find(
                "out-of-bounds",
                site,
                row,
                thread,
                f"four elements from {a.place_of(at)} do not lie on a boundary of 16 bytes. "
                "Make the index a multiple of 4.",
                array=a.name,
            )
        return np.where(flat + 3 < a.size, flat, 0), inside

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

    @staticmethod
    def poisoned(dtype: np.dtype[Any]) -> Any:
        """What an undefined value looks like."""
        return poison(dtype)

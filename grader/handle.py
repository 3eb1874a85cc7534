"""A handle: the trusted side's name for an object that stays in the worker.

Attributes, calls, indexing and arithmetic on it are calls over the wire. It has no truth value, no
length, no equality and no array form, so nothing that lives in the worker can lie to an assertion:
values are compared only after `student.fetch`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from .student import Student

_BINARY = ("add", "sub", "mul", "truediv", "pow", "matmul", "floordiv", "mod")
_UNARY = ("neg", "pos", "abs")


class Handle:
    """An object of the worker; made by `Student`, never by hand."""

    __slots__ = ("_number", "_student")

    def __init__(self, student: Student, number: int) -> None:
        object.__setattr__(self, "_student", student)
        object.__setattr__(self, "_number", number)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._student.request("attribute", target=self, name=name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._student.request("assign", target=self, name=name, value=value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._student.request("call", target=self, args=args, kwargs=kwargs)

    def __getitem__(self, key: Any) -> Any:
        return self._student.request("operator", name="getitem", args=(self, _index(key)))

    def __del__(self) -> None:
        self._student.forget(self._number)

    def __repr__(self) -> str:
        return f"<handle {self._number}>"

    def _refuse(self, *args: Any) -> NoReturn:
        raise TypeError("an object in the worker cannot be compared; fetch its value first")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __bool__ = __len__ = __iter__ = __array__ = __float__ = __int__ = _refuse
    __contains__ = __index__ = _refuse
    __hash__ = None  # type: ignore[assignment]
    # Arrays on the left must hand the operation over, instead of asking for an array of handles.
    __array_ufunc__ = None


def _index(key: Any) -> Any:
    """Slices do not travel; the suites index with integers, arrays and tuples of them."""
    if isinstance(key, slice):
        raise TypeError("slices of handles do not travel; slice in a probe")
    return key


def _binary(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward(self: Handle, other: Any) -> Any:
        return self._student.request("operator", name=name, args=(self, other))

    def reflected(self: Handle, other: Any) -> Any:
        return self._student.request("operator", name=name, args=(other, self))

    return forward, reflected


def _unary(name: str) -> Callable[[Handle], Any]:
    return lambda self: self._student.request("operator", name=name, args=(self,))


for _name in _BINARY:
    _forward, _reflected = _binary(_name)
    setattr(Handle, f"__{_name}__", _forward)
    setattr(Handle, f"__r{_name}__", _reflected)
for _name in _UNARY:
    setattr(Handle, f"__{_name}__", _unary(_name))

"""The learner's module as a suite sees it: calls travel to the worker, only plain data comes back."""

from __future__ import annotations

import builtins
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .errors import ProtocolError, WorkerCrashed, WorkerError, WorkerMemory, WorkerTimeout
from .handle import Handle
from .wire.codec import Callback, CodecError, Remote
from .wire.frames import FrameEnd, FrameError, FrameTimeout

if TYPE_CHECKING:
    from .spares import Worker

_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
    # Half characters cannot be written to a file; marks of direction make lines lie.
    r"|[\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


MAX_TEXT = 2000  # of each message and traceback of the learner's code
MAX_WARNINGS = 50


class StudentError(WorkerError):
    """An exception raised by the learner's code.

    The instance is also of the built-in type it had there (`isinstance(error, ValueError)`), or of
    the nearest built-in above it.
    """

    type_name = "Exception"
    text = ""
    traceback = ""

    def __str__(self) -> str:
        return f"{self.type_name}: {self.text}".rstrip(": ")


class StudentTypeError(WorkerError):
    """A value was asked for that is no exact array and no plain value."""


class CallLimits(Protocol):
    """Deadlines in seconds: for the import of the file, and for each call."""

    @property
    def import_s(self) -> float: ...
    @property
    def call_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Invoked:
    """A call whose arguments were read back: the result, their values after it, which are it."""

    result: Any
    read: tuple[Any, ...]
    same: tuple[bool, ...]


class Student:
    """A learner's file loaded in a worker.

    Args:
        worker: a fresh worker; this object owns it from now on.
        source: the bytes of the file, sent as data and parsed there only.
        filename: its name, which tracebacks show.

    Raises:
        WorkerError: the file cannot be imported.
    """

    def __init__(self, worker: Worker, source: bytes, filename: str, *, limits: CallLimits) -> None:
        self.worker = worker
        self.warnings: list[tuple[str, str]] = []
        self.on_call: Callable[[str, tuple[Any, ...], dict[str, Any]], None] | None = None
        self._limits = limits
        self._filename = filename
        self._garbage: list[int] = []
        self._callbacks: list[Callable[..., Any]] = []
        self._dead: WorkerError | None = None
        self._logged = 0
        try:
            self.request("load", timeout_s=limits.import_s, filename=filename, source=source)
        except BaseException:
            self.close()
            raise

    # ---- what suites use --------------------------------------------------------------------------
    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        def export(*args: Any, **kwargs: Any) -> Any:
            return self.call(name, *args, **kwargs)

        return export

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call the export `name`; plain results come by value, other objects as handles."""
        return self._tell(name, args, kwargs, ())["value"]

    def invoke(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any] | None = None,
        *,
        read: tuple[int, ...] = (),
    ) -> Invoked:
        """Call `name` and read the arguments at the places `read` back in the same exchange."""
        reply = self._tell(name, args, kwargs or {}, read)
        values, same = reply.get("read", []), reply.get("same", [])
        for found in (values, same):
            if type(found) is not list or builtins.len(found) != builtins.len(read):
                self._end(ProtocolError("an answer lacks the arguments that were asked back."))
        return Invoked(reply["value"], tuple(values), tuple(entry is True for entry in same))

    def _tell(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], read: tuple[int, ...]
    ) -> dict[str, Any]:
        if self.on_call is not None:
            self.on_call(name, args, kwargs)
        # What is empty need not travel: most calls have neither keywords nor arguments to read back.
        fields: dict[str, Any] = {"args": args, "kwargs": kwargs, "read": read}
        return self.exchange("call", target=name, **{key: v for key, v in fields.items() if v})

    def put(self, value: Any) -> Handle:
        """Copy `value` into the worker and keep it there."""
        handle = self.request("put", value=value)
        assert isinstance(handle, Handle)
        return handle

    def fetch(self, value: Any) -> Any:
        """The value of a handle: an exact array, a plain value, or a generator's copy.

        Raises:
            StudentTypeError: the object is anything else.
        """
        if not isinstance(value, Handle):
            return value
        return self._by_value("fetch", target=value)

    def len(self, value: Any) -> int:
        """`len` of an object in the worker."""
        return (
            builtins.len(value)
            if not isinstance(value, Handle)
            else int(self.request("len", target=value))
        )

    def iter(self, value: Any) -> list[Any]:
        """The entries of an object in the worker."""
        found = list(value) if not isinstance(value, Handle) else self.request("iter", target=value)
        if type(found) is not list:
            raise StudentTypeError("expected an object with few enough entries to list them.")
        return found

    def type_name(self, value: Any) -> str:
        """The name of the type of a value or handle (what the worker says of itself)."""
        if not isinstance(value, Handle):
            return type(value).__name__
        return clean(str(self.request("type", target=value)))[:80]

    def isinstance(self, value: Any, name: str) -> bool:
        """Whether the object is an instance of the export `name` (what the worker says)."""
        return self.request("isinstance", target=value, name=name) is True

    def has(self, name: str) -> bool:
        """Whether the learner's module defines `name`."""
        return self.request("has", name=name) is True

    def probe(self, source: str, /, **inputs: Any) -> Any:
        """Run `def probe(module, **inputs)` of `source` in the worker; plain data comes back.

        The text is public and runs beside the learner's code: it must hold no expected value.
        """
        return self._by_value("probe", source=source, inputs=inputs)

    def _by_value(self, op: str, **fields: Any) -> Any:
        try:
            return self.request(op, **fields)
        except StudentError as error:
            if error.type_name != "CodecError":
                raise
            found = error.text or "something else"
        raise StudentTypeError(f"your code returned {found}; expected an array or a plain value.")

    def output(self) -> str:
        """What the learner's code printed since this was last asked, without control sequences."""
        log = self.worker.box.log()
        text = log[self._logged :].decode(errors="replace")
        self._logged = builtins.len(log)
        return clean(text)

    @property
    def alive(self) -> bool:
        """Whether the worker can still be asked."""
        return self._dead is None

    def close(self) -> None:
        """End the worker."""
        if self._dead is None:
            self._dead = WorkerCrashed("the worker was closed.")
        self.worker.close()

    def forget(self, number: int) -> None:
        """Let the worker drop the object `number` with the next request."""
        self._garbage.append(number)

    # ---- the exchange -----------------------------------------------------------------------------
    def request(self, op: str, *, timeout_s: float | None = None, **fields: Any) -> Any:
        """Ask for one operation of `worker/serve.py` and return the value of the answer."""
        return self.exchange(op, timeout_s=timeout_s, **fields)["value"]

    def exchange(self, op: str, *, timeout_s: float | None = None, **fields: Any) -> dict[str, Any]:
        """One request and its answer; every deviation ends the worker.

        Raises:
            WorkerError: what the worker did instead.
        """
        if self._dead is not None:
            raise self._dead
        limit = self._limits.call_s if timeout_s is None else timeout_s
        deadline = time.monotonic() + limit
        channel = self.worker.channel
        if channel.pending():
            self._end(ProtocolError("bytes came from the worker that nobody asked for."))
        call_id = secrets.randbits(52)
        outer, self._callbacks = self._callbacks, []
        message = {key: self._outgoing(value) for key, value in fields.items()}
        message |= {"id": call_id, "op": op}
        if self._garbage:
            message["free"], self._garbage = self._garbage, []
        try:
            channel.send(message, deadline)
            while True:
                reply = channel.receive(deadline, remote=self._handle)
                if type(reply.get("id")) is not int or reply["id"] != call_id:
                    raise FrameError("an answer to a call that nobody made")
                if "callback" not in reply:
                    break
                self._call_back(reply, call_id, deadline)
        except FrameTimeout:
            self._end(WorkerTimeout(f"no answer within {limit:g} s."))
        except FrameEnd:
            self._end(self._cause_of_death())
        except FrameError as error:
            self._end(ProtocolError(f"{error}."))
        except CodecError:
            raise  # a value of the check's own, before anything was sent
        except BaseException:
            # Broken off in the middle (by a key, say): what comes next on the wire is unknown.
            self._end(WorkerCrashed("a call was broken off."), quiet=True)
            raise
        finally:
            self._callbacks = outer
        self.warnings = _warnings(reply.get("warnings"))
        if "error" in reply:
            raise _student_error(reply)
        if "value" not in reply:
            self._end(ProtocolError("an answer without a value."))
        return reply

    def _call_back(self, reply: dict[str, Any], call_id: int, deadline: float) -> None:
        number, args, kwargs = reply["callback"], reply.get("args"), reply.get("kwargs")
        if (
            type(number) is not int
            or not 0 <= number < builtins.len(self._callbacks)
            or type(args) is not tuple
            or type(kwargs) is not dict
            or not all(type(key) is str for key in kwargs)
        ):
            raise FrameError("a callback that was never passed")
        try:
            value = self._callbacks[number](*args, **kwargs)
            self.worker.channel.send({"id": call_id, "value": self._outgoing(value)}, deadline)
        except (FrameEnd, FrameTimeout):
            raise
        except BaseException:
            self.worker.channel.send({"id": call_id, "failed": True}, deadline)
            self._end(
                WorkerCrashed("a function of the check failed while it was called back."),
                quiet=True,
            )
            raise

    def _handle(self, number: int) -> Handle:
        return Handle(self, number)

    def _outgoing(self, value: Any) -> Any:
        """`value` with handles and functions replaced by what stands for them on the wire."""
        kind = type(value)
        if kind is Handle:
            return Remote(value._number)
        if kind is tuple:
            return tuple([self._outgoing(part) for part in value])
        if kind is list:
            return [self._outgoing(part) for part in value]
        if kind is dict:
            return {key: self._outgoing(part) for key, part in value.items()}
        if callable(value) and kind is not np.random.Generator:
            self._callbacks.append(value)
            return Callback(builtins.len(self._callbacks) - 1)
        return value

    def _end(self, error: WorkerError, *, quiet: bool = False) -> None:
        self._dead = error
        self.worker.close()
        if not quiet:
            raise error

    def _cause_of_death(self) -> WorkerError:
        ending = self.worker.box.ending_soon()
        if ending == "memory":
            return WorkerMemory("your code used more memory than this stage allows.")
        if ending == "wall":
            return WorkerTimeout("the time for the whole suite is used up.")
        if ending == "output":
            return WorkerCrashed("your code printed more than this stage allows.")
        return WorkerCrashed("the Python process that ran your code ended in the middle of a call.")


def clean(text: str) -> str:
    """`text` without what controls a terminal or the direction of writing; tabs and lines stay."""
    return _CONTROL.sub("", text)


def _text(found: Any) -> str:
    """What the worker says in words, made harmless; nothing if it is no text."""
    return clean(found[:MAX_TEXT]) if type(found) is str else ""


def _warnings(found: Any) -> list[tuple[str, str]]:
    if not isinstance(found, list):
        return []
    return [
        (_text(entry[0]), _text(entry[1]))
        for entry in found[:MAX_WARNINGS]
        if type(entry) is list and len(entry) == 2
    ]


def _student_error(reply: dict[str, Any]) -> StudentError:
    names = (
        [name for name in reply["error"] if isinstance(name, str)]
        if isinstance(reply["error"], list)
        else []
    )
    kind = next((found for name in names if (found := _mapped(name)) is not None), StudentError)
    error = kind()
    error.type_name = clean(names[0])[:80] if names else "Exception"
    error.text = _text(reply.get("text"))
    error.traceback = _text(reply.get("traceback"))
    return error


@cache
def _mapped(name: str) -> type[StudentError] | None:
    """StudentError and the built-in exception `name` in one class, if there is such an exception."""
    kind = getattr(builtins, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return None
    if issubclass(kind, UnicodeError) and kind is not UnicodeError:
        return None  # needs five arguments; its base, UnicodeError, comes next
    return type(f"Student{name}", (StudentError, kind), {})


__all__ = [
    "Handle",
    "Invoked",
    "Student",
    "StudentError",
    "StudentTypeError",
    "clean",
]

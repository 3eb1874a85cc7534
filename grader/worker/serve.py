"""What a worker can be asked: load, call, attributes, operators, probes, and reading values back."""

from __future__ import annotations

import importlib.util
import operator
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from failure import describe
from wire.codec import DTYPES, MAX_DEPTH, CodecError, Remote, encode
from wire.frames import Channel, FrameEnd

MAX_WARNINGS = 50
SEE_ALL = [("always", None, Warning, None, 0)]  # the filters after `simplefilter("always")`


class Server:
    """Objects of one learner and the requests about them."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._objects: dict[int, Any] = {}
        self._next = 1
        self._module: Any = None
        self._path = ""
        self._call_id = 0
        self._operations: dict[str, Callable[..., Any]] = {
            "load": self._load,
            "call": self._call,
            "attribute": lambda target, name: getattr(target, name),
            "assign": lambda target, name, value: setattr(target, name, value),
            "operator": lambda name, args: getattr(operator, name)(*args),
            "put": lambda value: _Kept(value),
            "fetch": lambda target: _Plain(target),
            "len": lambda target: len(target),
            "iter": lambda target: list(target),
            "type": lambda target: type(target).__name__,
            "isinstance": lambda target, name: isinstance(target, getattr(self._module, name)),
            "same": lambda a, b: a is b,
            "has": lambda name: hasattr(self._module, name),
            "probe": self._probe,
            "nothing": lambda: None,
        }

    def answer(self) -> None:
        """Serve one request."""
        self._serve(self._receive())

    def _serve(self, request: dict[str, Any]) -> None:
        outer, self._call_id = self._call_id, request.pop("id")
        hears = warnings.showwarning
        for number in request.pop("free", ()):
            self._objects.pop(number, None)
        work = self._operations[request.pop("op")]
        # Whatever the learner's code did to the filters, each call begins with all of them seen.
        caught: list[list[str]] = []
        if warnings.filters != SEE_ALL:
            warnings.resetwarnings()
            warnings.simplefilter("always")
        warnings.showwarning = _recorder(caught)
        result = None
        try:
            result = work(**request)
            reply = self._reply(result)
        except FrameEnd:
            raise
        except BaseException as error:  # SystemExit too: an exception is an answer
            reply = describe(error, self._path)
        if caught:
            reply["warnings"] = caught
        _flush()
        try:
            self._channel.send({"id": self._call_id, **reply})
        except CodecError as error:  # nested too deep, or too large as a whole
            self._channel.send({"id": self._call_id, **self._without_values(result, error)})
        self._call_id, warnings.showwarning = outer, hears

    def _receive(self) -> dict[str, Any]:
        request: dict[str, Any] = self._channel.receive(
            remote=self._objects.__getitem__, callback=self._stand_in
        )
        return request

    # ---- operations -------------------------------------------------------------------------------
    def _load(self, filename: str, source: bytes) -> None:
        self._path = os.path.join(os.getcwd(), filename)
        with open(self._path, "wb") as file:
            file.write(source)
        name = filename.removesuffix(".py")
        spec = importlib.util.spec_from_file_location(name, self._path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = self._module = module
        spec.loader.exec_module(module)

    def _call(
        self,
        target: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        read: tuple[int, ...] = (),
    ) -> Any:
        function = getattr(self._module, target) if type(target) is str else target
        result = function(*args, **kwargs) if kwargs else function(*args)
        if not read:
            return result
        return _Read(result, [args[place] for place in read], [result is args[p] for p in read])

    def _probe(self, source: str, inputs: dict[str, Any]) -> Any:
        space: dict[str, Any] = {}
        exec(compile(source, "<probe>", "exec"), space)
        return _Plain(space["probe"](self._module, **inputs))

    # ---- answers ----------------------------------------------------------------------------------
    def _reply(self, result: Any) -> dict[str, Any]:
        kind = type(result)
        if kind is _Plain:
            encode(result.value, [])  # what does not travel is an error of this call, not the end
            return {"value": result.value}
        if kind is _Kept:
            return {"value": Remote(self._keep(result.value))}
        if kind is _Read:
            return {
                "value": self._travel(result.value),
                "read": [self._travel(value) for value in result.read],
                "same": result.same,
            }
        return {"value": self._travel(result)}

    def _without_values(self, result: Any, error: CodecError) -> dict[str, Any]:
        """The reply that leaves all objects here because they could not be sent."""
        kind = type(result)
        if kind is _Plain:
            refusal: dict[str, Any] = describe(error, self._path)
            return refusal
        if kind is _Read:
            kept = [self._remote(value) for value in result.read]
            return {"value": self._remote(result.value), "read": kept, "same": result.same}
        return {"value": self._remote(result)}

    def _travel(self, value: Any, depth: int = 0) -> Any:
        """`value` if it travels, else a handle; a list of objects becomes a list of handles."""
        kind = type(value)
        if value is None or kind in (bool, int, float, str):
            return value if kind is not int or value.bit_length() < 4000 else self._remote(value)
        if kind is np.ndarray and value.dtype.str in DTYPES:
            return value
        if kind in (list, tuple) and len(value) <= 10_000:
            if depth > MAX_DEPTH:
                return self._remote(value)
            return kind([self._travel(part, depth + 1) for part in value])
        try:
            encode(value, [])
        except (CodecError, TypeError, ValueError, RecursionError):
            return self._remote(value)
        return value

    def _remote(self, value: Any) -> Remote:
        return Remote(self._keep(value))

    def _keep(self, value: Any) -> int:
        number, self._next = self._next, self._next + 1
        self._objects[number] = value
        return number

    def _stand_in(self, number: int) -> Callable[..., Any]:
        """A function that asks the trusted side's function `number` while this call is open."""

        def call_back(*args: Any, **kwargs: Any) -> Any:
            _flush()
            self._channel.send(
                {
                    "id": self._call_id,
                    "callback": number,
                    "args": tuple(self._travel(value) for value in args),
                    "kwargs": {key: self._travel(value) for key, value in kwargs.items()},
                }
            )
            answer = self._receive()
            while "op" in answer:  # it asks about objects of ours before it answers
                self._serve(answer)
                answer = self._receive()
            if "value" not in answer:
                raise RuntimeError("the function that was passed in failed")
            return answer["value"]

        return call_back


class _Plain:
    """A value that must travel by value."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Kept(_Plain):
    """A value that must stay here, even if it could travel."""


class _Read:
    def __init__(self, value: Any, read: list[Any], same: list[bool]) -> None:
        self.value, self.read, self.same = value, read, same


def _recorder(caught: list[list[str]]) -> Callable[..., None]:
    """What `warnings.showwarning` is while a call goes on."""

    def record(message: object, category: type[Warning], *args: object, **kwargs: object) -> None:
        if len(caught) < MAX_WARNINGS:
            caught.append([category.__name__, str(message)[:300]])

    return record


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass

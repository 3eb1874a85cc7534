"""An op: a forward function on arrays and, right below it, the rule of its gradient.

    @op
    def log(x: Array) -> Array:
        return np.log(x)

    @log.vjp
    def log_vjp(g, out, x):
        return (g / x,)

The rule (the vector-Jacobian product) gets the gradient of the output, the output, the inputs and
the parameters, and returns one gradient per input. It is written in operator algebra: on arrays it
is the backward pass, on Tensors it is recorded itself, which gives gradients of gradients. A rule
need not undo broadcasting or conversions of type; `_fitted` does that, once, for all.

Where a kernel computes the gradient faster than algebra, `@log.backward` gives a second rule for
arrays only. Where algebra would be long, `@lstm_cell.composed` defines the op by other ops instead
of a rule, and the gradient on Tensors is that of the composition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np

from . import engine, slots
from .dtypes import Array, operand, unify
from .engine import Parts
from .errors import DTypeError, GraphError, ShapeError
from .tape import Pull, mode, next_key, recorded
from .tensor import Tensor, constant

Rule = Callable[..., Any]

OPS: dict[str, Op] = {}

_new = Tensor.__new__


class Op:
    """A differentiable function, registered in `OPS`; calling it takes and returns Tensors.

    Parameters of the forward function that are annotated `Array` are inputs, to which gradients
    flow; the others are parameters. `*xs: Array` takes any number of inputs.

    Args:
        forward: from arrays to an array (or to a tuple of arrays, if `outputs`).
        name: the function's name by default.
        floats: integer inputs become float32, and inputs of different types are unified.
        residual: `forward` returns (out, residual), and `backward` gets the residual after out.
        needs: `backward` gets a last argument: one bool per input, whether its gradient is used.
        outputs: `forward` returns a tuple of arrays; g is a `Parts`. Call such an op by `many`.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        name: str | None = None,
        floats: bool = True,
        residual: bool = False,
        needs: bool = False,
        outputs: bool = False,
    ) -> None:
        self.name = name or forward.__name__
        self.forward = forward
        self.floats, self.residual, self.needs, self.outputs = floats, residual, needs, outputs
        self.__doc__ = forward.__doc__
        self._read_signature(forward)
        self.pull = Pull(self, self._missing)
        self.exact = Pull(self, self._missing)  # all inputs in the output's shape and type
        self.number = Pull(self, self._missing)  # the second input is a number
        self.rule: Rule | None = None  # the framework's own
        self.current: Rule = self._missing  # what runs: a learner's, or the framework's own
        self.fast: Rule | None = None
        self.with_number: Rule | None = None
        self.composition: Callable[..., Any] | None = None
        if self.name in OPS:
            raise ValueError(f"op: there is already an op called {self.name}.")
        OPS[self.name] = self
        slots.register(f"vjp:{self.name}", self._missing, self._fill)

    def _read_signature(self, forward: Callable[..., Any]) -> None:
        code = forward.__code__
        count = code.co_argcount
        names = code.co_varnames
        kinds = forward.__annotations__
        self.variadic = bool(code.co_flags & 4)  # CO_VARARGS
        positional = names[:count]
        self.inputs = tuple(n for n in positional if str(kinds.get(n)).startswith("Array"))
        self.params = positional[len(self.inputs) :] + names[count : count + code.co_kwonlyargcount]
        self.names = self.inputs + self.params
        defaults = forward.__defaults__ or ()
        self.defaults = dict(zip(positional[count - len(defaults) :], defaults, strict=True))
        self.defaults.update(forward.__kwdefaults__ or {})

    # What the author of an op writes.

    def vjp(self, rule: Rule) -> Rule:
        """Decorate the rule in operator algebra: `rule(g, out, *inputs, *params)`."""
        self._register(rule)
        return rule

    def backward(self, rule: Rule) -> Rule:
        """Decorate a faster rule for arrays: same arguments, results in the inputs' shapes."""
        self.fast = rule
        self._choose()
        return rule

    def by_number(self, rule: Rule) -> Rule:
        """Decorate the rule for arrays of a binary op whose second input is a Python number."""
        self.with_number = rule
        self._choose()
        return rule

    def composed(self, composition: Callable[..., Any]) -> Callable[..., Any]:
        """Decorate a definition by other ops, on Tensors, with the signature of the forward."""
        self.composition = composition
        self._register(self._composed_vjp)
        return composition

    def _register(self, rule: Rule) -> None:
        self.rule = self.current = rule
        slot = slots.find(f"vjp:{self.name}")
        slot.default = slot.current = rule
        self._choose()

    # Calls.

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        if self.variadic:
            params = tuple([kwargs.get(name, self.defaults.get(name)) for name in self.params])
            return self.apply(args, params)
        if kwargs or len(args) != len(self.names):
            args = self._bind(args, kwargs)
        count = len(self.inputs)
        return self.apply(args[:count], args[count:])

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        bound = {**self.defaults, **dict(zip(self.names, args, strict=False)), **kwargs}
        if len(args) > len(self.names) or bound.keys() != set(self.names):
            raise TypeError(f"{self.name}: the arguments are ({', '.join(self.names)}).")
        return tuple([bound[name] for name in self.names])

    def many(self, values: Sequence[Any], params: tuple[Any, ...] = ()) -> tuple[Tensor, ...]:
        """`apply` for an op with several outputs."""
        out = self.apply(values, params)
        if out._pull is None:
            return tuple(map(constant, out._data))
        return _split(out)

    def apply(self, values: Sequence[Any], params: tuple[Any, ...]) -> Tensor:
        """Run forward on `values` (Tensors, arrays, numbers, None) and record it."""
        arrays: list[Any] = []
        inputs: list[Tensor | None] = []
        recording = mode.recording
        tracked = False
        for value in values:
            if isinstance(value, Tensor):
                arrays.append(value._data)
                if recording and value.requires_grad:
                    inputs.append(value)
                    tracked = True
                    continue
            else:
                arrays.append(None if value is None else operand(value, self.name))
            inputs.append(None)
        # A single input that is tracked is a float.
        if self.floats and not (tracked and len(arrays) == 1):
            unified = unify(arrays)
            for place, node in enumerate(inputs):
                if node is not None and unified[place] is not arrays[place]:
                    # Converted by an op, so that the gradient comes back in the node's type.
                    kind = unified[place].dtype
                    node = OPS["astype"].apply((node,), (kind,))
                    return self.apply((*values[:place], node, *values[place + 1 :]), params)
            arrays = unified
        try:
            if self.variadic:
                result = self.forward(*arrays, **dict(zip(self.params, params, strict=True)))
            else:
                result = self.forward(*arrays, *params)
        except (ValueError, TypeError) as error:
            raise self._explained(error, arrays) from error
        out = _new(Tensor)
        out._grad = None
        out._key = next_key()
        out.requires_grad = tracked
        if not tracked:
            out._data = result[0] if self.residual else result
            out._pull = None
            out._inputs = out._saved = ()
            return out
        if self.residual:
            out._data = result[0]
            saved = (*result, *arrays, *params)
        else:
            out._data = result
            saved = (result, *arrays, *params)
        if self.needs:
            saved = (*saved, tuple([node is not None for node in inputs]))
        out._saved = saved
        out._inputs = tuple(inputs)
        out._pull = self.pull
        return out

    def _explained(self, error: Exception, arrays: Sequence[Any]) -> Exception:
        """NumPy's complaint with the name of the op and the shapes, unless it has them."""
        if isinstance(error, ShapeError | DTypeError):
            return error
        if isinstance(error, ValueError):
            return ShapeError(f"{self.name}: {_shapes(arrays)}: {error}")
        return DTypeError(f"{self.name}: {_types(arrays)}: {error}")

    def of(self, *args: Any, **params: Any) -> Any:
        """For rules: on Tensors the recorded op, on arrays the plain forward."""
        for value in args:
            if isinstance(value, Tensor):
                return self(*args, **params)
        result = self.forward(*args, **params)
        return result[0] if self.residual else result

    # Rules.

    def _missing(self, *saved: Any) -> Any:
        raise GraphError(
            f"{self.name}: no rule gives its gradient; define one with @{self.name}.vjp."
        )

    def _fill(self, rule: Rule) -> None:
        self.current = rule if rule is self.rule else slots.named(f"vjp:{self.name}", rule)
        self._choose()

    def _choose(self) -> None:
        """Which rule runs on arrays: a learner's is always fitted, ours only where it must be."""
        fitted = self._fitted
        if self.current is not self.rule:
            self.pull.run = self.exact.run = self.number.run = fitted
            return
        self.pull.run = self.fast or fitted
        self.exact.run = self.fast or (
            fitted if self.composition or self.rule is None else self.rule
        )
        self.number.run = self.with_number or self.exact.run

    def _call_rule(self, g: Any, out: Any, rest: tuple[Any, ...]) -> Any:
        rule = self.current
        if self.variadic:
            count = len(rest) - len(self.params)
            params = dict(zip(self.params, rest[count:], strict=True))
            return rule(g, out, *rest[:count], **params)
        return rule(g, out, *rest)

    def _fitted(self, g: Any, *saved: Any) -> tuple[Any, ...]:
        rest = self._rest(saved)
        grads = self._call_rule(g, saved[0], rest)
        inputs = rest[: len(rest) - len(self.params)]
        if len(grads) != len(inputs):
            raise GraphError(
                f"vjp:{self.name}: the rule returned {len(grads)} gradients for {len(inputs)} "
                "inputs; it must return one for each, None where there is none."
            )
        return tuple([fit(grad, x) for grad, x in zip(grads, inputs, strict=True)])

    def _rest(self, saved: tuple[Any, ...]) -> tuple[Any, ...]:
        return saved[2 if self.residual else 1 : len(saved) - self.needs]

    def on_tensors(self, node: Tensor, g: Any) -> tuple[Any, ...]:
        """The rule at `node` on Tensors, recorded: what `create_graph` runs."""
        rest = list(self._rest(node._saved))
        for place, parent in enumerate(node._inputs):
            if parent is not None:
                rest[place] = parent
            elif isinstance(rest[place], np.ndarray | np.generic):
                rest[place] = constant(rest[place])
        grads = self._call_rule(g, node, tuple(rest))
        return tuple([fit(grad, x) for grad, x in zip(grads, rest, strict=False)])

    def _composed_vjp(self, g: Any, out: Any, *rest: Any) -> tuple[Any, ...]:
        from .gradient import grad

        assert self.composition is not None
        count = len(rest) - len(self.params)
        on_arrays = not any(isinstance(value, Tensor) for value in rest[:count])
        # Fresh nodes: the gradient stops at them, and an input that depends on another one
        # does not pass its share on.
        with recorded(True):
            nodes = [None if x is None else alias(x) for x in rest[:count]]
            value = self.composition(*nodes, *rest[count:])
        wanted = [node for node in nodes if node is not None]
        if isinstance(g, Parts):
            pairs = [(v, e) for v, e in zip(value, g.entries, strict=True) if e is not None]
            value, g = [v for v, _ in pairs], [e for _, e in pairs]
        else:
            value, g = [value], [g]
        grads = iter(grad(value, wanted, g, create_graph=not on_arrays))
        results = tuple([None if node is None else next(grads) for node in nodes])
        if on_arrays:
            return tuple([None if r is None else r.data for r in results])
        return results


@overload
def op(forward: Callable[..., Any]) -> Op: ...


@overload
def op(**options: Any) -> Callable[[Callable[..., Any]], Op]: ...


def op(forward: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Make an `Op` of the decorated forward function; options are those of `Op`."""
    if forward is None:
        return lambda function: Op(function, **options)
    return Op(forward, **options)


def fit(grad: Any, x: Any) -> Any:
    """The gradient in the shape and type of its input: the one place that undoes broadcasting."""
    # np.float64 is a float too, and gets its gradient.
    if grad is None or x is None or type(x) in (int, float, bool):
        return None
    if grad.shape != x.shape:
        grad = engine.unbroadcast(grad, x.shape)
    return grad if grad.dtype == x.dtype else grad.astype(x.dtype)


def alias(x: Any) -> Tensor:
    """A node of its own with the value of x, whose gradient goes on to x if x has one."""
    if isinstance(x, Tensor) and x.requires_grad:
        node = constant(x._data)
        node.requires_grad = True
        node._pull = _IDENTITY
        node._inputs = (x,)
        return node
    node = constant(x._data if isinstance(x, Tensor) else x)
    node.requires_grad = True
    return node


class _Identity:
    name = "identity"

    @staticmethod
    def on_tensors(node: Tensor, g: Any) -> tuple[Any, ...]:
        return (g,)


_IDENTITY = Pull(_Identity(), lambda g, *saved: (g,))


class _Part:
    """Takes one output out of a bundle; its gradient is a `Parts` with one entry."""

    name = "part"

    @staticmethod
    def run(g: Any, place: int, count: int) -> tuple[Parts]:
        entries: list[Any] = [None] * count
        entries[place] = g
        return (Parts(tuple(entries)),)

    @staticmethod
    def on_tensors(node: Tensor, g: Any) -> tuple[Any, ...]:
        return _Part.run(g, *node._saved)


_PART = Pull(_Part(), _Part.run)


def _split(bundle: Tensor) -> tuple[Tensor, ...]:
    """The outputs of a recorded op that has several; `bundle` is their common node."""
    arrays = bundle._data
    outputs = []
    for place, array in enumerate(arrays):
        node = constant(array)
        node.requires_grad = True
        node._pull = _PART
        node._inputs = (bundle,)
        node._saved = (place, len(arrays))
        outputs.append(node)
    return tuple(outputs)


def _shapes(arrays: Sequence[Any]) -> str:
    return "shapes " + " and ".join(str(np.shape(a)) for a in arrays if a is not None)


def _types(arrays: Sequence[Any]) -> str:
    return "dtypes " + " and ".join(
        str(getattr(a, "dtype", type(a).__name__)) for a in arrays if a is not None
    )


__all__ = ["OPS", "Array", "Op", "Parts", "Rule", "alias", "fit", "op"]

"""Module: what it finds, in which order, and what travels in its state."""

from __future__ import annotations

import numpy as np
import pytest

from reference import Parameter, ShapeError, Tensor, nn


class Leaf(nn.Module):
    def __init__(self, value: float) -> None:
        self.weight = Parameter(np.full(2, value, np.float32))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


class Tree(nn.Module):
    """`__init__` does not call super; things are assigned in an order that is no alphabet's."""

    def __init__(self) -> None:
        self.z = Leaf(1)
        self.count = np.zeros(3, np.float32)
        self.bare = Parameter(np.full(2, 2, np.float32))
        self.leaves = [Leaf(3), Leaf(4)]
        self.pair = (Parameter(np.full(1, 5, np.float32)), "not a part")
        self.again = self.z
        self.tied = self.leaves[0].weight
        self.name = "tree"
        self.a = Leaf(6)

    def forward(self, x: Tensor, *, scale: float = 1.0) -> Tensor:
        return self.a(x) * scale


def test_parameters_come_once_in_order_of_assignment() -> None:
    assert [p.data[0] for p in Tree().parameters()] == [1, 2, 3, 4, 5, 6]
    assert [name for name, _ in Tree().named_parameters()] == [
        "z.weight",
        "bare",
        "leaves.0.weight",
        "leaves.1.weight",
        "pair.0",
        "a.weight",
    ]


def test_a_parameter_assigned_anew_is_found() -> None:
    tree = Tree()
    tree.bare = Parameter(np.full(2, 9, np.float32))

    assert [p.data[0] for p in tree.parameters()] == [1, 9, 3, 4, 5, 6]


def test_modules_begin_with_the_module_itself() -> None:
    tree = Tree()

    assert tree.modules() == [tree, tree.z, *tree.leaves, tree.a]


def test_a_module_that_knows_its_owner_does_not_loop() -> None:
    tree = Tree()
    tree.a.owner = tree

    assert len(tree.modules()) == 5
    assert len(tree.parameters()) == 6


def test_calling_is_forward_with_all_arguments() -> None:
    out = Tree()(Tensor(np.ones(2, np.float32)), scale=2.0)

    assert out.data.tolist() == [12, 12]


def test_train_and_eval_reach_every_part_and_give_the_module_back() -> None:
    tree = Tree()

    assert tree.training
    assert tree.eval() is tree and not any(part.training for part in tree.modules())
    assert tree.train() is tree and all(part.training for part in tree.modules())


def test_zero_grad_forgets() -> None:
    tree = Tree()
    tree(Tensor(np.ones(2, np.float32))).sum().backward()
    assert tree.a.weight.grad is not None

    tree.zero_grad()

    assert all(p.grad is None for p in tree.parameters())


def test_state_holds_weights_and_ndarrays() -> None:
    tree = Tree()
    state = tree.state_dict()

    assert state.keys() == {name for name, _ in tree.named_parameters()} | {"count"}
    assert all(type(value) is np.ndarray for value in state.values())


def test_state_is_a_copy() -> None:
    tree = Tree()
    state = tree.state_dict()
    tree.bare.data[:] = 7
    tree.count[:] = 7

    assert state["bare"][0] == 2 and state["count"][0] == 0


def test_loading_writes_into_the_same_arrays_and_keeps_their_dtype() -> None:
    tree = Tree()
    weight, count = tree.bare.data, tree.count
    state = {name: value.astype(np.float64) + 1 for name, value in tree.state_dict().items()}

    tree.load_state_dict(state)

    assert tree.bare.data is weight and tree.count is count
    assert weight.dtype == np.float32 and weight[0] == 3 and count[0] == 1


def test_a_state_of_another_structure_is_refused_and_changes_nothing() -> None:
    tree = Tree()
    missing = tree.state_dict()
    del missing["bare"]
    unknown = {**tree.state_dict(), "new": np.zeros(1)}
    misshapen = {**tree.state_dict(), "a.weight": np.zeros(3), "z.weight": np.zeros(2)}

    with pytest.raises(KeyError, match="bare"):
        tree.load_state_dict(missing)
    with pytest.raises(KeyError, match="new"):
        tree.load_state_dict(unknown)
    with pytest.raises(ShapeError, match=r"a.weight is \(2,\), the state has \(3,\)"):
        tree.load_state_dict(misshapen)
    assert tree.z.weight.data[0] == 1


def test_forward_that_is_missing_is_named() -> None:
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match="Empty: forward is missing"):
        Empty()(1)

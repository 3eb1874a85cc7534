"""What a duel says of its samples."""

from __future__ import annotations

from .duel import decide, shares_of_peak


def test_the_share_of_the_peak_is_taken_round_by_round() -> None:
    # The clock halves in the second round: both take twice as long, and the share stays.
    assert shares_of_peak([2.0, 4.0, 2.0], 100.0, [1.0, 2.0, 1.0], 80.0) == [0.625] * 3


def test_the_share_counts_operations() -> None:
    # 300 operations in 3 ms beside 100 in 0.5 ms: half of the peak.
    assert shares_of_peak([3.0], 300.0, [0.5], 100.0)[1] == 0.5


def test_the_quickest_form_of_a_peer_is_the_one_that_counts() -> None:
    peers = {("torch", "new"): [2.0, 2.0, 2.0], ("torch", "out="): [1.0, 1.0, 1.0]}
    found = decide("softmax", [0.5, 0.5, 0.5], peers, bar=0.4)
    assert (found["value"], found["peer_form"], found["met"]) == (0.5, "out=", False)

"""How fast a learner's code is, decided fairly on a noisy machine.

`bench.py` is what a suite uses, `protocol.py` takes samples, `decision.py` turns samples into a verdict
(and would turn them into the same one again).
"""

"""What travels between the trusted side and a worker: data, never code.

Both sides use these two modules; they import the standard library and NumPy only, and lie in the box
as public text. `codec` turns values into a JSON header and raw buffers and back; `frames` moves them
over a pair of descriptors with caps and a deadline.
"""

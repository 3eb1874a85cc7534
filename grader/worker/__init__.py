"""The learner's side of the wire: public text that holds no secret.

Everything here shares a process with code that may patch it; whatever that code does can only change
the answers of its own worker. The files are bound one by one into the box and started as
`python -I -S -B /opt/box/main.py`.
"""

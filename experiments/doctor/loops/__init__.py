"""Training loops of a user's own, healthy ones and ones with a known fault, for `jt.examine_step`.

`python -m experiments.doctor.loops` examines them all and prints what was found.
"""

"""How often the doctor is right: faults that real programs had, faults that were planted, and experiments without any.

`python -m experiments.doctor.score` examines them all and prints what was found.
"""

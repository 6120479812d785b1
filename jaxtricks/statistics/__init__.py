"""Statistics of a few paired restarts: intervals, tests, corrections and what it would take to decide.

Pure functions of NumPy arrays. They are deterministic: those that draw random numbers have their own generator.
"""

from jaxtricks.statistics.bands import Band, band
from jaxtricks.statistics.families import holm
from jaxtricks.statistics.intervals import BCA_FROM, Interval, bca_interval, interval, spread, t_interval
from jaxtricks.statistics.needed import seeds_needed
from jaxtricks.statistics.roots import linear_root
from jaxtricks.statistics.sign_flips import sign_flip_p, smallest_p

__all__ = [
    "BCA_FROM",
    "Band",
    "Interval",
    "band",
    "bca_interval",
    "holm",
    "interval",
    "linear_root",
    "seeds_needed",
    "sign_flip_p",
    "smallest_p",
    "spread",
    "t_interval",
]

"""Statistics of a few restarts: how sure a mean difference is, on these examples and on new data, what would decide, and what
the trials of a search say.

Pure functions of NumPy arrays. They are deterministic: those that draw random numbers have their own generator.
"""

from jaxtricks.statistics.bands import Band, band
from jaxtricks.statistics.best import Expected, best_difference, expected_best, expected_best_interval
from jaxtricks.statistics.corrected import corrected, nested
from jaxtricks.statistics.crossed import crossed, shared_covariance
from jaxtricks.statistics.families import holm
from jaxtricks.statistics.five_by_two import dietterich_p, five_by_two_interval, five_by_two_p, resampled_t_p
from jaxtricks.statistics.importance import Importance, PartialCurve, PartialSurface, importance
from jaxtricks.statistics.intervals import BCA_FROM, Interval, bca_interval, interval, spread, t_interval
from jaxtricks.statistics.multi_bootstrap import multi_bootstrap
from jaxtricks.statistics.needed import examples_needed, seeds_needed
from jaxtricks.statistics.noise import TrialNoise, moderated
from jaxtricks.statistics.pairing import Pairing, pairing, pairing_by_source
from jaxtricks.statistics.racing import race
from jaxtricks.statistics.roots import linear_root
from jaxtricks.statistics.shifts import (
    EffectSize,
    by_deciles,
    distance_p,
    largest_change,
    largest_distance,
    stability_index,
    standardized_difference,
)
from jaxtricks.statistics.sign_flips import sign_flip_p, smallest_p
from jaxtricks.statistics.sobol_indices import Indices, Sensitivity, sensitivity, sobol_design, worst_for_diverged
from jaxtricks.statistics.surrogate import Surrogate, surrogates
from jaxtricks.statistics.uncertainty import Uncertainty, over_restarts
from jaxtricks.statistics.winner import TrueScores, true_scores

__all__ = [
    "BCA_FROM",
    "Band",
    "EffectSize",
    "Expected",
    "Importance",
    "Indices",
    "Interval",
    "Pairing",
    "PartialCurve",
    "PartialSurface",
    "Sensitivity",
    "Surrogate",
    "TrialNoise",
    "TrueScores",
    "Uncertainty",
    "band",
    "bca_interval",
    "best_difference",
    "by_deciles",
    "corrected",
    "crossed",
    "dietterich_p",
    "distance_p",
    "examples_needed",
    "expected_best",
    "expected_best_interval",
    "five_by_two_interval",
    "five_by_two_p",
    "holm",
    "importance",
    "interval",
    "largest_change",
    "largest_distance",
    "linear_root",
    "moderated",
    "multi_bootstrap",
    "nested",
    "over_restarts",
    "pairing",
    "pairing_by_source",
    "race",
    "resampled_t_p",
    "seeds_needed",
    "sensitivity",
    "shared_covariance",
    "sign_flip_p",
    "smallest_p",
    "sobol_design",
    "spread",
    "stability_index",
    "standardized_difference",
    "surrogates",
    "t_interval",
    "true_scores",
    "worst_for_diverged",
]

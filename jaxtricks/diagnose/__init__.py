"""What is wrong with a network or an optimizer, measured."""

from jaxtricks.config.folder import import_files
from jaxtricks.diagnose.address import Address, Operand
from jaxtricks.diagnose.batch import BatchDependence, batch_dependence
from jaxtricks.diagnose.by_epoch import CurvatureByEpoch, curvature_by_epoch
from jaxtricks.diagnose.case import Case
from jaxtricks.diagnose.causes import Cause
from jaxtricks.diagnose.curvature import (
    extreme_eigenvalues,
    hessian_eigenvalues,
    hessian_spectrum,
    hessian_vector_product,
    negative_share,
)
from jaxtricks.diagnose.drifting import Drift, Shift, drift
from jaxtricks.diagnose.examination import Diagnosis, Examination, Treated
from jaxtricks.diagnose.examine_step import StepExamination
from jaxtricks.diagnose.gradients import GradientCheck, check_gradient
from jaxtricks.diagnose.lanczos import Spectrum
from jaxtricks.diagnose.noise import NoiseScale, gradient_noise_scale
from jaxtricks.diagnose.registry import SIGNS, STEP_SIGNS, Sign, sign, step_sign
from jaxtricks.diagnose.replay import Replay
from jaxtricks.diagnose.step_case import StepCase
from jaxtricks.diagnose.symptom import Symptom
from jaxtricks.diagnose.two_samples import TwoSamples, told_apart
from jaxtricks.diagnose.variance import VarianceProfile, variance_profile

for kind in ("signs", "steps"):
    import_files(f"{__name__}.{kind}", [f"{folder}/{kind}" for folder in __path__])

__all__ = [
    "SIGNS",
    "STEP_SIGNS",
    "Address",
    "BatchDependence",
    "Case",
    "Cause",
    "CurvatureByEpoch",
    "Diagnosis",
    "Drift",
    "Examination",
    "GradientCheck",
    "NoiseScale",
    "Operand",
    "Replay",
    "Shift",
    "Sign",
    "Spectrum",
    "StepCase",
    "StepExamination",
    "Symptom",
    "Treated",
    "TwoSamples",
    "VarianceProfile",
    "batch_dependence",
    "check_gradient",
    "curvature_by_epoch",
    "drift",
    "extreme_eigenvalues",
    "gradient_noise_scale",
    "hessian_eigenvalues",
    "hessian_spectrum",
    "hessian_vector_product",
    "negative_share",
    "sign",
    "step_sign",
    "told_apart",
    "variance_profile",
]


def __dir__() -> list[str]:
    return __all__

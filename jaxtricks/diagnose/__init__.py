"""What is wrong with a network or an optimizer, measured."""

from jaxtricks.diagnose.batch import BatchDependence, batch_dependence
from jaxtricks.diagnose.curvature import extreme_eigenvalues, hessian_eigenvalues, hessian_vector_product, negative_share
from jaxtricks.diagnose.gradients import GradientCheck, check_gradient
from jaxtricks.diagnose.noise import NoiseScale, gradient_noise_scale
from jaxtricks.diagnose.variance import VarianceProfile, variance_profile

__all__ = [
    "BatchDependence",
    "GradientCheck",
    "NoiseScale",
    "VarianceProfile",
    "batch_dependence",
    "check_gradient",
    "extreme_eigenvalues",
    "gradient_noise_scale",
    "hessian_eigenvalues",
    "hessian_vector_product",
    "negative_share",
    "variance_profile",
]


def __dir__() -> list[str]:
    return __all__

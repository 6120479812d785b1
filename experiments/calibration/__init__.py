"""How often verdicts err, simulated and on real images: `python -m experiments.calibration`."""

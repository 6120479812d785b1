"""How often verdicts err: false alarms, coverage, width and power, simulated and on real images. `python -m experiments.calibration`."""

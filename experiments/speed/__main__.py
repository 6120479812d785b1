"""Runs every benchmark and prints its targets: `make bench`."""

import pkgutil
import subprocess
import sys

import experiments.speed

HELPERS = {"__main__", "harness", "segments"}

for module in pkgutil.iter_modules(experiments.speed.__path__, "experiments.speed."):
    if module.name.rpartition(".")[2] not in HELPERS:
        print(f"\n{module.name}", flush=True)
        subprocess.run([sys.executable, "-m", module.name, *sys.argv[1:]], check=True)

"""Runs every benchmark and prints its targets: `make bench`."""

import pkgutil
import subprocess
import sys

import experiments.speed

for module in pkgutil.iter_modules(experiments.speed.__path__, "experiments.speed."):
    if module.name not in ("experiments.speed.__main__", "experiments.speed.harness"):
        print(f"\n{module.name}", flush=True)
        subprocess.run([sys.executable, "-m", module.name, *sys.argv[1:]], check=True)

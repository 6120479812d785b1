# make demo   the main job on real images, about a minute after installing
# make test   the whole suite, and a smoke pass under Colab's versions
# make lint   ruff and mypy
# make bench  jaxtricks beside PyTorch and Flax

PYTHON ?= python3
VENV := .venv
COLAB := .venv-colab
# Colab's TPU image of November 2026.
COLAB_PINS := jax==0.7.2 jaxlib==0.7.2 flax==0.11.2 optax==0.2.8 orbax-checkpoint==0.12.4 numpy==2.1.3
# The suite compiles without optimizations; equal bits must come with them, too.
OPTIMIZED := $(addprefix tests/engine/test_same.py::,TestBitsInOneProgram test_a_large_epoch_is_gathered_step_by_step_to_the_same_bits)

.PHONY: demo test suite test-colab lint bench clean
.DELETE_ON_ERROR:

demo: $(VENV)/.run
	$(VENV)/bin/python -m experiments.demo

test: suite test-colab

suite: $(VENV)/.test
	$(VENV)/bin/python -m pytest -n auto --dist worksteal --timeout 600
	XLA_FLAGS= JAX_DISABLE_MOST_OPTIMIZATIONS=0 $(VENV)/bin/python -m pytest $(OPTIMIZED)

test-colab: $(COLAB)/.test
	$(COLAB)/bin/python -m pytest tests/test_smoke.py

lint: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: $(VENV)/.peers
	$(VENV)/bin/python -m experiments.speed

# Debian's python3 has no ensurepip where python3-venv is missing; the system's pip then installs into the environment.
define environment
	$(PYTHON) -m venv $(1) 2>/dev/null || { rm -rf $(1); $(PYTHON) -m venv --without-pip $(1); }
endef
define install
	if [ -x $(1)/bin/pip ]; then $(1)/bin/python -m pip install -q $(2); else $(PYTHON) -m pip --python $(1)/bin/python install -q $(2); fi
endef

$(VENV)/.made:
	$(call environment,$(VENV))
	touch $@

$(VENV)/.run: pyproject.toml $(VENV)/.made
	$(call install,$(VENV),-e .)
	touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.made
	$(call install,$(VENV),-e '.[test]')
	touch $@ $(VENV)/.run

$(VENV)/.peers: $(VENV)/.test
	$(call install,$(VENV),-e '.[test$(comma)peers]')
	touch $@

$(COLAB)/.made:
	$(call environment,$(COLAB))
	touch $@

$(COLAB)/.test: pyproject.toml $(COLAB)/.made
	$(call install,$(COLAB),-e . pytest $(COLAB_PINS))
	touch $@

comma := ,

clean:
	rm -rf $(VENV) $(COLAB) runs .pytest_cache .ruff_cache .mypy_cache .hypothesis

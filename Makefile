# make demo   the main job on real images, about a minute after installing
# make test   the whole suite, and a smoke pass under Colab's versions
# make test-onnx   an exported model as ONNX, in an environment of its own
# make lint   ruff and mypy
# make bench  jaxtricks beside PyTorch and Flax
# make docs   the site, in site/; warnings are errors
# make pictures  the README's and the site's screenshots, anew, where there is Chromium
# make wheel  the wheel, tried in a clean environment

PYTHON ?= python3
VENV := .venv
COLAB := .venv-colab
CLEAN := .venv-wheel
ONNX := .venv-onnx
IMAGE := colab/constraints.txt
# The suite compiles without optimizations; equal bits must come with them, too.
OPTIMIZED := $(addprefix tests/engine/test_same.py::,TestBitsInOneProgram test_a_large_epoch_is_gathered_step_by_step_to_the_same_bits)

.PHONY: demo test suite test-colab test-onnx lint bench docs pictures wheel clean
.DELETE_ON_ERROR:

demo: $(VENV)/.run
	$(VENV)/bin/jaxtricks demo

test: suite test-colab

suite: $(VENV)/.test
	$(VENV)/bin/python -m pytest -n auto --dist worksteal --timeout 600
	XLA_FLAGS= JAX_DISABLE_MOST_OPTIMIZATIONS=0 $(VENV)/bin/python -m pytest $(OPTIMIZED)

test-colab: $(COLAB)/.test
	JAXTRICKS_IMAGE=$(IMAGE) $(COLAB)/bin/python -m pytest tests/test_image.py tests/test_smoke.py

# An exported model as ONNX, in an environment of its own: what it is made of, and how far off from the library it is.
test-onnx: $(VENV)/.run $(ONNX)/.test
	$(VENV)/bin/python docs/onnx/example.py runs/onnx
	for model in runs/onnx/*/; do $(ONNX)/bin/python docs/onnx/to_onnx.py $$model $$model/x.npy $$model/wanted.npy || exit 1; done

lint: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: $(VENV)/.peers
	$(VENV)/bin/python -m experiments.speed

docs: $(VENV)/.docs
	COLUMNS=100 JAX_PLATFORMS=cpu NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build --strict

pictures: $(VENV)/.run
	$(VENV)/bin/python docs/screenshots.py

wheel: $(VENV)/.build
	rm -rf dist $(CLEAN)
	$(VENV)/bin/python -m build
	$(call environment,$(CLEAN))
	$(call install,$(CLEAN),dist/*.whl)
	cd dist && ../$(CLEAN)/bin/jaxtricks --version && ../$(CLEAN)/bin/jaxtricks demo
	ls -l dist

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

$(VENV)/.build: pyproject.toml $(VENV)/.made
	$(call install,$(VENV),build)
	touch $@

$(VENV)/.docs: $(VENV)/.test
	$(call install,$(VENV),-e '.[docs]')
	touch $@

$(VENV)/.peers: $(VENV)/.test
	$(call install,$(VENV),-e '.[test$(comma)peers]')
	touch $@

$(COLAB)/.made:
	$(call environment,$(COLAB))
	touch $@

# First what the image has, then the package as a user of the image installs it: pip is free to replace what does not suit it.
$(COLAB)/.test: pyproject.toml $(IMAGE) $(COLAB)/.made
	$(call install,$(COLAB),-r $(IMAGE))
	$(call install,$(COLAB),-e . pytest)
	touch $@

$(ONNX)/.made:
	$(call environment,$(ONNX))
	touch $@

$(ONNX)/.test: $(ONNX)/.made
	$(call install,$(ONNX),'onnx>=1.17' 'onnxruntime>=1.20')
	touch $@

comma := ,

clean:
	rm -rf $(VENV) $(COLAB) $(CLEAN) $(ONNX) dist site runs .pytest_cache .ruff_cache .mypy_cache .hypothesis

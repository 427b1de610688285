# Everything runs in .venv, which each target makes and fills by itself.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --constraint constraints.txt

LIBRARIES := torch,scipy,cv2,PIL,skimage,onnxruntime,jax,flax,tensorflow,keras,kornia,mahotas,astropy,SimpleITK,pyvips,dask_image

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check fix measure bench bench-quick docs clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/demo ## Reproduce the experiment the project grew from (installs PyTorch into .venv)
	@$(BIN)/convention demo

test: .venv/test ## Run the tests
	$(BIN)/python -m pytest -m "not slow" --require torch,scipy,cv2,PIL,onnxruntime

test-all: .venv/test ## Run the tests and the long ones: the engine on over 29,000 random conventions
	$(BIN)/python -m pytest --require torch,scipy,cv2,PIL,onnxruntime

check: .venv/test .venv/check ## Check format, lint, types, import contracts and docstrings; change nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m numpydoc lint $$(find src -name '*.py')

fix: .venv/check ## Format, and repair what the linter can repair
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

measure: .venv/atlas ## Measure all operators anew; fail where a library no longer does what its row says
	@mkdir -p build
	$(BIN)/convention atlas measure -o build/atlas.jsonl
	$(BIN)/convention atlas diff src/convention/catalogue/data/atlas.jsonl build/atlas.jsonl
	$(BIN)/python -m pytest tests/truth --require $(LIBRARIES)

bench: .venv/bench ## Time all cells beside the other libraries into docs/performance.md (under 40 minutes, on an idle machine)
	$(BIN)/python -m benchmarks -o build/bench.json
	$(BIN)/python -m benchmarks report build/bench.json

bench-quick: .venv/bench ## Time some of the cells, and print them: under 3 minutes
	$(BIN)/python -m benchmarks --quick -o build/bench-quick.json

docs: .venv/demo ## Write the generated parts of the documentation anew
	$(BIN)/python -m convention.experiment.article docs/experiment.md
	$(BIN)/python -m convention.atlas.tables README.md docs/catalogue.md

clean: ## Remove .venv and caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.venv/demo: .venv/python pyproject.toml constraints.txt
	@echo "Installing Convention with PyTorch, OpenCV, Pillow, SciPy, scikit-image and scikit-learn into .venv;"
	@echo "nothing outside this folder changes. On disk: 1.6 GB with a CPU build of PyTorch. On Linux,"
	@echo "PyPI has a CUDA build: about 3 GB to download and 6 GB on disk, unless pip is set up otherwise."
	$(PIP) --editable '.[demo]'
	@touch $@

.venv/test: .venv/demo
	$(PIP) --editable '.[demo,test]'
	@touch $@

.venv/atlas: .venv/test
	@echo "Installing 10 more libraries into .venv, TensorFlow, JAX and Keras among them: 2.3 GB on disk."
	@echo "Octave and ImageMagick are programs: apt install octave octave-image imagemagick"
	$(PIP) --editable '.[demo,test,atlas]'
	@touch $@

.venv/bench: .venv/demo
	$(PIP) --editable '.[demo,bench]'
	@touch $@

.venv/check: .venv/python pyproject.toml constraints.txt
	$(PIP) --editable '.[check]'
	@touch $@

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Convention needs Python 3.11 or newer; found $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

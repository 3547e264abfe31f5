# make demo   the whole road once: train, export, simulate, place and route, report
# make test   the test suite
# make help   everything else

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TORCH  := .venv-torch
PACKAGES := 'import sysconfig; print(sysconfig.get_path("purelib"))'
# Half a day's work must not depend on what was released this morning.
PIP    := $(BIN)/pip --disable-pip-version-check install -q -c constraints.txt
JOBS   ?= 2

.PHONY: help env demo test test-long test-gate lint test-synthesis test-proof test-boards test-training test-torch test-gpu test-data soak hostile notebook bench clean

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

env: $(VENV)/.installed
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -m ffhw.system '$(CURDIR)'
	@echo "creating $(VENV) (about 3 GB; a few minutes)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) -e '.[dev]'
	@touch $@

## make demo            train, export, simulate, place and route JapaneseVowels; writes demo/
demo: env
	@$(BIN)/ffhw demo

## make test            unit, simulation and end-to-end tests, the short ones
test: env
	$(BIN)/pytest -n $(JOBS) --dist worksteal -m "not long and not slow and not synthesis and not training and not data and not proof and not torch and not gpu"

## make test-long       the longer ones: whole roads, grids of designs, interrupts, pages (minutes)
test-long: env
	$(BIN)/pytest -n $(JOBS) --dist worksteal -m "long and not slow and not synthesis and not training and not data and not proof and not torch and not gpu"

## make test-gate       what CI runs, in one go: test, test-long, test-training, test-synthesis, test-proof (40 minutes)
test-gate: env
	$(BIN)/pytest -n $(JOBS) --dist worksteal -m "not slow and not data and not torch and not gpu and not boards" --durations=20

## make test-synthesis  bitstreams for the three boards, from the tools themselves
test-synthesis: env
	$(BIN)/pytest -n $(JOBS) --dist worksteal -m "synthesis and not slow"

## make test-proof      ten thousand steps of netlists, and of a bitstream taken apart by Debian's fpga-icestorm
test-proof: env
	$(BIN)/pytest -n $(JOBS) --dist worksteal -m proof

## make test-boards     a bitstream for each other device, spoken to in simulation (an hour)
test-boards: env
	$(BIN)/pytest -m boards

## make test-training   every generated task, trained to its promised accuracy
test-training: env
	$(BIN)/pytest -n $(JOBS) --dist worksteal -m "training and not slow" --durations=8

## make test-torch      what needs PyTorch: its exporters' files, Keras on it; in .venv-torch, which sees $(VENV)'s packages
test-torch: $(TORCH)/.installed
	$(TORCH)/bin/python -m pytest -m torch

## make test-gpu        on a GPU that JAX finds (pip install 'jax[cuda12]'): the fused kernel, and integers by JAX
test-gpu: env
	KERAS_BACKEND=jax $(BIN)/pytest -m gpu

$(TORCH)/.installed: $(VENV)/.installed
	@echo "creating $(TORCH): PyTorch, of its build for the CPU where the package index has one"
	@$(BIN)/python -m venv $(TORCH)
	@echo "import site; site.addsitedir('$$($(BIN)/python -c $(PACKAGES))')" > "$$($(TORCH)/bin/python -c $(PACKAGES))/ffhw.pth"
	@$(TORCH)/bin/pip --disable-pip-version-check install -q -c constraints.txt torch onnxscript
	@touch $@

## make test-data       training to the promised accuracy on real data
test-data: env
	$(BIN)/pytest -m data

## make soak            a million random steps per configuration through the RTL; the tutorial's 400 units
soak: env
	$(BIN)/pytest -n $(JOBS) -m "slow and not boards"

## make hostile         two thousand damaged, overgrown and lying files through the command line (minutes)
hostile: env
	$(BIN)/python tests/hostile/drive.py --count 2000 --jobs $(JOBS)

## make lint            ruff and mypy
lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

## make notebook        docs/flipflop_laboratory.ipynb, executed in place at its full settings
notebook: env
	mkdir -p build/notebook
	cp docs/flipflop_laboratory.ipynb build/notebook/
	$(BIN)/jupyter-execute --inplace --timeout=3600 build/notebook/flipflop_laboratory.ipynb
	cp build/notebook/flipflop_laboratory.ipynb docs/

## make bench           the tables under benchmarks/ (hours)
bench: env
	$(BIN)/python benchmarks/ulx3s_lanes.py
	$(BIN)/python benchmarks/export_size.py
	$(BIN)/python benchmarks/runtimes.py
	$(BIN)/python benchmarks/cells.py
	$(BIN)/python benchmarks/float_layers.py
	$(BIN)/python benchmarks/boards.py build/models
	$(BIN)/python benchmarks/cell_accuracy.py
	$(BIN)/python benchmarks/clock.py
	$(BIN)/python benchmarks/resources.py
	$(BIN)/python benchmarks/logic.py
	$(BIN)/python benchmarks/hold_bias.py
	$(BIN)/python benchmarks/sparsity.py
	$(BIN)/python benchmarks/learned_scales.py
	$(BIN)/python benchmarks/paper_roads.py build/models
	$(BIN)/python benchmarks/decision_tasks.py
	$(BIN)/python benchmarks/minimal_size.py
	$(BIN)/python benchmarks/memory_laboratory.py build/models
	$(BIN)/python benchmarks/constrained_networks.py build/models
	$(BIN)/python benchmarks/tables.py

## make clean           everything that make made
clean:
	rm -rf $(VENV) $(TORCH) demo build dist *.egg-info

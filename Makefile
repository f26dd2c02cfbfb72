# Needs python3 (3.11 or newer), make and PyPI. The first target sets up .venv; later ones find it ready.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
ARGS ?=

.PHONY: train test robustness slow fuzz torture bench tensorboard clean

train: $(VENV)/.ready  ## train a VAE; more overrides through ARGS="latent=d16 seed=1"
	$(RUN) train.py model=vae loss=cont_bern $(ARGS)

test: $(VENV)/.ready-test  ## lint, types, import rules and tests; some of them through ARGS="tests/losses -n 0"
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo
	$(RUN) -m pytest $(ARGS)

robustness: $(VENV)/.ready-test  ## kills, full disks, several processes, bad input of every kind; minutes
	$(RUN) -m pytest -m robustness $(ARGS)

slow: $(VENV)/.ready-test  ## reference numbers on full MNIST, minutes each
	$(RUN) -m pytest -m slow -n 0 $(ARGS)

fuzz: $(VENV)/.ready-test  ## a million damaged files for everything that reads one, a quarter of an hour
	$(RUN) tests/fuzz.py $(ARGS)

torture: $(VENV)/.ready-test  ## kill runs with -9 at random moments, resume, compare; ARGS="--models vae --kills 5"
	$(RUN) tests/torture.py $(ARGS)

bench: $(VENV)/.ready-test  ## how fast it is, as ratios; some rows through ARGS="nets fast --repeats 3"
	$(RUN) benchmarks/bench.py $(ARGS)

tensorboard: $(VENV)/.ready  ## browse what runs have logged
	$(VENV)/bin/tensorboard --logdir outputs $(ARGS)

clean:  ## remove the environment, keep data and outputs
	rm -rf $(VENV)

$(VENV)/.ready: pyproject.toml | $(VENV)/bin/uv
	$(VENV)/bin/uv pip install --quiet --compile-bytecode --python $(RUN) --editable .
	touch $@

$(VENV)/.ready-test: pyproject.toml | $(VENV)/bin/uv
	$(VENV)/bin/uv pip install --quiet --compile-bytecode --python $(RUN) --editable ".[test]"
	touch $@ $(VENV)/.ready

$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "jlml needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check uv

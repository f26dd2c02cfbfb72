# Needs python3 (3.11 or newer), make and PyPI. The first use of a target creates .venv; later uses reuse it.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
ARGS ?=

.PHONY: train article docs explorer test browser robustness slow fuzz torture bench tensorboard clean

train: $(VENV)/.ready  ## train a VAE; add overrides with ARGS="latent=d16 seed=1"
	$(RUN) train.py model=vae loss=cont_bern $(ARGS)

test: $(VENV)/.ready-test  ## lint, types, import rules and tests; select tests with ARGS="tests/losses -n 0"
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo
	$(RUN) -m pytest $(ARGS)

browser: $(VENV)/.ready-test $(VENV)/.ready-browser  ## tests of the explorer in Debian's Chromium; minutes
	$(RUN) -m pytest -m browser -n 0 $(ARGS)

robustness: $(VENV)/.ready-test  ## tests of kills, full disks, several processes and bad input; minutes
	$(RUN) -m pytest -m robustness $(ARGS)

slow: $(VENV)/.ready-test  ## reference numbers on full MNIST, minutes each
	$(RUN) -m pytest -m slow -n 0 $(ARGS)

fuzz: $(VENV)/.ready-test  ## a million damaged files for everything that reads files; a quarter of an hour
	$(RUN) tests/fuzz.py $(ARGS)

torture: $(VENV)/.ready-test  ## kill runs with -9 at random moments, resume, compare; ARGS="--models vae --kills 5"
	$(RUN) tests/torture.py $(ARGS)

bench: $(VENV)/.ready-test  ## speed, as ratios; select rows with ARGS="nets fast --repeats 3"
	$(RUN) benchmarks/bench.py $(ARGS)

article: $(VENV)/.ready-article  ## train, measure and write the article; ARGS="--stored" only writes it, ARGS="--data mnist_5k" is quick
	$(RUN) docs/article/make.py $(ARGS)

docs: $(VENV)/.ready-docs  ## the documentation site, in outputs/site
	$(RUN) docs/site/build.py $(ARGS)

explorer: $(VENV)/.ready  ## the explorer of the newest run; trains a VAE if there is none
	ls outputs/*/config.yaml > /dev/null 2>&1 || $(RUN) train.py model=vae loss=cont_bern
	$(RUN) evaluate.py run=last parts=[explorer] $(ARGS)

tensorboard: $(VENV)/.ready  ## show the logs of all runs
	$(VENV)/bin/tensorboard --logdir outputs $(ARGS)

clean:  ## remove the environment; data and outputs stay
	rm -rf $(VENV)

$(VENV)/.ready: pyproject.toml | $(VENV)/bin/uv
	$(VENV)/bin/uv pip install --quiet --compile-bytecode --python $(RUN) --editable .
	touch $@

$(VENV)/.ready-test: pyproject.toml | $(VENV)/bin/uv
	$(VENV)/bin/uv pip install --quiet --compile-bytecode --python $(RUN) --editable ".[test]"
	touch $@ $(VENV)/.ready

$(VENV)/.ready-article: pyproject.toml | $(VENV)/bin/uv
	$(VENV)/bin/uv pip install --quiet --compile-bytecode --python $(RUN) --editable ".[article]"
	touch $@ $(VENV)/.ready

$(VENV)/.ready-docs: pyproject.toml | $(VENV)/bin/uv
	$(VENV)/bin/uv pip install --quiet --compile-bytecode --python $(RUN) --editable ".[docs]"
	touch $@ $(VENV)/.ready

$(VENV)/.ready-browser: pyproject.toml | $(VENV)/bin/uv
	$(VENV)/bin/uv pip install --quiet --compile-bytecode --python $(RUN) --editable ".[browser]"
	touch $@

$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "jlml needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check uv

# Two virtual environments: .venv to use kaoiro, .venv-dev with what tests and training need.
PYTHON ?= python3
ifeq ($(OS),Windows_NT)
BIN := Scripts
else
BIN := bin
endif
USE := .venv/$(BIN)
DEV := .venv-dev/$(BIN)
SOURCES := pyproject.toml hatch_build.py
EVALUATE := $(USE)/kaoiro evaluate
# That test side by side, each whole files, whose fixtures are then made once; each wants up to 4 GB
PROCESSES ?= 2

.PHONY: demo test lint types bench fuzz results renders clean

.venv/.installed: $(SOURCES)
	$(PYTHON) -m venv .venv
	$(USE)/python -m pip install -q --disable-pip-version-check -e .
	touch $@

.venv-dev/.installed: $(SOURCES)
	$(PYTHON) -m venv .venv-dev
	$(DEV)/python -m pip install -q --disable-pip-version-check "torch>=2.6,<2.14"
	$(DEV)/python -m pip install -q --disable-pip-version-check -e ".[train,dev]"
	touch $@

demo: .venv/.installed
	$(USE)/kaoiro demo

test: .venv-dev/.installed
	$(DEV)/python -m pytest -n $(PROCESSES) --dist loadfile --cov=kaoiro --cov-report=term --cov-fail-under=97

lint: .venv-dev/.installed
	$(DEV)/ruff check .
	$(DEV)/ruff format --check .
	$(DEV)/lint-imports

types: .venv-dev/.installed
	$(DEV)/pyright --pythonpath $(DEV)/python

bench: .venv-dev/.installed
	$(DEV)/python benchmarks/speed.py
	$(DEV)/python -m pip install -q --disable-pip-version-check -e ".[fuzz]"
	$(DEV)/python benchmarks/service.py

# Minutes of hostile requests and files against the service
fuzz: .venv-dev/.installed
	$(DEV)/python -m pip install -q --disable-pip-version-check -e ".[fuzz]"
	$(DEV)/python -m pytest -m fuzz tests/server/test_fuzz.py

# The tables of docs/results that need the official files: make results FER2013=DIR
results: .venv/.installed .venv-dev/.installed
	$(if $(FER2013),,$(error name the folder of fer2013.csv and fer2013new.csv: make results FER2013=DIR))
	$(EVALUATE) fer2013 --root "$(FER2013)" --split val --labels fer2013 --model stills --results docs/results
	$(EVALUATE) fer2013 --root "$(FER2013)" --split val --labels fer2013 --model stills-both --card --results docs/results
	$(EVALUATE) fer2013 --root "$(FER2013)" --split val --labels ferplus --model stills-both --card --results docs/results
	$(EVALUATE) end-to-end --root "$(FER2013)" --split val --model stills --results docs/results
	$(EVALUATE) end-to-end --tilt 20 --root "$(FER2013)" --split val --model stills --results docs/results
	$(EVALUATE) face-sizes --root "$(FER2013)" --split val --results docs/results
	$(EVALUATE) crop --root "$(FER2013)" --results docs/results
	$(DEV)/kaoiro audit labels fer2013 --root "$(FER2013)" --results docs/results
	$(EVALUATE) fer2013 --root "$(FER2013)" --split val --labels ferplus --model stills --card --results docs/results

# Tables, pictures and fixtures of the rendered world: make renders FACE=ASSETS SETS=DIR FER2013=DIR LONDON=DIR
renders: .venv-dev/.installed
	$(if $(FACE),,$(error name the folder that `kaoiro synth prepare` made: make renders FACE=ASSETS SETS=DIR FER2013=DIR LONDON=DIR))
	$(DEV)/kaoiro synth sheets --assets "$(FACE)" --out docs/synthesis
	$(DEV)/kaoiro synth fixtures --assets "$(FACE)" --out tests/data/rendered
	mv tests/data/rendered/two-people.mp4 src/kaoiro/assets/
	$(DEV)/kaoiro evaluate facs --root "$(FACE)" --results docs/results
	$(DEV)/kaoiro synth syn-id --assets "$(FACE)" --out "$(SETS)/syn-id"
	$(DEV)/kaoiro evaluate synthesis --root "$(SETS)/syn-id" --fer2013 "$(FER2013)" --london "$(LONDON)" --seeds 2 --checkpoint "$(SETS)/signal.pt" --keep "$(SETS)/rendered" --results docs/results
	$(DEV)/kaoiro synth syn-vid --assets "$(FACE)" --out "$(SETS)/syn-vid"
	$(DEV)/kaoiro synth syn-flicker --assets "$(FACE)" --out "$(SETS)/syn-flicker"
	$(DEV)/kaoiro evaluate temporal --root "$(SETS)/syn-vid" --flicker "$(SETS)/syn-flicker" --model "$(SETS)/rendered" --results docs/results
	$(DEV)/kaoiro evaluate temporal --root "$(SETS)/syn-vid" --model "$(SETS)/rendered" --choose --results docs/results
	$(DEV)/kaoiro synth syn-acts --assets "$(FACE)" --out "$(SETS)/syn-acts"
	$(DEV)/kaoiro evaluate readers --root "$(SETS)/syn-acts" --london "$(LONDON)" --fer2013 "$(FER2013)" --write --results docs/results
	$(DEV)/kaoiro evaluate verification --london "$(LONDON)" --results docs/results
	$(DEV)/kaoiro evaluate groups --london "$(LONDON)" --face "$(FACE)" --card --results docs/results
	$(DEV)/kaoiro evaluate groups --london "$(LONDON)" --face "$(FACE)" --card --model stills
	$(DEV)/kaoiro evaluate groups --london "$(LONDON)" --face "$(FACE)" --card --model stills-both
	$(DEV)/kaoiro evaluate claims --root docs/results
	$(DEV)/python benchmarks/synthesis.py --assets "$(FACE)"

clean:
	rm -rf .venv .venv-dev demo runs .coverage .pytest_cache .ruff_cache

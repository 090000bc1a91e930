# `make` alone prints what it can do. Needs Python 3.11 or newer and make, and nothing else.
.DEFAULT_GOAL := help
.PHONY: help demo test check fix bench soak migration docs clean lock install install-dev

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; done; echo python3)
BIN := .venv/bin

help: ## print this
	@echo "Banyan, the backend of a city super-app. Start with: make demo"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r verb what; do \
		printf '  make %-10s %s\n' "$$verb" "$$what"; done

demo: install ## a whole city on this machine  [PORT=8000] [DATA=./data] [RESET=1 begins anew]
	@$(BIN)/banyan demo $(if $(PORT),--port "$(PORT)") $(if $(DATA),--data "$(DATA)") $(if $(filter-out 0 no,$(RESET)),--reset)

test: install-dev ## all tests: server, SDK, and each mini-app from its own folder
	@$(BIN)/python -m pytest $(PYTEST)
	@cd sdk && ../$(BIN)/python -m pytest
	@cd miniapps/library && ../../$(BIN)/python -m pytest

check: install-dev ## what must hold before a change goes in: style, types, layers, documents, migrations
	@PATH="$(CURDIR)/$(BIN):$$PATH"; failed=""; \
	for step in "ruff check ." "ruff format --check ." "mypy" "cd sdk && mypy" "cd miniapps/library && mypy" \
		"lint-imports" "banyan openapi --check" "python docs/reference.py --check" "banyan migration --check"; do \
		echo "· $$step"; (eval "$$step") || failed="$$failed\n  $$step"; \
	done; if [ -n "$$failed" ]; then printf "These failed:$$failed\n"; exit 1; fi

fix: install-dev ## mend what can be mended by itself: format and simple lint
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: install-dev ## time the hot paths beside their baselines, print the table of ratios
	@$(BIN)/python -m benchmarks

soak: install-dev ## the fault tests at full size (half an hour of kills and cuts)
	@BANYAN_SOAK=1 $(BIN)/python -m pytest tests/faults --timeout 0 $(PYTEST)

migration: install ## make a migration from changed models  name=0002_what_changes
	@$(BIN)/banyan migration "$(name)"

docs: install ## write docs/openapi.json and docs/reference.md anew from the code
	@$(BIN)/banyan openapi --write
	@$(BIN)/python docs/reference.py

clean: ## remove .venv and caches; the demo's data stays
	rm -rf .venv build dist
	find . -type d \( -name __pycache__ -o -name '.*_cache' -o -name .hypothesis -o -name '*.egg-info' \) -prune -exec rm -rf {} +

lock: install-dev # newer versions of everything, hash by hash
	@$(BIN)/python .ci/lock.py

install:
	@$(PYTHON) .ci/install.py

install-dev:
	@$(PYTHON) .ci/install.py --dev

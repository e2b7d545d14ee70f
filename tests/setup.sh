#!/bin/sh
# Installs what the tests need besides Rust, in .venv: a Python of their own with the official openai and anthropic packages,
# and with xllamacpp, which holds llama.cpp's server (34 MB to fetch, 106 MB on the disk).
set -eu
cd "$(dirname "$0")/.."
PACKAGES='openai==3.52.0 anthropic==2.11.0 xllamacpp==2026.10.11549'

if .venv/bin/python - $PACKAGES 2>/dev/null <<'PYTHON'; then
import importlib.metadata, sys
wanted = dict(package.split("==") for package in sys.argv[1:])
sys.exit(any(importlib.metadata.version(name) != version for name, version in wanted.items()))
PYTHON
    echo "tests/setup.sh: .venv has $PACKAGES already"
    exit 0
fi
python3 -m venv .venv
# shellcheck disable=SC2086
.venv/bin/python -m pip install --quiet --disable-pip-version-check $PACKAGES
echo "tests/setup.sh: installed $PACKAGES into .venv"

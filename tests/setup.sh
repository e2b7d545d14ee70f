#!/bin/sh
# Installs what the tests need besides Rust: a Python of their own with the official openai package, in .venv.
set -eu
cd "$(dirname "$0")/.."
OPENAI=openai==3.52.0

if .venv/bin/python -c "import importlib.metadata as m, sys; sys.exit(f\"openai=={m.version('openai')}\" != '$OPENAI')" 2>/dev/null; then
    echo "tests/setup.sh: .venv has $OPENAI already"
    exit 0
fi
python3 -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check "$OPENAI"
echo "tests/setup.sh: installed $OPENAI into .venv"

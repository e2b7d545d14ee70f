#!/bin/sh
# All checks and all tests, and before them whatever they need that is not there yet.
#
#   sh tests/run.sh
#
# Needs a Rust toolchain, Python 3, and apt where something is missing. No key and no provider.
set -eu
cd "$(dirname "$0")/.."

began=$(date +%s)

step() {
    printf '\n==> %s (%s s)\n' "$1" "$(($(date +%s) - began))"
}

give_up() {
    printf 'tests/run.sh: %s\n' "$1" >&2
    exit 1
}

# Installs Debian packages, as root or through sudo.
install() {
    command -v apt-get >/dev/null || give_up "please install $*: there is no apt-get here"
    as_root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || give_up "please install $* (apt-get, as root)"
        as_root=sudo
    fi
    $as_root apt-get update -q
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

step 'tools'
command -v cargo >/dev/null || give_up 'cargo is missing: install Rust 1.95 or later, with rustup'
cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
cargo clippy --version >/dev/null 2>&1 || rustup component add clippy
# For aws-lc-sys and jemalloc.
command -v cc >/dev/null || install gcc libc6-dev
command -v make >/dev/null || install make
command -v python3 >/dev/null || install python3
python3 -c 'import ensurepip, venv' 2>/dev/null || install python3-venv
rustc --version
python3 --version

step 'Python packages of the tests'
sh tests/setup.sh

step 'format'
cargo fmt --check

step 'lints'
cargo clippy --all-targets --locked -- -D warnings

step 'tests'
cargo test --locked

step 'speed: no call has become dearer'
command -v valgrind >/dev/null || install valgrind
cargo bench --locked --bench guards

step 'documentation'
RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --document-private-items --locked

step 'everything passed'

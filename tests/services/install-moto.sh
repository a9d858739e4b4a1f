#!/usr/bin/env bash
# moto, which answers as AWS's Glue and Athena do, into .services/moto. It runs no SQL: calls and errors alone are tried on it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

home="$PWD/.services/moto"
wanted=$(sha256sum <tests/services/moto.txt)
if [ "$(cat "$home/installed" 2>/dev/null)" = "$wanted" ]; then
  echo "moto is there"
  exit 0
fi
rm -rf "$home"
python3 -m venv "$home"
"$home/bin/pip" -q install --no-deps --require-hashes --disable-pip-version-check -r tests/services/moto.txt
echo "$wanted" >"$home/installed"
echo "moto is in .services"

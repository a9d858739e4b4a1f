#!/usr/bin/env bash
# python-packages.sh NAME WHAT [OPTION…]: installs what NAME.txt pins by hash into an environment of its own, .services/NAME. WHAT is what
# to call it, options are pip's. What is there as it is wanted stays.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

name=$1 what=$2
shift 2
pins="tests/services/$name.txt"
home="$PWD/.services/$name"
wanted=$(sha256sum <"$pins")
if [ "$(cat "$home/installed" 2>/dev/null)" = "$wanted" ]; then
  echo "$what: there already"
  exit 0
fi
rm -rf "$home"
python3 -m venv "$home"
"$home/bin/pip" -q install --no-deps --require-hashes --disable-pip-version-check "$@" -r "$pins"
echo "$wanted" >"$home/installed"
echo "$what: in .services/$name"

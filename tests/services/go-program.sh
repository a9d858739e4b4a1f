#!/usr/bin/env bash
# go-program.sh NAME PACKAGE VERSION: installs a program from the Go module proxy as .services/bin/NAME-VERSION.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

name=$1 package=$2 version=$3
bin="$PWD/.services/bin"
if [ -x "$bin/$name-$version" ]; then
  echo "$name $version is there"
  exit 0
fi
command -v go >/dev/null || { echo "$name: Go isn't installed (https://go.dev/dl)" >&2; exit 1; }
mkdir -p "$bin"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
GOBIN="$made" go install "$package@$version"
mv "$made/$name" "$bin/$name-$version"
echo "$name $version is in .services/bin"

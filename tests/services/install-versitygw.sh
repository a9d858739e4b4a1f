#!/usr/bin/env bash
# A real S3 server for tests: versitygw, from the Go module proxy, into .services/bin. Needs Go 1.24 or later.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=v1.8.0
bin="$PWD/.services/bin"
if [ -x "$bin/versitygw-$version" ]; then
  echo "versitygw $version is there"
  exit 0
fi
command -v go >/dev/null || { echo "versitygw: Go isn't installed (https://go.dev/dl)" >&2; exit 1; }
mkdir -p "$bin"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
GOBIN="$made" go install "github.com/versity/versitygw/cmd/versitygw@$version"
mv "$made/versitygw" "$bin/versitygw-$version"
echo "versitygw $version is in .services/bin"

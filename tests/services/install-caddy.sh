#!/usr/bin/env bash
# The reverse proxy of ops/deploy/caddy for tests: Caddy, from the Go module proxy, into .services/bin. Needs Go 1.25 or later.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=v2.11.9
bin="$PWD/.services/bin"
if [ -x "$bin/caddy-$version" ]; then
  echo "caddy $version is there"
  exit 0
fi
command -v go >/dev/null || { echo "caddy: Go isn't installed (https://go.dev/dl)" >&2; exit 1; }
mkdir -p "$bin"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
GOBIN="$made" go install "github.com/caddyserver/caddy/v2/cmd/caddy@$version"
mv "$made/caddy" "$bin/caddy-$version"
echo "caddy $version is in .services/bin"

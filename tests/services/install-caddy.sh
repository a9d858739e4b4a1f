#!/usr/bin/env bash
# The reverse proxy of ops/deploy/caddy for tests: Caddy, from the Go module proxy, into .services/bin. Needs Go 1.25 or later.
exec bash "$(dirname "${BASH_SOURCE[0]}")/go-program.sh" caddy github.com/caddyserver/caddy/v2/cmd/caddy v2.11.9

#!/usr/bin/env bash
# Installs what some tests need besides npm and Python packages: each script of this folder installs one such thing, pinned
# where its source can be. Tests that need something which isn't there say that they were skipped.
#   npm run setup:services              what `npm test` needs
#   npm run setup:services -- --long    also what only `npm run test:long` needs (a gigabyte; Caddy takes minutes to compile)
#   npm run setup:services -- NAME…     some, by the name of their script
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 2

always='chromium deploy-linters moto postgres redis versitygw'
# shellcheck disable=SC2086 # a list of names
case "${1:-}" in
  '') set -- $always ;;
  --long) set -- $always caddy otlp trino ;;
esac
failed=0
for name in "$@"; do
  if [ ! -e "install-$name.sh" ]; then
    echo "services: there is no install-$name.sh" >&2
    failed=1
    continue
  fi
  echo "services: $name"
  bash "install-$name.sh" || { echo "services: $name could not be installed; its tests will be skipped" >&2; failed=1; }
done
exit $failed

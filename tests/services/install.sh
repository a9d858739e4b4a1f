#!/usr/bin/env bash
# Installs what some tests need besides npm and Python packages: each script of this folder installs one such thing, pinned
# where its source can be. Tests that need something which isn't there say that they were skipped.
#   npm run setup:services              all of them
#   npm run setup:services -- NAME…     some, by the name of their script
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 2

[ $# -gt 0 ] || set -- $(for script in install-*.sh; do [ -e "$script" ] && basename "${script#install-}" .sh; done)
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

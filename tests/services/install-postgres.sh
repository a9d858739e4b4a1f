#!/usr/bin/env bash
# PostgreSQL from Debian: the study store and the AppView are tested on a real one. Only its programs are needed; each test
# starts a server of its own (tests/services/postgres.ts).
set -euo pipefail
ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 && exit 0
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
as_root apt-get update -qq
# no cluster of its own, and no server that starts with the machine
as_root mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf > /dev/null
DEBIAN_FRONTEND=noninteractive as_root apt-get install -qq -y --no-install-recommends postgresql > /dev/null

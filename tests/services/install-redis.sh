#!/usr/bin/env bash
# Redis from Debian, without its service: the AppView keeps its caches there. Tests start a server of their own.
set -euo pipefail
command -v redis-server > /dev/null && exit 0
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
as_root apt-get update -qq
DEBIAN_FRONTEND=noninteractive as_root apt-get install -qq -y --no-install-recommends redis-tools > /dev/null
command -v redis-server > /dev/null || {
  # redis-server's package starts a service; a policy for the time of the installation keeps it off
  as_root sh -c 'test -e /usr/sbin/policy-rc.d || { printf "#!/bin/sh\nexit 101\n" > /usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; touch /usr/sbin/policy-rc.d.feedtrial; }'
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -qq -y --no-install-recommends redis-server > /dev/null
  as_root sh -c 'test ! -e /usr/sbin/policy-rc.d.feedtrial || rm -f /usr/sbin/policy-rc.d /usr/sbin/policy-rc.d.feedtrial'
}

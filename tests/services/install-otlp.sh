#!/usr/bin/env bash
# OTLP's messages as OpenTelemetry publishes them for Python, into .services/otlp: tests read with them what is exported (Linux, x86-64).
exec bash "$(dirname "${BASH_SOURCE[0]}")/python-packages.sh" otlp "OTLP's messages" --only-binary :all:

#!/usr/bin/env bash
# moto, which answers as AWS's Glue and Athena do, into .services/moto. It runs no SQL: calls and errors alone are tried on it.
exec bash "$(dirname "${BASH_SOURCE[0]}")/python-packages.sh" moto moto

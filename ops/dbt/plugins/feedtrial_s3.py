"""Lets dbt's DuckDB read and write s3:// where a lake is there; a lake in a folder pays nothing for it.

The extensions are those that setup installed from PyPI, loaded by path, so that DuckDB never fetches one. Credentials are
AWS's own chain. lake/parquet/object-store.ts does the same for the engines of TypeScript.
"""

import importlib.util
import os
from pathlib import Path
from urllib.parse import urlparse

from dbt.adapters.duckdb.plugins import BasePlugin

LAKES = ("FEEDTRIAL_LAKE", "FEEDTRIAL_PRIVATE_LAKE")


def extension_file(name):
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    folders = [Path(place) for place in (spec.submodule_search_locations if spec else [])]
    for folder in folders:
        for file in folder.glob(f"extensions/*/{name}.duckdb_extension"):
            return file
    raise RuntimeError(f"DuckDB's extension '{name}' is not installed: run 'npm run setup'")


def text(value):
    return "'" + str(value).replace("'", "''") + "'"


def secret_sql(env):
    endpoint = env.get("FEEDTRIAL_S3_ENDPOINT") or env.get("AWS_ENDPOINT_URL_S3")
    region = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or ("us-east-1" if endpoint else None)
    settings = ["TYPE s3", "PROVIDER credential_chain", "REFRESH auto"]
    if region:
        settings.append(f"REGION {text(region)}")
    if endpoint:
        url = urlparse(endpoint)
        settings += [f"ENDPOINT {text(url.netloc)}", f"USE_SSL {url.scheme == 'https'}", "URL_STYLE 'path'"]
    return f"CREATE OR REPLACE SECRET feedtrial_lake ({', '.join(settings)})"


class Plugin(BasePlugin):
    def configure_connection(self, conn):
        if not any(os.environ.get(lake, "").startswith("s3://") for lake in LAKES):
            return
        for name in ("httpfs", "aws"):
            conn.execute(f"LOAD {text(extension_file(name))}")
        conn.execute(secret_sql(os.environ))
        conn.execute("SET GLOBAL http_retries = 5")
        conn.execute("SET GLOBAL http_timeout = 120")

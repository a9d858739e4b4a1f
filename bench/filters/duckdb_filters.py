"""The filters as dbt compiled them, over the same Parquet, in a DuckDB of their own.

Prints JSON: posts by first reason, CPU seconds and peak memory of the process from after the import on.
"""

import json
import resource
import sys

import duckdb

folder, without = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
before = resource.getrusage(resource.RUSAGE_SELF)
connection = duckdb.connect(config={"memory_limit": sys.argv[3] if len(sys.argv) > 3 else "1GB", "threads": 2})
connection.execute("set preserve_insertion_order = false; set TimeZone = 'UTC'")
for statement in json.load(open(f"{folder}/statements.json")):
    connection.execute(statement)
if without == "excludelist":
    connection.execute("delete from int_authors__excluded")
counts = connection.execute(
    "select coalesce(first_reason, 'eligible'), count(*) from int_posts__filtered group by all"
).fetchall()
after = resource.getrusage(resource.RUSAGE_SELF)
print(
    json.dumps(
        {
            "counts": dict(counts),
            "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "peak_mb": after.ru_maxrss / 1024,
            "version": f"DuckDB {duckdb.__version__}",
        }
    )
)

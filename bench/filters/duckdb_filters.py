"""The filters as dbt compiled them, over the same Parquet, in a DuckDB of their own.

argv: folder [excludelist]; with the word the excludelist is left empty. Prints JSON: posts by first reason, CPU seconds and peak memory
of the process after the imports; then, unmeasured, writes models.parquet (uri, first_reason, reasons as one text).
"""

import json
import resource
import sys

import duckdb
from peak import peak_mb

folder, without = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
before = resource.getrusage(resource.RUSAGE_SELF)
connection = duckdb.connect(config={"memory_limit": "450MB", "threads": 2, "temp_directory": f"{folder}/spill"})
connection.execute("set preserve_insertion_order = false; set TimeZone = 'UTC'")
for statement in json.load(open(f"{folder}/statements.json")):
    connection.execute(statement)
if without == "excludelist":
    connection.execute("delete from int_authors__excluded")
# every reason of every post, not only what a count would need
connection.execute("create table verdicts as select uri, first_reason, reasons from int_posts__filtered")
counts = connection.execute(
    "select coalesce(first_reason, 'eligible'), count(*) from verdicts group by all"
).fetchall()
after = resource.getrusage(resource.RUSAGE_SELF)
print(
    json.dumps(
        {
            "counts": dict(counts),
            "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "peak_mb": peak_mb(),
            "version": f"DuckDB {duckdb.__version__}",
        }
    )
)
if without == "":
    connection.execute(
        f"copy (select uri, coalesce(first_reason, 'eligible') as first_reason, array_to_string(reasons, ',') as reasons from verdicts)"
        f" to '{folder}/models.parquet'"
    )

"""A resident dbt: reads jobs as JSON lines on stdin, answers with JSON lines on stdout.

In:   {"id": 1, "args": ["build", "--select", "staging"], "parameters": {"as_of_us": "1780000000000000"}}
Out:  {"event": "ready", "dbt": "1.12.6", "duckdb": "1.5.5"}
      {"event": "node", "id": 1, "name": "stg_bluesky__posts", "status": "success", "index": 3, "total": 40}
      {"event": "done", "id": 1, "success": true, "exception": null, "results": [...], "seconds": 1.7}

Parameters are what one run is told: models read them by the macro run_parameter(). They travel as environment variables
(FEEDTRIAL_RUN_<NAME>) and not as dbt's vars, because dbt parses the whole project anew whenever a var has changed. The parsed
project is kept between jobs for as long as none of its files changes.

What dbt itself prints goes to the file named by FEEDTRIAL_DBT_OUTPUT, so that stdout carries nothing but answers. What it logs goes to
dbt.log in DBT_LOG_PATH, from here: dbt's own logger writes out every debugging event before it drops it, a fiftieth of an hour's build.
"""

import gc
import json
import logging
import logging.handlers
import os
import queue
import signal
import sys
import threading
import time


def separate_answers_from_output():
    """Keeps the real stdout for answers and sends file descriptors 1 and 2 to the log file, C code included."""
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    log = os.open(os.environ["FEEDTRIAL_DBT_OUTPUT"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    return answers


def open_log():
    """The log that dbt would write itself: as large, as many files, as many levels."""
    handler = logging.handlers.RotatingFileHandler(
        os.path.join(os.environ["DBT_LOG_PATH"], "dbt.log"), maxBytes=10 << 20, backupCount=5, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s [%(levelname)s] %(message)s"))
    log = logging.getLogger("feedtrial.dbt")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(handler)
    return log


LEVELS = {"info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


def read_jobs(jobs):
    """Runs in a thread: when stdin ends, whoever started this worker is gone, and so is the reason to go on."""
    for line in sys.stdin:
        if line.strip():
            jobs.put(json.loads(line))
    os._exit(0)


def loaded_us(result):
    """When the newest row of a source came in, microseconds UTC; None for other nodes, and where it has no recent row."""
    newest = getattr(result, "max_loaded_at", None)
    return None if newest is None or newest.year < 1970 else round(newest.timestamp() * 1_000_000)


def describe_result(result):
    """One node's outcome as plain data. Times are seconds since 1970, as dbt measured them (naive UTC)."""
    from datetime import timezone

    node = getattr(result, "node", None)
    seconds = {}
    for timing in result.timing or []:
        if timing.started_at and timing.completed_at:
            seconds[timing.name] = [
                timing.started_at.replace(tzinfo=timezone.utc).timestamp(),
                timing.completed_at.replace(tzinfo=timezone.utc).timestamp(),
            ]
    return {
        "unique_id": getattr(node, "unique_id", None) or getattr(result, "unique_id", ""),
        "name": getattr(node, "name", "") or "",
        "resource_type": str(getattr(node, "resource_type", "") or ""),
        "path": getattr(node, "original_file_path", "") or "",
        "status": str(result.status),
        "message": result.message,
        "failures": getattr(result, "failures", None),
        "loaded_us": loaded_us(result),
        "seconds": result.execution_time,
        "timing": seconds,
        "compiled_path": getattr(node, "compiled_path", None),
    }


def release_warehouse():
    """dbt-duckdb keeps the file open for as long as the process lives; others wait for it between our runs."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    environment = DuckDBConnectionManager._ENV
    if environment is not None:
        environment.close()
        DuckDBConnectionManager._ENV = None


PARAMETER = "FEEDTRIAL_RUN_"
PARSED_FOR = {"build", "run", "seed", "test", "run-operation"}


def set_parameters(parameters):
    """Gives a job its parameters and takes the last job's away."""
    for name in [name for name in os.environ if name.startswith(PARAMETER)]:
        del os.environ[name]
    for name, value in parameters.items():
        os.environ[PARAMETER + name.upper()] = str(value)


def project_files():
    """What dbt parses, by name, size and time of change: the same list means the same parsed project."""
    from pathlib import Path

    root = Path(os.environ["DBT_PROJECT_DIR"])
    folders = [root / name for name in ("models", "macros", "seeds", "tests/sql", "snapshots", "analyses")]
    files = [root / "dbt_project.yml", root / "profiles.yml", root / ".env"]
    files += [file for folder in folders for file in folder.rglob("*")]
    seen = []
    for file in files:
        try:
            stat = file.stat()
        except FileNotFoundError:
            continue
        seen.append((str(file), stat.st_mtime_ns, stat.st_size))
    return sorted(seen)


class ParsedProject:
    """The project as dbt parsed it last, by the files and arguments that it came from."""

    def __init__(self):
        self.key = None
        self.manifest = None

    def manifest_for(self, args):
        """A manifest to run on; None where dbt has to parse by itself, which also says what is wrong with a project."""
        from dbt.cli.main import dbtRunner

        if not args or args[0] not in PARSED_FOR:
            return None
        variables = args[args.index("--vars") : args.index("--vars") + 2] if "--vars" in args else []
        key = (project_files(), variables)
        if key != self.key:
            gc.unfreeze()
            outcome = dbtRunner().invoke(["parse", *variables])
            self.key, self.manifest = (key, outcome.result) if outcome.success else (None, None)
            gc.collect()
            gc.freeze()  # it stays: no collection need look through it again
        return self.manifest


def run(job, answer, parsed, log):
    from dbt.cli.main import dbtRunner

    started = time.monotonic()
    set_parameters(job.get("parameters", {}))
    progress = {"index": 0, "total": 0}

    def on_event(event):
        data = event.data
        if event.info.level in LEVELS and event.info.msg.strip():
            log.log(LEVELS[event.info.level], "%s", event.info.msg)
        if event.info.name in ("LogStartLine", "LogModelResult", "LogTestResult", "LogSeedResult", "LogHookStartLine"):
            progress["total"] = getattr(data, "total", 0) or progress["total"]
        if event.info.name == "NodeFinished":
            progress["index"] += 1
            answer(
                event="node",
                id=job["id"],
                name=data.node_info.node_name,
                status=data.node_info.node_status,
                **progress,
            )

    try:
        manifest = parsed.manifest_for(job["args"])
        # parsing wrote manifest.json, which a run would write again, and its results are in the answer
        artifacts = [] if manifest is None else ["--no-write-json"]
        outcome = dbtRunner(manifest=manifest, callbacks=[on_event]).invoke([*artifacts, *job["args"]])
        exception = outcome.exception
        results = [describe_result(r) for r in getattr(outcome.result, "results", None) or []]
        success = bool(outcome.success)
    except BaseException as error:  # an answer must come, whatever happened
        exception, results, success = error, [], False
    finally:
        release_warehouse()
    answer(
        event="done",
        id=job["id"],
        success=success,
        exception=None if exception is None else (str(exception) or type(exception).__name__),
        results=results,
        seconds=time.monotonic() - started,
    )


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: who started us decides
    answers = separate_answers_from_output()
    lock = threading.Lock()

    def answer(**fields):
        with lock:
            answers.write(json.dumps(fields, default=str) + "\n")
            answers.flush()

    jobs = queue.Queue()
    threading.Thread(target=read_jobs, args=(jobs,), daemon=True).start()
    import duckdb
    from dbt.version import __version__ as dbt_version
    from dbt.cli.main import dbtRunner  # noqa: F401  the import is what takes seconds

    answer(event="ready", dbt=dbt_version, duckdb=duckdb.__version__)
    parsed = ParsedProject()
    log = open_log()
    while True:
        run(jobs.get(), answer, parsed, log)


if __name__ == "__main__":  # dbt starts processes of its own by spawn, which import this file again
    main()

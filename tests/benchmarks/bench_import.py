"""How fast logs are imported, beside GoAccess and gzip on the same files, and in how much memory.

Run ``python -m tests.benchmarks.bench_import [--lines N]``. Files of a load balancer's and a web server's lines are
generated, the same each time, once of few values and once as varied as real ones; and many small packed files.
Everything is done in turns, several times over, each in a process of its own, whose peak memory is measured; an import
is timed without starting Python, and with that beside it. GoAccess is measured where it is installed.
"""

import argparse
import gzip
import itertools
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from workloads.importers.formats import importers
from workloads.importers.ingest import ingest
from workloads.places import REPOSITORY, Places
from workloads.recordings.library import Library

_ALB_MB_PER_S = 300.0
_SMALL_FILES_PER_S = 500.0
_SMALL_LINES_PER_S = 100_000.0
_SMALL_FILES, _SMALL_FILE_LINES = 864, 250  # a load balancer's of three days, one every five minutes
_GOACCESS_TIMES = 5.0
_GZIP_TIMES = 1.5
_PEAK_MB = 600.0

_AGENT = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1{}.0 Safari/537.36"
)
# 300 requests a second of 5,000 clients; a quarter of them new orders.
_REQUESTS = """
SELECT
    make_timestamp((1779012303000000 + i * 3333 + hash(i, 1) % 3000)::BIGINT) AS arrived,
    '203.0.' || hash(i, 2) % 20 || '.' || hash(i, 3) % 250 AS client,
    CASE hash(i, 4) % 4 WHEN 0 THEN 'POST' ELSE 'GET' END AS method,
    CASE hash(i, 4) % 4
        WHEN 0 THEN '/orders'
        WHEN 1 THEN '/orders/' || hash(i, 5) % 100000
        WHEN 2 THEN '/static/app.' || hash(i, 5) % 50 || '.js?v=' || hash(i, 6) % 9
        ELSE '/restaurants/' || hash(i, 5) % 500 || '/menu?lang=en'
    END AS target,
    hash(i, 7) % 2000 AS bytes,
    replace($agent, '{}', (hash(i, 8) % 90)::VARCHAR) AS agent,
    hash(i, 9) AS draw
FROM range($lines) t(i)
"""
_SMALL = "small files"
_COMMON = "strftime(arrived, '%d/%b/%Y:%H:%M:%S')"
_ISO = "strftime(arrived, '%Y-%m-%dT%H:%M:%S.%fZ')"
_LINES = {
    "combined": f"""client || ' - - [' || {_COMMON} || ' +0000] "' || method || ' ' || target || ' HTTP/1.1" 200 '
        || bytes || ' "https://shop.example/" "' || agent || '"'""",
    "alb": f"""'https ' || {_ISO} || ' app/shop-prod/50dc6c495c0c9188 ' || client || ':' || 1024 + draw % 60000
        || ' 10.0.1.' || draw % 250 || ':8080 0.000 0.0' || 10 + draw % 90 || ' 0.000 200 200 ' || bytes || ' '
        || draw % 9000 || ' "' || method || ' https://shop.example:443' || target || ' HTTP/1.1" "' || agent
        || '" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 '
        || 'arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/shop/c979ac34eb74c5c5 "Root=1-62c3c276-'
        || draw || '" "shop.example" "arn:aws:acm:us-west-2:123456789012:certificate/x" 1 ' || {_ISO}
        || ' "forward" "-" "-" "10.0.1.5:8080" "200" "-" "-"'""",
}


# As real logs are: most clients come a few times, agents are long and many, targets hold ids, and some are odd.
# One in sixteen is a UUID, which is looked at for secrets as any long word is.
_VARIED = """
SELECT
    make_timestamp((1779012303000000 + i * 3333 + hash(i, 1) % 3000)::BIGINT) AS arrived,
    '203.' || hash(i, 2) % 200 || '.' || hash(i, 3) % 250 || '.' || hash(i, 10) % 250 AS client,
    CASE hash(i, 4) % 4 WHEN 0 THEN 'POST' ELSE 'GET' END AS method,
    CASE hash(i, 4) % 4
        WHEN 0 THEN '/api/v2/carts/' || hash(i, 5) % 9000000 || '/lines'
        WHEN 1 THEN CASE WHEN hash(i, 14) % 4 = 0
                THEN '/orders/' || left(md5(i::VARCHAR), 8) || '-4a1b-8c2d-9e3f-' || right(md5(i::VARCHAR), 12)
            ELSE '/orders/' || 1000000 + i || '?expand=lines&ref=' || hash(i, 6) END
        WHEN 2 THEN CASE WHEN hash(i, 11) % 500 = 0 THEN '/a b' WHEN hash(i, 11) % 500 = 1 THEN '/a%22b'
            ELSE '/static/app.' || hash(i, 5) % 50 || '.js?v=' || hash(i, 6) % 9 END
        ELSE '/restaurants/' || hash(i, 5) % 500000 || '/menu?lang=en&page=' || hash(i, 6) % 90
    END AS target,
    hash(i, 7) % 200000 AS bytes,
    replace($agent, '{}', (hash(i, 8) % 90)::VARCHAR)
        || repeat(' Module/' || hash(i, 12) % 1000, (hash(i, 13) % 12)::BIGINT) AS agent,
    hash(i, 9) AS draw
FROM range($lines) t(i)
""".replace(
    "uuid_of(hash(i, 5))", "left(md5(hash(i, 5)::VARCHAR), 8) || '-' || substr(md5(hash(i, 6)::VARCHAR), 1, 12)"
)


def generate(path: Path, form: str, lines: int, requests: str = _REQUESTS) -> None:
    """Writes ``lines`` lines of a format."""
    query = f"SELECT {_LINES[form]} AS line FROM ({requests})"
    with duckdb.connect() as database, path.open("w", encoding="utf-8") as file:
        result = database.execute(query, {"lines": lines, "agent": _AGENT})
        while rows := result.fetchmany(100_000):
            file.writelines(f"{line}\n" for (line,) in rows)


def generate_small_files(folder: Path) -> Path:
    """Writes a folder of small packed files of a load balancer."""
    whole = folder / "small.log"
    generate(whole, "alb", _SMALL_FILES * _SMALL_FILE_LINES, _VARIED)
    small = folder / "small"
    small.mkdir()
    with whole.open("rb") as file:
        for number in range(_SMALL_FILES):
            content = b"".join(itertools.islice(file, _SMALL_FILE_LINES))
            (small / f"elb_{number:05}.log.gz").write_bytes(gzip.compress(content))
    return small


def timed_import(form: str, path: Path) -> None:
    """Imports and prints, as JSON, how long that took and what became of the lines."""
    with tempfile.TemporaryDirectory() as home:
        started = time.perf_counter()
        done = ingest(importers()[form], [path], "bench", Library(Places(Path(home))))
        seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "lines": done.lines, "accepted": done.accepted}))  # noqa: T201  # to its parent


def measured(command: Sequence[str | Path], reports: bool = False) -> dict[str, float]:
    """Wall seconds and peak memory of a process; with ``reports``, its own figures, printed as JSON, come first.

    Any other output goes nowhere: `gzip -dc` must not be slowed by a disk.
    """
    started = time.perf_counter()
    output = subprocess.PIPE if reports else subprocess.DEVNULL
    with subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL, cwd=REPOSITORY) as process:
        peak_mb = 0.0
        while process.poll() is None:
            peak_mb = max(peak_mb, _resident_mb(process.pid))
            time.sleep(0.02)
        seconds = time.perf_counter() - started
        if process.returncode:
            raise SystemExit(f"{command[0]} failed")
        own = json.load(process.stdout) if process.stdout else {}
    return {"seconds": seconds, "process_seconds": seconds, "peak_mb": peak_mb, **own}


def _resident_mb(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def steps_of(folder: Path, lines: int, goaccess: str | None) -> dict[str, Callable[[], dict[str, float]]]:
    """What is measured, by name, in the order of a turn."""

    def imported(form: str, path: Path) -> dict[str, float]:
        own = [sys.executable, "-m", "tests.benchmarks.bench_import", "--import"]
        return measured([*own, form, path], reports=True)

    files = {form: folder / f"{form}.log" for form in _LINES}
    for form, path in files.items():
        generate(path, form, lines)
    varied = {form: folder / f"{form}.varied.log" for form in _LINES}
    for form, path in varied.items():
        generate(path, form, lines, _VARIED)
    small = generate_small_files(folder)
    quarter = folder / "alb.quarter.log"
    generate(quarter, "alb", lines // 4)
    for path in files.values():
        subprocess.run(["gzip", "-6", "--keep", path], check=True)  # noqa: S607  # any gzip will do
    packed = {form: folder / f"{form}.log.gz" for form in files}
    steps: dict[str, Callable[[], dict[str, float]]] = {
        "alb, a quarter": lambda: imported("alb", quarter),
        "alb": lambda: imported("alb", files["alb"]),
        "combined": lambda: imported("combined", files["combined"]),
        "alb, varied": lambda: imported("alb", varied["alb"]),
        "combined, varied": lambda: imported("combined", varied["combined"]),
        _SMALL: lambda: imported("alb", small),
        "alb.gz": lambda: imported("alb", packed["alb"]),
        "combined.gz": lambda: imported("combined", packed["combined"]),
        "gzip -dc alb.gz": lambda: measured(["gzip", "-dc", packed["alb"]]),
        "gzip -dc combined.gz": lambda: measured(["gzip", "-dc", packed["combined"]]),
    }
    if goaccess:
        report = folder / "goaccess.json"
        options = ["--log-format=COMBINED", "--no-global-config", "--no-progress", "-o", str(report)]
        steps["goaccess"] = lambda: measured([goaccess, str(files["combined"]), *options])
    return steps


def show(console: Console, results: Mapping[str, Sequence[Mapping[str, float]]], folder: Path, lines: int) -> None:
    """Medians of all turns, and the ratios with their bounds."""
    median = {name: statistics.median(one["seconds"] for one in turns) for name, turns in results.items()}
    process = {name: statistics.median(one["process_seconds"] for one in turns) for name, turns in results.items()}
    peak = {name: max(one["peak_mb"] for one in turns) for name, turns in results.items()}
    table = Table("", "seconds", "with its start", "lines/s", "peak MB", header_style="bold")
    for name, seconds in median.items():
        many = {"alb, a quarter": lines // 4, _SMALL: _SMALL_FILES * _SMALL_FILE_LINES}.get(name, lines)
        table.add_row(name, f"{seconds:.2f}", f"{process[name]:.2f}", f"{many / seconds:,.0f}", f"{peak[name]:,.0f}")
    console.print(table)
    alb_mb = (folder / "alb.log").stat().st_size / 1e6
    verdicts = [
        ("ALB, MB/s", alb_mb / median["alb"], _ALB_MB_PER_S, True),
        *(
            (f"{form}.gz, times gzip -dc", median[f"{form}.gz"] / median[f"gzip -dc {form}.gz"], _GZIP_TIMES, False)
            for form in _LINES
        ),
        ("small files, files/s", _SMALL_FILES / median[_SMALL], _SMALL_FILES_PER_S, True),
        ("small files, lines/s", _SMALL_FILES * _SMALL_FILE_LINES / median[_SMALL], _SMALL_LINES_PER_S, True),
        ("peak memory, MB", max(peak[name] for form in _LINES for name in (form, f"{form}.gz")), _PEAK_MB, False),
        ("peak memory, whole file to a quarter", peak["alb"] / peak["alb, a quarter"], 1.25, False),
    ]
    if "goaccess" in median:
        times = median["goaccess"] / median["combined"]
        verdicts.insert(1, ("combined, times GoAccess's rows/s", times, _GOACCESS_TIMES, True))
    bounds = Table("", "measured", "bound", "", header_style="bold")
    for name, value, bound, at_least in verdicts:
        kept = value >= bound if at_least else value <= bound
        words = "at least" if at_least else "at most"
        bounds.add_row(name, f"{value:,.2f}", f"{words} {bound:g}", "kept" if kept else "MISSED")
    console.print(bounds)


def main() -> None:
    """Generates, measures in turns, shows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--lines", type=int, default=2_000_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--goaccess", default=shutil.which("goaccess"), help="where it is, if not on the path")
    parser.add_argument("--import", dest="step", nargs=2, metavar=("FORMAT", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        timed_import(options.step[0], Path(options.step[1]))
        return
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with console.status(f"generating {options.lines:,} lines of each format"):
            steps = steps_of(folder, options.lines, options.goaccess)
        results: dict[str, list[dict[str, float]]] = {step: [] for step in steps}
        for turn in range(options.turns):
            for step, measure in steps.items():
                with console.status(f"turn {turn + 1} of {options.turns}: {step}"):
                    results[step].append(measure())
        for turns in results.values():
            for one in turns:
                if one.get("lines", one.get("accepted")) != one.get("accepted"):
                    raise SystemExit(f"lines were lost: {one}")
        show(console, results, folder, options.lines)
        if not options.goaccess:
            console.print("GoAccess is not installed: apt-get install goaccess, or --goaccess PATH")


if __name__ == "__main__":
    main()

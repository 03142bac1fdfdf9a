"""Recorded traffic as an asset: a partition for each recording, its figures, and whether it can be trusted.

Put here the node, its checks, and that materialising a file of the inbox imports it. Keep out how figures are computed
(`workloads.recordings.figures`, `workloads.recordings.traffic`) and when the inbox is read (`orchestration.inbox`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pyarrow as pa

from assets.architectures import OWNERS, POOL, RECORDED_TRAFFIC
from assets.presentation import column_schema, table_metadata
from assets.report.charts.rendering import markdown_image
from assets.report.charts.traffic import rate_figure
from workloads.errors import ArchduelError, choose
from workloads.inbox import VARIABLE, Inbox
from workloads.inbox.importing import bring_in
from workloads.inbox.ledger import Ledger
from workloads.places import Places
from workloads.recordings.figures import Figures, figures
from workloads.recordings.library import Library
from workloads.recordings.recording import COLUMNS, SCHEMA
from workloads.recordings.traffic import GAP_TIMES_TYPICAL, MIN_GAP_S, Course, course

GROUP = "recorded_traffic"
BOOKS, CLOCK, GAPS = "every_line_accounted_for", "clock_goes_forward", "no_gaps"

_PARTS = ("accepted", "dropped", "quarantined", "blank", "header")
_SLACK_S = 1.0  # beyond the longest latency: a line is written when its request is over, stamped when it came
_SHOWN_GAPS = 20

_CHECKS = {
    BOOKS: "Lines read less those with a known fate: 0.",
    CLOCK: (
        f"No request is stamped earlier than one before it in its file, but for the longest latency and {_SLACK_S:g} s."
    ),
    GAPS: (
        f"No pause is longer than {GAP_TIMES_TYPICAL:g} times what 99 in 100 are no longer than, and than"
        f" {MIN_GAP_S:g} s."
    ),
}


class InboxImport(dg.Config):
    """A file of the inbox to import first; none unless the inbox's sensor names one."""

    inbox_file: str = ""
    night: str = ""  # the date its comparison belongs to


def recorded_traffic_asset(
    places: Places, recordings: dg.PartitionsDefinition, inbox: Inbox | None
) -> dg.AssetsDefinition:
    """One node, a partition for each recording in the library.

    Args:
        places: The home with the library.
        recordings: A partition for each recording.
        inbox: Where files to import are; None where there is none.
    """

    @dg.asset(
        key=RECORDED_TRAFFIC,
        group_name=GROUP,
        description=(
            "What was recorded, a partition for each recording: its figures, its rate over time, and what became of"
            " each imported line. A replay needs the one its cell is named for."
        ),
        kinds={"parquet"},
        owners=OWNERS,
        partitions_def=recordings,
        pool=POOL,  # an import beside a replay would be measured with it
        check_specs=[
            dg.AssetCheckSpec(name, asset=RECORDED_TRAFFIC, description=description)
            for name, description in _CHECKS.items()
        ],
    )
    def recorded_traffic(context: dg.AssetExecutionContext, config: InboxImport) -> dg.MaterializeResult:
        library = Library(places)
        if config.inbox_file:
            if inbox is None:
                raise ArchduelError(f"cannot import {config.inbox_file} from the inbox: {VARIABLE} is not set")
            imported = bring_in(config.inbox_file, inbox, Ledger(places.inbox_ledger), library, config.night)
            context.log.info(f"imported {imported.lines:,} lines" if imported else "imported already")
        name = context.partition_key
        path = choose(library.paths(), name, "workload")
        totals, over_time = figures(library, name), course(path)
        with path.open("rb") as file:
            version = hashlib.file_digest(file, "blake2b").hexdigest()[:16]
        return dg.MaterializeResult(
            metadata={
                "rate_over_time": dg.MetadataValue.md(markdown_image(rate_figure(over_time))),
                **_figures(totals, over_time),
                **_books(totals.provenance),
                "path": dg.MetadataValue.path(str(path)),
                "dagster/row_count": totals.requests,
                "dagster/column_schema": column_schema(SCHEMA, COLUMNS),
            },
            check_results=list(recording_checks(name, totals, over_time)),
            data_version=dg.DataVersion(version),
        )

    return recorded_traffic


def _figures(totals: Figures, over_time: Course) -> dict[str, Any]:
    return {
        "requests": totals.requests,
        "duration_s": totals.duration_s,
        "mean_per_s": totals.mean_per_s,
        "peak_per_s": totals.peak_per_s,
        "command_share": totals.command_share,
        "subsecond": totals.subsecond,
        "first_arrival": str(totals.provenance.get("first_arrival", "not known")),
        "typical_pause_s": over_time.typical_pause_s,
    }


def _books(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What became of the lines, and what else is known of where the recording comes from."""
    metadata: dict[str, Any] = {"provenance": dg.MetadataValue.json(dict(provenance))}
    metadata |= {name: provenance[name] for name in ("lines", *_PARTS) if name in provenance}
    reasons = [
        {"what became of it": fate, "why": why, "lines": count}
        for fate in ("dropped", "quarantined")
        for why, count in provenance.get(f"{fate}_by_{'rule' if fate == 'dropped' else 'reason'}", {}).items()
    ]
    if reasons:
        metadata["left_out"] = table_metadata(pa.Table.from_pylist(reasons))
    return metadata


def recording_checks(name: str, totals: Figures, over_time: Course) -> tuple[dg.AssetCheckResult, ...]:
    """Whether every line of a recording is accounted for, its clock goes forward, and it has no gaps.

    Args:
        name: The recording's name.
        totals: Its figures.
        over_time: Its rates and gaps.
    """
    return tuple(_result(name, found) for found in (_accounted(totals), _clock(totals, over_time), _gaps(over_time)))


@dataclass(frozen=True)
class _Found:
    check: str
    passed: bool
    text: str
    severity: dg.AssetCheckSeverity
    metadata: Mapping[str, Any]


def _result(name: str, found: _Found) -> dg.AssetCheckResult:
    # Checks by partition are a preview in Dagster 1.13: the description says which recording it is about.
    return dg.AssetCheckResult(
        check_name=found.check,
        passed=found.passed,
        severity=found.severity,
        description=f"{name}: {found.text}",
        metadata={"recording": name, **found.metadata},
    )


def _accounted(totals: Figures) -> _Found:
    books = totals.provenance
    if "lines" in books:
        unaccounted = books["lines"] - sum(books[part] for part in _PARTS) or books["accepted"] - totals.requests
        text = f"{unaccounted:,} of {books['lines']:,} lines are not accounted for."
    else:
        unaccounted = int(books.get("requests", totals.requests)) - totals.requests
        text = f"{unaccounted:,} requests are not accounted for. There were no lines: it was recorded, not imported."
    return _Found(BOOKS, unaccounted == 0, text, dg.AssetCheckSeverity.ERROR, {"unaccounted": unaccounted})


def _clock(totals: Figures, over_time: Course) -> _Found:
    books = totals.provenance
    if "behind_most_s" not in books:
        text = "recorded in order." if "lines" not in books else "not known: imported before this was written down."
        return _Found(CLOCK, True, text, dg.AssetCheckSeverity.WARN, {})
    allowed_s = over_time.longest_latency_s + _SLACK_S
    text = (
        f"{books['behind']:,} requests are stamped earlier than one before them, by {books['behind_most_s']:g} s at"
        f" most; {allowed_s:g} s are usual. They are replayed in the order of their stamps."
    )
    figures = {"requests": books["behind"], "max_behind_s": books["behind_most_s"], "allowed_s": allowed_s}
    return _Found(CLOCK, books["behind_most_s"] <= allowed_s, text, dg.AssetCheckSeverity.WARN, figures)


def _gaps(over_time: Course) -> _Found:
    rows = [{"from, s": gap.start_s, "for, s": gap.length_s} for gap in over_time.gaps[:_SHOWN_GAPS]]
    text = f"{len(over_time.gaps):,} pauses over {over_time.gap_s:,.0f} s. A replay cuts long pauses."
    metadata: dict[str, Any] = {"gaps": len(over_time.gaps), "a_gap_is_over_s": over_time.gap_s}
    if rows:
        metadata["where"] = table_metadata(pa.Table.from_pylist(rows))
    return _Found(GAPS, not over_time.gaps, text, dg.AssetCheckSeverity.WARN, metadata)

"""Imports: every line accounted for, nothing personal kept, all or nothing."""

import gzip
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import workloads.importers.formats as package
from workloads.errors import ArchduelError, UsageError
from workloads.importers.files import reading
from workloads.importers.formats import importers
from workloads.importers.ingest import QUARANTINE, Import, ingest
from workloads.importers.rules.privacy import library_key
from workloads.places import REPOSITORY, Places
from workloads.recordings.library import Library
from workloads.recordings.recording import SCHEMA, peak_rate

TRACES = REPOSITORY.parent / "shared" / "traces"

COMBINED = b'203.0.113.7 - - [17/May/2015:10:05:03 +0000] "GET /orders/17?token=a HTTP/1.1" 200 12 "-" "curl/8"'
ALB = (
    b"http 2022-07-05T04:47:50.273035Z app/game/2b39 203.0.113.7:65301 192.168.84.111:80 0.001 0.020 0.000 201 201 "
    b'472 696 "POST https://shop.example:443/orders?token=a HTTP/1.1" "curl/8" - - arn:aws:x "Root=1-62c3" "-" "-" 1 '
    b'2022-07-05T04:47:50.271000Z "forward" "-" "-" "192.168.84.111:80" "201" "-" "-"'
)
LINES = {"combined": COMBINED, "alb": ALB}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def library(home: Path) -> Library:
    return Library(Places(home), bundled=home / "no-bundled")


@pytest.fixture
def log(tmp_path: Path) -> Callable[..., Path]:
    """Writes lines to a file and says where."""

    def write(*lines: bytes, name: str = "access.log", end: bytes = b"\n") -> Path:
        path = tmp_path / name
        path.write_bytes(b"".join(line + end for line in lines))
        return path

    return write


def combined(
    request: str = "GET /orders/17 HTTP/1.1",
    date: str = "17/May/2015:10:05:03 +0000",
    client: str = "203.0.113.7",
    status: str = "200",
) -> bytes:
    return f'{client} - - [{date}] "{request}" {status} 12 "-" "curl/8"'.encode()


def run(library: Library, path: Path | str, form: str = "combined", *, name: str = "mine", seed: int = 0) -> Import:
    return ingest(importers()[form], [path], name, library, seed=seed)


def column(library: Library, name: str, recording: str = "mine") -> list[object]:
    return list(library.load(recording).table.column(name).to_pylist())


def accounted(result: Import) -> int:
    return result.accepted + result.dropped + result.quarantined + result.blank + result.header


class TestRegistry:
    def test_gains_a_format_by_one_module_and_no_edit_elsewhere(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "another_format.py").write_text(
            "from dataclasses import replace\nfrom workloads.importers.formats.combined import IMPORTER as COMBINED\n"
            "IMPORTER = replace(COMBINED, name='another')\n"
        )
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
        monkeypatch.setitem(sys.modules, "workloads.importers.formats.another_format", None)
        monkeypatch.delitem(sys.modules, "workloads.importers.formats.another_format")
        assert "another" in importers()

    def test_every_importer_shows_a_line_it_would_read(self) -> None:
        assert {"alb", "combined"} <= set(importers())
        for name, importer in importers().items():
            assert importer.name == name
            assert importer.description
            assert importer.example


class TestMapping:
    def test_alb_line_becomes_a_request(self, library: Library, log: Callable[..., Path]) -> None:
        result = run(library, log(ALB), "alb")
        table = library.load("mine").table
        assert table.schema.equals(SCHEMA)
        assert table.drop_columns(["client"]).to_pylist() == [
            {
                "request_id": 0,
                "arrival_us": 0,
                "operation": "command",
                "entity": None,
                "method": "POST",
                "path": "/orders",
                "payload_bytes": 472,
                "recorded_status": 201,
                "recorded_latency_us": 21_000,
                "subsecond": "recorded",
            }
        ]
        assert result.first_arrival.isoformat() == "2022-07-05T04:47:50.271000+00:00"

    def test_combined_line_becomes_a_request(self, library: Library, log: Callable[..., Path]) -> None:
        run(library, log(COMBINED))
        assert library.load("mine").table.drop_columns(["client"]).to_pylist() == [
            {
                "request_id": 0,
                "arrival_us": 0,
                "operation": "query",
                "entity": "/orders/17",
                "method": "GET",
                "path": "/orders/17",
                "payload_bytes": 0,
                "recorded_status": 200,
                "recorded_latency_us": None,
                "subsecond": "synthetic",
            }
        ]

    def test_commands_share_the_entity_of_queries_only_where_the_path_ends_in_an_id(
        self, library: Library, log: Callable[..., Path]
    ) -> None:
        entities = [
            ("GET /orders?page=2 HTTP/1.1", "/orders"),
            ("HEAD / HTTP/1.0", "/"),
            ("POST /orders HTTP/1.1", None),
            ("PUT /orders/17 HTTP/1.1", "/orders/17"),
            ("DELETE /orders/17/ HTTP/1.1", "/orders/17/"),
            (
                "PATCH /orders/6f1c2d3e-4b5a-6978-8796-a5b4c3d2e1f0?x=1 HTTP/2.0",
                "/orders/6f1c2d3e-4b5a-6978-8796-a5b4c3d2e1f0",
            ),
            ("POST /orders/507f1f77bcf86cd799439011 HTTP/1.1", "/orders/507f1f77bcf86cd799439011"),
            ("POST /orders/17/cancel HTTP/1.1", None),
            ("POST /facade HTTP/1.1", None),
        ]
        run(library, log(*(combined(request_line) for request_line, _ in entities)))
        assert column(library, "entity") == [entity for _, entity in entities]

    def test_a_command_without_a_recorded_size_gets_one(self, library: Library, log: Callable[..., Path]) -> None:
        run(library, log(combined("POST /orders HTTP/1.1")))
        assert column(library, "payload_bytes") == [300]

    def test_latency_is_unknown_where_the_load_balancer_says_minus_one(
        self, library: Library, log: Callable[..., Path]
    ) -> None:
        run(library, log(ALB.replace(b" 0.001 0.020 0.000 ", b" -1 -1 -1 ")), "alb")
        assert column(library, "recorded_latency_us") == [None]

    def test_path_is_what_is_left_of_a_target_without_secrets(self, library: Library, log: Callable[..., Path]) -> None:
        paths = [
            ("https://shop.example:443/a/b?x=1", "/a/b"),
            ("https://user:secret@shop.example?x=1", "/"),
            ("//double", "//double"),
            ("/a#b", "/a"),
            ("/a b", "/a b"),
            ("/a%3Ftoken=b", "/a"),
            ("/a;jsessionid=b/c", "/a/c"),
            ("/users/jane.doe+x@mail.example.org/orders", "/users/:email/orders"),
            ("/users/jane%40example.com", "/users/:email"),
            ("/users/jane%2540example.com", "/users/:email"),
            ("//jane:hunter2@internal/a", "//:token@internal/a"),
            ("//jane:hunter2@shop.example/a", "//:token@:email/a"),
            ("/fetch/http://hunter2@internal/a", "/fetch/http://:token@internal/a"),
            ("/fetch/https%3A%2F%2Fjane%3Ahunter2%40internal%2Fa", "/fetch/https://:token@internal/a"),
            ("/login/jane:hunter2@internal", "/login/:token@internal"),
            ("/img/logo@2x.png", "/img/logo@2x.png"),
            ("/npm/jquery@3.6.0/dist", "/npm/jquery@3.6.0/dist"),
        ]
        run(library, log(*(combined(f"GET {target} HTTP/1.1") for target, _ in paths)))
        assert column(library, "path") == [path for _, path in paths]

    def test_variants_of_combined_are_one_request_of_one_client(
        self, library: Library, log: Callable[..., Path]
    ) -> None:
        begin = b'203.0.113.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1"'
        lines = {
            "common": begin + b" 200 12",
            "no bytes": begin + b" 304 -",
            "extra fields": begin.replace(b"- -", b"- John Doe") + b' 200 12 "-" "x" "more" 0.1 "and"',
            "cut off": begin + b' 200 12 "-" "cut o',
            "escaped quote": begin + b' 200 12 "-" "an \\" escaped"',
            "virtual host": b"shop.example:443 " + begin + b' 200 12 "-" "x"',
            "HTTP 0.9": begin.replace(b" HTTP/1.1", b"") + b" 200 12",
        }
        result = run(library, log(*lines.values(), combined("GET /a HTTP/1.1")))
        assert result.accepted == len(lines) + 1
        assert set(column(library, "path")) == {"/a"}
        assert len(set(column(library, "client"))) == 1

    @pytest.mark.parametrize(
        ("form", "one", "two"),
        [
            ("combined", combined(client="2001:db8::1"), combined(client="2001:db8::2")),
            (
                "alb",
                ALB.replace(b"203.0.113.7:65301", b"[2001:db8::1]:65301"),
                ALB.replace(b"203.0.113.7:65301", b"[2001:db8::1]:9"),
            ),
        ],
    )
    def test_ipv6_clients_are_distinguished_by_address_and_not_by_port(
        self, library: Library, log: Callable[..., Path], form: str, one: bytes, two: bytes
    ) -> None:
        run(library, log(one, two), form)
        assert len(set(column(library, "client"))) == (2 if form == "combined" else 1)

    def test_alb_fields_added_at_the_end_are_ignored(self, library: Library, log: Callable[..., Path]) -> None:
        assert run(library, log(ALB + b' TID_0123 "-" "-" "-"'), "alb").accepted == 1


class TestTime:
    def test_requests_are_in_order_of_arrival_and_numbered(self, library: Library, log: Callable[..., Path]) -> None:
        dates = ["17/May/2015:10:05:43 +0000", "17/May/2015:10:05:03 +0000", "16/May/2015:23:59:59 +0000"]
        run(library, log(*(combined(f"GET /{index} HTTP/1.1", date) for index, date in enumerate(dates))))
        assert column(library, "path") == ["/2", "/1", "/0"]
        assert column(library, "request_id") == [0, 1, 2]
        assert column(library, "arrival_us")[0] == 0

    def test_time_zones_are_honoured(self, library: Library, log: Callable[..., Path]) -> None:
        east, west = (
            combined("GET /east HTTP/1.1", "17/May/2015:12:00:00 +0530"),
            combined("GET /west HTTP/1.1", "17/May/2015:00:00:00 -0700"),
        )
        result = run(library, log(west, east))
        assert column(library, "path") == ["/east", "/west"]
        assert result.first_arrival.isoformat() == "2015-05-17T06:30:00+00:00"
        assert result.last_arrival.isoformat() == "2015-05-17T07:00:00+00:00"

    def test_whole_seconds_are_spread_within_the_second_and_keep_their_order(
        self, library: Library, log: Callable[..., Path]
    ) -> None:
        result = run(library, log(*(combined(f"GET /{index} HTTP/1.1") for index in range(500))))
        arrivals = library.load("mine").arrival_us
        assert column(library, "path") == [f"/{index}" for index in range(500)]
        assert len(set(arrivals.tolist())) > 490
        assert 900_000 < arrivals[-1] < 1_000_000
        assert result.subsecond == "synthetic"
        assert result.peak_per_s == 500

    def test_no_second_is_busier_than_the_busiest_of_a_log_stamped_to_the_second(
        self, library: Library, log: Callable[..., Path]
    ) -> None:
        a_second = np.random.default_rng(1).integers(1, 60, 50).tolist()
        dates = [f"17/May/2015:10:05:{second:02} +0000" for second, count in enumerate(a_second) for _ in range(count)]
        result = run(library, log(*(combined(date=date) for date in dates)))
        assert result.peak_per_s == peak_rate(library.load("mine").arrival_us) == max(a_second)

    def test_quiet_seconds_of_a_log_stamped_to_the_second_do_not_begin_alike(
        self, library: Library, log: Callable[..., Path]
    ) -> None:
        dates = ["17/May/2015:10:05:00 +0000"] * 30 + [
            f"17/May/2015:10:05:{second:02} +0000" for second in range(1, 31)
        ]
        run(library, log(*(combined(date=date) for date in dates)))
        assert len(set((library.load("mine").arrival_us[30:] % 1_000_000).tolist())) > 10

    def test_the_same_bytes_and_seed_give_the_same_requests(self, library: Library, log: Callable[..., Path]) -> None:
        path = log(*(combined(f"GET /{index} HTTP/1.1") for index in range(50)))
        for name, seed in (("one", 1), ("same", 1), ("other", 2)):
            run(library, path, name=name, seed=seed)
        assert library.load("one").table.equals(library.load("same").table)
        assert not library.load("one").table.equals(library.load("other").table)

    def test_neither_batches_nor_blocks_change_the_result(
        self, library: Library, log: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = log(*(combined(f"GET /{n} HTTP/1.1", f"17/May/2015:10:05:{n % 7:02} +0000") for n in range(300)))
        run(library, path, name="whole")
        monkeypatch.setattr(reading, "BLOCK_BYTES", 777)
        monkeypatch.setattr("workloads.importers.staging._ROWS_AT_ONCE", 16)
        run(library, path, name="pieces")
        assert library.load("whole").table.equals(library.load("pieces").table)

    def test_a_request_out_of_order_is_put_in_its_place_among_those_written_before_it_was_read(
        self, library: Library, log: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "BLOCK_BYTES", 777)
        lines = [combined(f"GET /{n} HTTP/1.1", f"17/May/2015:10:05:{n // 10:02} +0000") for n in range(300)]
        late = combined("GET /late HTTP/1.1", "17/May/2015:10:05:00 +0000")
        result = run(library, log(*lines[:200], late, *lines[200:]))
        paths = [f"/{n}" for n in range(300)]
        assert column(library, "path") == [*paths[:10], "/late", *paths[10:]]
        assert column(library, "request_id") == list(range(301))
        assert (result.accepted, result.behind) == (301, 1)

    def test_a_date_that_is_none_is_quarantined(self, library: Library, log: Callable[..., Path]) -> None:
        dates = [
            "31/Feb/2015:10:05:03 +0000",
            "17/May/2015:10:05:03",
            "infinity",
            "17/Mai/2015:10:05:03 +0000",
            "17/May/0015:10:05:03 +0000",
        ]
        result = run(library, log(*(combined(date=date) for date in dates), COMBINED))
        assert (result.accepted, result.quarantined) == (1, len(dates))
        assert all("date" in reason for reason in result.quarantined_by_reason)


class TestBooks:
    def test_every_line_is_somewhere(self, library: Library, log: Callable[..., Path]) -> None:
        result = run(
            library,
            log(
                COMBINED,
                b"",
                b" \t",
                combined("OPTIONS * HTTP/1.1"),
                combined("OPTIONS /a HTTP/1.1"),
                combined("FROB /a HTTP/1.1"),
                combined("-", status="408"),
                combined("\\x16\\x03\\x01", status="400"),
                combined("GET nowhere HTTP/1.1"),
                b"not a log line",
                b"203.0.113.7 \x00",
            ),
        )
        assert result.lines == 11 == accounted(result)
        assert (result.accepted, result.blank, result.header) == (1, 2, 0)
        assert result.dropped_by_rule == {
            "method OPTIONS is neither command nor query": 2,
            "an unregistered method is neither command nor query": 1,
            "a connection without a request": 1,
        }
        assert sum(result.quarantined_by_reason.values()) == result.quarantined == 4
        assert library.provenance("mine")["quarantined_by_reason"] == result.quarantined_by_reason

    def test_quarantine_says_where_and_why_in_the_order_of_lines(
        self, library: Library, log: Callable[..., Path], home: Path
    ) -> None:
        run(library, log(COMBINED, "Grüße 42, \x1b[31m!".encode(), COMBINED, b"x" * 600))
        quarantine = pq.read_table(home / "recordings" / "mine" / "quarantine.parquet")
        assert quarantine.schema.equals(QUARANTINE)
        first, second = quarantine.to_pylist()
        assert (first["recording"], first["file"], first["line_number"]) == ("mine", "access.log", 2)
        assert first["shape"] == "aaaaa 99,  [99a!"
        assert (second["line_number"], second["shape"]) == (4, "a" * 500)

    @pytest.mark.parametrize(
        ("form", "unterminated"),
        [
            (
                "combined",
                [
                    COMBINED.replace(b'HTTP/1.1"', b"HTTP/1.1"),
                    COMBINED.replace(b' "-" "curl/8"', b"").replace(b'HTTP/1.1"', b"HTTP/1.1"),
                ],
            ),
            (
                "alb",
                [ALB.replace(b'HTTP/1.1"', b"HTTP/1.1"), ALB.replace(b'"curl/8"', b'"curl/8'), ALB[:200]],
            ),
        ],
    )
    def test_an_unterminated_quote_costs_its_own_line_only(
        self, library: Library, log: Callable[..., Path], form: str, unterminated: list[bytes]
    ) -> None:
        lines = [line for broken in unterminated for line in (LINES[form], broken)]
        result = run(library, log(*lines, LINES[form]), form)
        assert (result.accepted, result.quarantined) == (len(unterminated) + 1, len(unterminated))

    def test_bytes_that_are_no_utf8_are_read_as_servers_write_them(
        self, library: Library, log: Callable[..., Path]
    ) -> None:
        line = COMBINED.replace(b"/orders/17", b"/caf\xe9")
        assert run(library, log(line, COMBINED.replace(b"curl", b"\xff\xfe"))).accepted == 2
        assert column(library, "path") == ["/caf\\xe9", "/orders/17"]

    def test_a_byte_order_mark_is_no_part_of_the_first_line(self, library: Library, log: Callable[..., Path]) -> None:
        run(library, log(b"\xef\xbb\xbf" + COMBINED, COMBINED))
        assert len(set(column(library, "client"))) == 1

    @pytest.mark.parametrize("length", [reading.LONGEST_LINE_BYTES, 3 * reading.BLOCK_BYTES])
    def test_a_line_without_end_is_one_quarantined_line(
        self, library: Library, log: Callable[..., Path], length: int
    ) -> None:
        result = run(library, log(COMBINED, COMBINED + b"x" * length, COMBINED))
        assert (result.lines, result.accepted, result.quarantined) == (3, 2, 1)
        assert "longer than" in next(iter(result.quarantined_by_reason))

    def test_files_are_read_in_the_order_given_packed_or_not(self, library: Library, log: Callable[..., Path]) -> None:
        plain = log(combined("GET /first HTTP/1.1"), name="access.log.1")
        packed = log(name="access.log.2.gz")
        packed.write_bytes(gzip.compress(combined("GET /second HTTP/1.1")) + gzip.compress(combined("\nGET")))
        misnamed = log(combined("GET /third HTTP/1.1"), name="access.log.3.gz")
        result = ingest(importers()["combined"], [plain, packed, misnamed, log(name="access.log")], "mine", library)
        assert column(library, "path") == ["/first", "/second", "/third"]
        assert result.files == {"access.log.1": 1, "access.log.2.gz": 2, "access.log.3.gz": 1, "access.log": 0}

    def test_progress_ends_with_all_read(self, library: Library, log: Callable[..., Path]) -> None:
        seen: list[tuple[int, int, int]] = []

        def progress(*, lines: int, bytes_read: int, bytes_total: int) -> None:
            seen.append((lines, bytes_read, bytes_total))

        paths = [log(COMBINED, name="a"), log(COMBINED, COMBINED, name="b")]
        ingest(importers()["combined"], paths, "mine", library, progress=progress)
        total = sum(path.stat().st_size for path in paths)
        assert seen[-1] == (3, total, total)


class TestObjectStore:
    class Bucket:
        """Objects in memory, as `ObjectStore`."""

        def __init__(self, objects: dict[str, bytes]) -> None:
            self._objects = objects

        def download(self, uri: str, folder: Path) -> list[Path]:
            found = []
            for key in sorted(key for key in self._objects if key.startswith(uri)):
                found.append(folder / key.rsplit("/", 1)[1])
                found[-1].write_bytes(self._objects[key])
            return found

    def test_objects_under_a_prefix_are_read_and_not_kept(self, library: Library, home: Path) -> None:
        bucket = self.Bucket({"s3://logs/day/1.log": ALB + b"\n", "s3://logs/day/2.log.gz": gzip.compress(ALB)})
        result = ingest(importers()["alb"], ["s3://logs/day/"], "mine", library, object_store=bucket)
        assert result.files == {"1.log": 1, "2.log.gz": 1}
        files = sorted(path.name for path in (home / "recordings" / "mine").rglob("*"))
        assert files == ["provenance.json", "quarantine.parquet", "requests.parquet"]

    def test_an_empty_prefix_is_named(self, library: Library) -> None:
        with pytest.raises(ArchduelError, match="s3://logs/none"):
            ingest(importers()["alb"], ["s3://logs/none"], "mine", library, object_store=self.Bucket({}))

    def test_without_a_store_s3_is_wrong_usage(self, library: Library) -> None:
        with pytest.raises(UsageError, match="s3://logs/x"):
            run(library, "s3://logs/x", "alb")


class TestErrors:
    PACKED = gzip.compress(os.urandom(1000) + COMBINED * 200)

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            pytest.param(b"", "nothing to import", id="empty"),
            pytest.param(b"\n \r\n", "nothing to import", id="blank"),
            pytest.param(gzip.compress(b""), "nothing to import", id="empty gzip"),
            pytest.param(b"\x7fELF\x00\x01\n\x00\x02", "is binary", id="binary"),
            pytest.param(PACKED[:-30], "is cut off", id="cut gzip"),
            pytest.param(b"\x1f\x8b", "is cut off", id="gzip without data"),
            pytest.param(PACKED[:300] + bytes(60) + PACKED[360:], "is damaged", id="damaged gzip"),
            pytest.param(
                b"hello\nworld\n", "not in the format combined: expected lines like 192.0.2.1", id="other text"
            ),
            pytest.param(ALB + b"\n" + ALB, "it looks like alb, import it as that", id="other format"),
            pytest.param(combined("OPTIONS * HTTP/1.1"), "no command and no query", id="nothing left"),
        ],
    )
    def test_a_bad_file_is_named_in_one_line_and_nothing_changes(
        self, library: Library, log: Callable[..., Path], home: Path, data: bytes, message: str
    ) -> None:
        run(library, log(COMBINED, name="good.log"))
        before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
        bad = log(name="bad.log")
        bad.write_bytes(data)
        with pytest.raises(ArchduelError, match=message) as caught:
            run(library, bad)
        assert str(bad) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before

    def test_a_bad_file_after_good_ones_leaves_nothing(
        self, library: Library, log: Callable[..., Path], home: Path
    ) -> None:
        with pytest.raises(ArchduelError, match=r"bad\.log is not in the format"):
            ingest(importers()["combined"], [log(COMBINED), log(b"hello", name="bad.log")], "mine", library)
        assert library.paths() == {}
        assert [path.name for path in (home / "recordings").iterdir()] == [".key"]

    def test_a_missing_file_is_named_before_anything_is_read(
        self, library: Library, log: Callable[..., Path], tmp_path: Path
    ) -> None:
        progress: list[int] = []
        with pytest.raises(ArchduelError, match=r"missing\.log does not exist"):
            ingest(
                importers()["combined"],
                [log(COMBINED), tmp_path / "missing.log"],
                "mine",
                library,
                progress=lambda *, lines, bytes_read, bytes_total: progress.append(lines),
            )
        assert progress == []

    def test_a_folder_is_no_file(self, library: Library, tmp_path: Path) -> None:
        with pytest.raises(ArchduelError, match="is a folder"):
            run(library, tmp_path)

    def test_a_bad_name_is_wrong_usage(self, library: Library, log: Callable[..., Path]) -> None:
        with pytest.raises(UsageError):
            run(library, log(COMBINED), name="../up")

    def test_a_file_named_twice_would_count_twice(self, library: Library, log: Callable[..., Path]) -> None:
        with pytest.raises(UsageError, match="named twice"):
            ingest(importers()["combined"], [log(COMBINED), log(COMBINED)], "mine", library)

    def test_a_disk_that_cannot_be_written_is_no_traceback(self, log: Callable[..., Path], tmp_path: Path) -> None:
        (tmp_path / "home").write_text("a file where a folder must be")
        with pytest.raises(ArchduelError, match="could not be written"):
            run(Library(Places(tmp_path / "home")), log(COMBINED))


class TestPrivacy:
    SECRETS = (
        "203.0.113.77",
        "jane@example.com",
        "jane%40example.com",
        "tok3n-s3cret",
        "SpyAgent",
        "referrer.example",
        "janedoe",
    )

    REQUESTS = (
        "GET /u/jane@example.com?t=tok3n-s3cret HTTP/1.1",
        "PUT /u/jane%40example.com;t=tok3n-s3cret HTTP/1.1",
        "FROB /tok3n-s3cret HTTP/1.1",
        "tok3n-s3cret",
        "unterminated tok3n-s3cret jane@example.com \\",
    )

    def test_nothing_planted_is_in_any_file_written(
        self, library: Library, log: Callable[..., Path], home: Path
    ) -> None:
        date = "17/May/2015:10:05:03 +0000"
        tail = '200 1 "http://referrer.example/" "SpyAgent/1"'
        lines = [f'203.0.113.77 - janedoe [{date}] "{request}" {tail}'.encode() for request in self.REQUESTS]
        result = run(library, log(*lines))
        assert (result.accepted, result.dropped, result.quarantined) == (2, 1, 2)
        written = [path for path in home.rglob("*") if path.is_file()]
        texts = [path.read_bytes().decode(errors="replace") for path in written]
        texts += [str(pq.read_table(path).to_pylist()) for path in written if path.suffix == ".parquet"]
        texts.append(repr(result))
        for secret in self.SECRETS:
            assert not [text for text in texts if secret.lower() in text.lower()], secret

    def test_no_folder_of_this_machine_is_written(self, library: Library, log: Callable[..., Path], home: Path) -> None:
        path = log(COMBINED, b"junk")
        run(library, path)
        for written in (home / "recordings" / "mine").iterdir():
            assert str(path.parent).encode() not in written.read_bytes()

    def test_clients_have_one_name_in_all_recordings_of_a_library_and_another_elsewhere(
        self, library: Library, log: Callable[..., Path], tmp_path: Path
    ) -> None:
        elsewhere = Library(Places(tmp_path / "elsewhere"), bundled=tmp_path / "no-bundled")
        path = log(COMBINED)
        run(library, path, name="one")
        run(library, path, name="two")
        run(elsewhere, path, name="one")
        (one,), (two,), (other,) = (
            column(library, "client", "one"),
            column(library, "client", "two"),
            column(elsewhere, "client", "one"),
        )
        assert one == two != other
        assert len(str(one)) == 16
        int(str(one), 16)

    def test_the_key_is_for_its_owner_alone_and_not_with_the_data(
        self, library: Library, log: Callable[..., Path], home: Path
    ) -> None:
        run(library, log(COMBINED))
        key = home / "recordings" / ".key"
        assert key.stat().st_mode & 0o777 == 0o600
        assert not list((home / "recordings" / "mine").glob(".*"))
        assert library_key(key.parent) == key.read_bytes()

    def test_a_spoilt_key_is_named(self, home: Path, library: Library, log: Callable[..., Path]) -> None:
        (home / "recordings").mkdir(parents=True)
        (home / "recordings" / ".key").write_bytes(b"short")
        with pytest.raises(ArchduelError, match=r"\.key holds no key"):
            run(library, log(COMBINED))


def lines_in(data: bytes) -> int:
    """What ``wc -l`` counts, and one more where the last line has no end."""
    return data.count(b"\n") + bool(data and not data.endswith(b"\n"))


def real_log(name: str) -> Path:
    path = TRACES / name
    if not path.exists():
        pytest.skip(f"{path} is not here: real logs are not part of the repository")
    return path


class TestRealLogs:
    def test_apache_log_of_ten_thousand_lines(self, library: Library) -> None:
        path = real_log("elastic_apache_10k.log.gz")
        result = run(library, path)
        assert result.lines == lines_in(gzip.decompress(path.read_bytes())) == 10_000
        assert (result.accepted, result.quarantined, result.blank) == (9_999, 0, 0)
        assert result.dropped_by_rule == {"method OPTIONS is neither command nor query": 1}
        assert round(result.command_share * result.accepted) == 5
        assert result.subsecond == "synthetic"

    def test_load_balancer_log_with_a_last_line_that_has_no_end(self, library: Library) -> None:
        path = real_log("alb_opensearch.log")
        result = run(library, path, "alb")
        assert result.lines == lines_in(path.read_bytes()) == 63
        assert result.accepted == 63
        assert result.subsecond == "recorded"
        assert None not in column(library, "recorded_latency_us")

    @pytest.mark.parametrize(
        ("name", "form", "other"),
        [("elastic_apache_10k.log.gz", "alb", "combined"), ("alb_opensearch.log", "combined", "alb")],
    )
    def test_each_is_recognised_when_imported_as_the_other(
        self, library: Library, name: str, form: str, other: str
    ) -> None:
        with pytest.raises(ArchduelError, match=f"looks like {other}"):
            run(library, real_log(name), form)

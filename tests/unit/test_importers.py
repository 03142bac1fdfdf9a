"""Imports: every line accounted for, nothing personal kept, all or nothing."""

import gzip
import os
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import workloads.importers.formats as package
from tests.importing import COMBINED, Imports, balanced
from workloads.errors import ArchduelError, UsageError
from workloads.importers.files import reading
from workloads.importers.formats import importers
from workloads.importers.ingest import QUARANTINE
from workloads.importers.rules.privacy import library_key
from workloads.recordings.recording import peak_rate

ALB = (
    b"http 2022-07-05T04:47:50.273035Z app/game/2b39 203.0.113.7:65301 192.168.84.111:80 0.001 0.020 0.000 201 201 "
    b'472 696 "POST https://shop.example:443/orders?token=a HTTP/1.1" "curl/8" - - arn:aws:x "Root=1-62c3" "-" "-" 1 '
    b'2022-07-05T04:47:50.271000Z "forward" "-" "-" "192.168.84.111:80" "201" "-" "-"'
)
LINES = {"combined": COMBINED, "alb": ALB}


def combined(
    request: str = "GET /orders/17 HTTP/1.1",
    date: str = "17/May/2015:10:05:03 +0000",
    client: str = "203.0.113.7",
    status: str = "200",
) -> bytes:
    return f'{client} - - [{date}] "{request}" {status} 12 "-" "curl/8"'.encode()


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
        assert "another" in importers.__wrapped__()  # it is read once in a process

    def test_every_importer_shows_a_line_it_would_read(self) -> None:
        assert {"alb", "combined"} <= set(importers())
        for name, importer in importers().items():
            assert importer.name == name
            assert importer.description
            assert importer.example


class TestMapping:
    def test_commands_share_the_entity_of_queries_only_where_the_path_ends_in_an_id(self, imports: Imports) -> None:
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
        imports.lines(*(combined(request_line) for request_line, _ in entities))
        assert imports.column("entity") == [entity for _, entity in entities]

    def test_path_is_what_is_left_of_a_target_without_secrets(self, imports: Imports) -> None:
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
        imports.lines(*(combined(f"GET {target} HTTP/1.1") for target, _ in paths))
        assert imports.column("path") == [path for _, path in paths]

    def test_variants_of_combined_are_one_request_of_one_client(self, imports: Imports) -> None:
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
        result = imports.lines(*lines.values(), combined("GET /a HTTP/1.1"))
        assert result.accepted == len(lines) + 1
        assert set(imports.column("path")) == {"/a"}
        assert len(set(imports.column("client"))) == 1


class TestTime:
    def test_requests_are_in_order_of_arrival_and_numbered(self, imports: Imports) -> None:
        dates = ["17/May/2015:10:05:43 +0000", "17/May/2015:10:05:03 +0000", "16/May/2015:23:59:59 +0000"]
        imports.lines(*(combined(f"GET /{index} HTTP/1.1", date) for index, date in enumerate(dates)))
        assert imports.column("path") == ["/2", "/1", "/0"]
        assert imports.column("request_id") == [0, 1, 2]
        assert imports.column("arrival_us")[0] == 0

    def test_time_zones_are_honoured(self, imports: Imports) -> None:
        east, west = (
            combined("GET /east HTTP/1.1", "17/May/2015:12:00:00 +0530"),
            combined("GET /west HTTP/1.1", "17/May/2015:00:00:00 -0700"),
        )
        result = imports.lines(west, east)
        assert imports.column("path") == ["/east", "/west"]
        assert result.first_arrival.isoformat() == "2015-05-17T06:30:00+00:00"
        assert result.last_arrival.isoformat() == "2015-05-17T07:00:00+00:00"

    def test_whole_seconds_are_spread_within_the_second_and_keep_their_order(self, imports: Imports) -> None:
        result = imports.lines(*(combined(f"GET /{index} HTTP/1.1") for index in range(500)))
        arrivals = imports.library.load("mine").arrival_us
        assert imports.column("path") == [f"/{index}" for index in range(500)]
        assert len(set(arrivals.tolist())) > 490
        assert 900_000 < arrivals[-1] < 1_000_000
        assert result.subsecond == "synthetic"
        assert result.peak_per_s == 500

    def test_no_second_is_busier_than_the_busiest_of_a_log_stamped_to_the_second(self, imports: Imports) -> None:
        a_second = np.random.default_rng(1).integers(1, 60, 50).tolist()
        dates = [f"17/May/2015:10:05:{second:02} +0000" for second, count in enumerate(a_second) for _ in range(count)]
        result = imports.lines(*(combined(date=date) for date in dates))
        assert result.peak_per_s == peak_rate(imports.library.load("mine").arrival_us) == max(a_second)

    def test_quiet_seconds_of_a_log_stamped_to_the_second_do_not_begin_alike(self, imports: Imports) -> None:
        seconds = [0] * 30 + list(range(1, 31))
        imports.lines(*(combined(date=f"17/May/2015:10:05:{second:02} +0000") for second in seconds))
        assert len(set((imports.library.load("mine").arrival_us[30:] % 1_000_000).tolist())) > 10

    def test_the_same_bytes_and_seed_give_the_same_requests(self, imports: Imports) -> None:
        path = imports.log(*(combined(f"GET /{index} HTTP/1.1") for index in range(50)))
        for name, seed in (("one", 1), ("same", 1), ("other", 2)):
            imports.read(path, form="combined", name=name, seed=seed)
        assert imports.library.load("one").table.equals(imports.library.load("same").table)
        assert not imports.library.load("one").table.equals(imports.library.load("other").table)

    def test_neither_batches_nor_blocks_change_the_result(
        self, imports: Imports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = imports.log(*(combined(f"GET /{n} HTTP/1.1", f"17/May/2015:10:05:{n % 7:02} +0000") for n in range(300)))
        imports.read(path, form="combined", name="whole")
        monkeypatch.setattr(reading, "BLOCK_BYTES", 777)
        monkeypatch.setattr("workloads.importers.staging._ROWS_AT_ONCE", 16)
        imports.read(path, form="combined", name="pieces")
        assert imports.library.load("whole").table.equals(imports.library.load("pieces").table)

    def test_a_request_out_of_order_is_put_in_its_place_among_those_written_before_it_was_read(
        self, imports: Imports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "BLOCK_BYTES", 777)
        lines = [combined(f"GET /{n} HTTP/1.1", f"17/May/2015:10:05:{n // 10:02} +0000") for n in range(300)]
        late = combined("GET /late HTTP/1.1", "17/May/2015:10:05:00 +0000")
        result = imports.lines(*lines[:200], late, *lines[200:])
        paths = [f"/{n}" for n in range(300)]
        assert imports.column("path") == [*paths[:10], "/late", *paths[10:]]
        assert imports.column("request_id") == list(range(301))
        assert (result.accepted, result.behind) == (301, 1)

    def test_a_date_that_is_none_is_quarantined(self, imports: Imports) -> None:
        dates = [
            "31/Feb/2015:10:05:03 +0000",
            "17/May/2015:10:05:03",
            "infinity",
            "17/Mai/2015:10:05:03 +0000",
            "17/May/0015:10:05:03 +0000",
        ]
        result = imports.lines(*(combined(date=date) for date in dates), COMBINED)
        assert (result.accepted, result.quarantined) == (1, len(dates))
        assert all("date" in reason for reason in result.quarantined_by_reason)


class TestBooks:
    def test_every_line_is_somewhere(self, imports: Imports) -> None:
        result = imports.lines(
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
        )
        assert (result.lines, balanced(result)) == (11, True)
        assert (result.accepted, result.blank, result.header) == (1, 2, 0)
        assert result.dropped_by_rule == {
            "method OPTIONS is neither command nor query": 2,
            "an unregistered method is neither command nor query": 1,
            "a connection without a request": 1,
        }
        assert sum(result.quarantined_by_reason.values()) == result.quarantined == 4
        assert imports.library.provenance("mine")["quarantined_by_reason"] == result.quarantined_by_reason

    def test_millions_of_blank_lines_are_counted_and_lines_between_keep_their_numbers(self, imports: Imports) -> None:
        begun_s = time.process_time()
        blank = b"\n \n\r\n\n" * 250_000
        result = imports.run(COMBINED + b"\n" + blank + b"no log line\n" + blank + COMBINED, "combined")
        assert time.process_time() - begun_s < 5
        assert (result.lines, result.accepted, result.blank) == (2_000_003, 2, 2_000_000)
        quarantine = pq.read_table(imports.home / "recordings" / "mine" / "quarantine.parquet")
        assert quarantine.column("line_number").to_pylist() == [1_000_002]

    def test_a_file_of_nothing_but_blank_lines_is_empty(self, imports: Imports) -> None:
        with pytest.raises(ArchduelError, match="empty"):
            imports.run(b"\n" * 100_000, "auto")

    def test_quarantine_says_where_and_why_in_the_order_of_lines(self, imports: Imports) -> None:
        imports.lines(COMBINED, "Grüße 42, \x1b[31m!".encode(), COMBINED, b"x" * 600)
        quarantine = pq.read_table(imports.home / "recordings" / "mine" / "quarantine.parquet")
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
        self, imports: Imports, form: str, unterminated: list[bytes]
    ) -> None:
        lines = [line for broken in unterminated for line in (LINES[form], broken)]
        result = imports.lines(*lines, LINES[form], form=form)
        assert (result.accepted, result.quarantined) == (len(unterminated) + 1, len(unterminated))

    def test_bytes_that_are_no_utf8_are_read_as_servers_write_them(self, imports: Imports) -> None:
        line = COMBINED.replace(b"/orders/17", b"/caf\xe9")
        assert imports.lines(line, COMBINED.replace(b"curl", b"\xff\xfe")).accepted == 2
        assert imports.column("path") == ["/caf\\xe9", "/orders/17"]

    def test_a_byte_order_mark_is_no_part_of_the_first_line(self, imports: Imports) -> None:
        imports.lines(b"\xef\xbb\xbf" + COMBINED, COMBINED)
        assert len(set(imports.column("client"))) == 1

    @pytest.mark.parametrize("length", [reading.LONGEST_LINE_BYTES, 3 * reading.BLOCK_BYTES])
    def test_a_line_without_end_is_one_quarantined_line(self, imports: Imports, length: int) -> None:
        result = imports.lines(COMBINED, COMBINED + b"x" * length, COMBINED)
        assert (result.lines, result.accepted, result.quarantined) == (3, 2, 1)
        assert "longer than" in next(iter(result.quarantined_by_reason))

    def test_files_are_read_in_the_order_given_packed_or_not(self, imports: Imports) -> None:
        plain = imports.log(combined("GET /first HTTP/1.1"), name="access.log.1")
        packed = imports.log(name="access.log.2.gz")
        packed.write_bytes(gzip.compress(combined("GET /second HTTP/1.1")) + gzip.compress(combined("\nGET")))
        misnamed = imports.log(combined("GET /third HTTP/1.1"), name="access.log.3.gz")
        result = imports.read(plain, packed, misnamed, imports.log(name="access.log"), form="combined")
        assert imports.column("path") == ["/first", "/second", "/third"]
        assert result.files == {"access.log.1": 1, "access.log.2.gz": 2, "access.log.3.gz": 1, "access.log": 0}

    def test_progress_ends_with_all_read(self, imports: Imports) -> None:
        seen: list[tuple[int, int, int]] = []

        def progress(*, lines: int, bytes_read: int, bytes_total: int) -> None:
            seen.append((lines, bytes_read, bytes_total))

        paths = [imports.log(COMBINED, name="a"), imports.log(COMBINED, COMBINED, name="b")]
        imports.read(*paths, form="combined", progress=progress)
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

    def test_objects_under_a_prefix_are_read_and_not_kept(self, imports: Imports) -> None:
        bucket = self.Bucket({"s3://logs/day/1.log": ALB + b"\n", "s3://logs/day/2.log.gz": gzip.compress(ALB)})
        result = imports.read("s3://logs/day/", form="alb", object_store=bucket)
        assert result.files == {"1.log": 1, "2.log.gz": 1}
        files = sorted(path.name for path in (imports.home / "recordings" / "mine").rglob("*"))
        assert files == ["provenance.json", "quarantine.parquet", "requests.parquet"]

    def test_an_empty_prefix_is_named(self, imports: Imports) -> None:
        with pytest.raises(ArchduelError, match="s3://logs/none"):
            imports.read("s3://logs/none", form="alb", object_store=self.Bucket({}))

    def test_without_a_store_s3_is_wrong_usage(self, imports: Imports) -> None:
        with pytest.raises(UsageError, match="s3://logs/x"):
            imports.read("s3://logs/x", form="alb")


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
        self, imports: Imports, data: bytes, message: str
    ) -> None:
        imports.read(imports.log(COMBINED, name="good.log"), form="combined")
        before = imports.files()
        bad = imports.log(name="bad.log")
        bad.write_bytes(data)
        with pytest.raises(ArchduelError, match=message) as caught:
            imports.read(bad, form="combined")
        assert str(bad) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert imports.files() == before

    def test_a_bad_file_after_good_ones_leaves_nothing(self, imports: Imports) -> None:
        with pytest.raises(ArchduelError, match=r"bad\.log is not in the format"):
            imports.read(imports.log(COMBINED), imports.log(b"hello", name="bad.log"), form="combined")
        assert imports.library.paths() == {}
        assert [path.name for path in (imports.home / "recordings").iterdir()] == [".key"]

    def test_a_missing_file_is_named_before_anything_is_read(self, imports: Imports, tmp_path: Path) -> None:
        progress: list[int] = []
        with pytest.raises(ArchduelError, match=r"missing\.log does not exist"):
            imports.read(
                imports.log(COMBINED),
                tmp_path / "missing.log",
                form="combined",
                progress=lambda *, lines, bytes_read, bytes_total: progress.append(lines),
            )
        assert progress == []

    def test_a_folder_is_no_file(self, imports: Imports, tmp_path: Path) -> None:
        with pytest.raises(ArchduelError, match="is a folder"):
            imports.read(tmp_path, form="combined")

    def test_a_bad_name_is_wrong_usage(self, imports: Imports) -> None:
        with pytest.raises(UsageError):
            imports.lines(COMBINED, name="../up")

    def test_a_file_named_twice_would_count_twice(self, imports: Imports) -> None:
        with pytest.raises(UsageError, match="named twice"):
            imports.read(imports.log(COMBINED), imports.log(COMBINED), form="combined")

    def test_a_disk_that_cannot_be_written_is_no_traceback(self, imports: Imports, tmp_path: Path) -> None:
        (tmp_path / "home").write_text("a file where a folder must be")
        with pytest.raises(ArchduelError, match="could not be written"):
            imports.lines(COMBINED)


class TestPrivacy:
    def test_no_folder_of_this_machine_is_written(self, imports: Imports) -> None:
        path = imports.log(COMBINED, b"junk")
        imports.read(path, form="combined")
        for written in (imports.home / "recordings" / "mine").iterdir():
            assert str(path.parent).encode() not in written.read_bytes()

    def test_clients_have_one_name_in_all_recordings_of_a_library_and_another_elsewhere(
        self, imports: Imports, tmp_path: Path
    ) -> None:
        (tmp_path / "elsewhere").mkdir()
        elsewhere = Imports(tmp_path / "elsewhere")
        for there, name in ((imports, "one"), (imports, "two"), (elsewhere, "one")):
            there.lines(COMBINED, name=name)
        (one,), (two,), (other,) = (
            *(imports.column("client", name) for name in ("one", "two")),
            elsewhere.column("client", "one"),
        )
        assert one == two != other
        assert len(str(one)) == 16
        int(str(one), 16)

    def test_the_key_is_for_its_owner_alone_and_not_with_the_data(self, imports: Imports) -> None:
        imports.lines(COMBINED)
        key = imports.home / "recordings" / ".key"
        assert key.stat().st_mode & 0o777 == 0o600
        assert not list((imports.home / "recordings" / "mine").glob(".*"))
        assert library_key(key.parent) == key.read_bytes()

    def test_a_spoilt_key_is_named(self, imports: Imports) -> None:
        (imports.home / "recordings").mkdir(parents=True)
        (imports.home / "recordings" / ".key").write_bytes(b"short")
        with pytest.raises(ArchduelError, match=r"\.key holds no key"):
            imports.lines(COMBINED)

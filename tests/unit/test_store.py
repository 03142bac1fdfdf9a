"""A store that several machines share, each with a home of its own, here as folders of one machine."""

import io
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.stub import Stubber

from resources.aws.clients import bucket_client
from resources.store import bundle
from resources.store.copy import store_of
from resources.store.folder import FolderObjects
from resources.store.objects import ChangedError, Objects
from resources.store.opening import open_store
from resources.store.s3 import S3Objects
from resources.warehouse.grids import CELLS, add_cells, read_cells
from resources.warehouse.large import count
from resources.warehouse.observations import SCHEMAS, ObservationStore
from resources.warehouse.publish import publish, update
from resources.warehouse.reading import query
from resources.warehouse.retention import prune
from resources.warehouse.schema import schema
from resources.warehouse.shared import agree, fetch, give, give_published
from tests.report_builder import file_shared, outage_experiment
from tests.stores import StoreSuite
from workloads.databases import in_memory
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.sql import quoted

Host = Callable[[str], Places]


class TestFolder(StoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Objects:
        (tmp_path / "store").mkdir()
        return FolderObjects(tmp_path / "store")

    @pytest.fixture
    def again(self, store: Objects) -> Objects:
        return FolderObjects(Path(store.where))

    def test_a_folder_that_is_not_mounted_is_no_empty_store(self, store: Objects) -> None:
        Path(store.where).rmdir()
        with pytest.raises(ArchduelError, match="is not there: make or mount the folder"):
            store.tags()
        with pytest.raises(ArchduelError, match="is not there: make or mount the folder"):
            FolderObjects(Path(store.where))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Makes a machine by name: a home of its own, which is a copy of one store."""
    (tmp_path / "store").mkdir()
    return lambda name: Places(tmp_path / name, str(tmp_path / "store"))


def compared(places: Places) -> list[str]:
    """The comparisons whose single invocations can be queried, which are read from files."""
    found: list[str] = query(places, "SELECT DISTINCT comparison_id FROM requests ORDER BY ALL").column(0).to_pylist()
    return found


def cells(*names: str) -> pa.Table:
    rows = [{"grid_id": "g", "cell": name, "architecture": "synchronous"} for name in names]
    return pa.Table.from_pylist(rows, schema=schema(CELLS))


def test_what_one_machine_wrote_another_one_queries(host: Host) -> None:
    file_shared(host("a"), "adhoc-1")
    update(host("b"))
    assert compared(host("b")) == ["adhoc-1"]
    file_shared(host("b"), "adhoc-2")
    publish(host("b"))
    update(host("a"))
    assert compared(host("a")) == ["adhoc-1", "adhoc-2"]


def test_a_partition_that_is_written_again_replaces_the_one_before_everywhere(host: Host) -> None:
    store = ObservationStore(host("a")), ObservationStore(host("b"))
    first = outage_experiment().request("0")
    store[0].write("c", "cell", "synchronous", first.tables())
    fetch(host("b"))
    store[1].write("c", "cell", "synchronous", first.request("1").tables())
    assert count(store[0].read("c", "cell", "synchronous")["sent"]) == 1  # until it looks
    fetch(host("a"))
    assert count(store[0].read("c", "cell", "synchronous")["sent"]) == 2
    assert not fetch(host("a"))
    assert not fetch(host("b"))


def test_recordings_scenarios_and_notes_reach_other_machines_and_come_back_to_none(host: Host) -> None:
    update(host("a"))
    with Library(host("a")).writing("mine") as folder:
        pq.write_table(pa.table({"request_id": [1]}), folder / "requests.parquet")
        (folder / "provenance.json").write_text("{}")
    note = host("a").judgements / "c" / "pairwise.fingerprint"
    note.parent.mkdir(parents=True)
    note.write_text("digest")
    give(host("a"))
    fetch(host("b"))
    there = Library(host("b")).paths()["mine"]
    assert pq.read_table(there).num_rows == 1
    assert there.stat().st_mtime_ns == Library(host("a")).paths()["mine"].stat().st_mtime_ns
    assert (host("b").judgements / "c" / "pairwise.fingerprint").read_text() == "digest"
    before = store_of(host("b")).objects.tags()  # type: ignore[union-attr]
    give(host("b"))
    assert store_of(host("b")).objects.tags() == before  # type: ignore[union-attr]


def test_what_was_pruned_on_one_machine_goes_from_the_others(host: Host) -> None:
    file_shared(host("a"), "adhoc-1")
    ObservationStore(host("a")).write(
        "adhoc-1", "cell", "x", {name: one.empty_table() for name, one in SCHEMAS.items()}
    )
    publish(host("a"))
    update(host("b"))
    assert ObservationStore(host("b")).exists("adhoc-1", "cell", "x")
    prune(host("a"), ["adhoc-1"])
    update(host("b"))
    assert not ObservationStore(host("b")).exists("adhoc-1", "cell", "x")
    assert compared(host("b")) == []
    assert query(host("b"), "SELECT comparison_id FROM ledger").num_rows > 0


def test_two_publishers_at_once_lose_nothing(host: Host, tmp_path: Path) -> None:
    def work(name: str) -> None:
        file_shared(host(name), f"adhoc-{name}")
        publish(host(name))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, "abc"))
    with in_memory() as reader:  # as anyone's DuckDB reads it
        reader.execute(f"ATTACH {quoted(tmp_path / 'store' / 'archduel.duckdb')} AS archduel (READ_ONLY)")
        found = reader.execute("SELECT comparison_id FROM archduel.comparisons ORDER BY ALL").fetchall()
    comparisons = [one for (one,) in found]
    assert comparisons == ["adhoc-a", "adhoc-b", "adhoc-c"]


def test_a_publisher_that_was_overtaken_takes_what_the_other_wrote(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    file_shared(host("a"), "adhoc-1")
    real, tries = give_published, list[str]()

    def overtaken(places: Places, expected: str | None) -> None:
        tries.append(places.home.name)
        if tries == ["a"]:
            file_shared(host("b"), "adhoc-2")
            publish(host("b"))
        real(places, expected)

    monkeypatch.setattr("resources.warehouse.publish.give_published", overtaken)
    publish(host("a"))
    assert tries == ["a", "b", "a"]
    assert compared(host("a")) == ["adhoc-1", "adhoc-2"]


def test_cells_that_machines_add_to_one_grid_at_once_are_all_in_it(host: Host) -> None:
    def add(number: int) -> None:
        add_cells(host("abc"[number % 3]), "g", cells(f"n={number}"))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(add, range(12)))
    fetch(host("a"))
    found = read_cells(host("a"), "g", schema(CELLS)).column("cell").to_pylist()
    assert found == sorted(f"n={number}" for number in range(12))


def test_a_failing_store_leaves_a_partition_as_it_was(host: Host, tmp_path: Path) -> None:
    file_shared(host("a"), "adhoc-1")
    publish(host("a"))
    (tmp_path / "store").rename(tmp_path / "unmounted")
    with pytest.raises(ArchduelError, match="is not there"):
        file_shared(host("a"), "adhoc-2")
    assert compared(host("a")) == ["adhoc-1"]
    assert not (host("a").outcomes / "adhoc-2").exists() or not any((host("a").outcomes / "adhoc-2").glob("*/*/v*"))


def test_machines_with_other_code_or_files_are_named_and_write_nothing(host: Host, tmp_path: Path) -> None:
    mine, others = tmp_path / "mine.toml", tmp_path / "others.toml"
    mine.write_text("a = 1")
    others.write_text("a = 2")
    agree(host("a"), "adhoc-1", {"the file of --parameters": mine})
    agree(host("b"), "adhoc-1", {"the file of --parameters": mine})
    with pytest.raises(
        ArchduelError, match=r"adhoc-1: the file of --parameters is \w+ on .* and \w+ where it was begun"
    ):
        agree(host("b"), "adhoc-1", {"the file of --parameters": others})
    (host("b").home / "prices.toml").write_text("")
    with pytest.raises(ArchduelError, match=r"adhoc-1: prices\.toml is \w+ on .* and none where it was begun"):
        agree(host("b"), "adhoc-1", {"the file of --parameters": mine})


def test_other_code_is_named(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    agree(host("a"), "adhoc-1", {})
    monkeypatch.setattr("resources.warehouse.shared.code_version", lambda: "0.1.0+other")
    with pytest.raises(ArchduelError, match=r"adhoc-1: archduel's code is 0\.1\.0\+other on "):
        agree(host("b"), "adhoc-1", {})


def test_a_home_with_results_of_its_own_becomes_no_copy(tmp_path: Path, host: Host) -> None:
    file_shared(Places(tmp_path / "own"), "adhoc-1")
    with pytest.raises(ArchduelError, match="has outcomes of its own"):
        update(host("own"))


def test_a_home_is_the_copy_of_one_store(tmp_path: Path, host: Host) -> None:
    update(host("a"))
    (tmp_path / "second").mkdir()
    with pytest.raises(ArchduelError, match=r"is a copy of the store .*store, not of .*second"):
        update(Places(tmp_path / "a", str(tmp_path / "second")))


def test_a_damaged_or_hostile_object_is_named_and_writes_nothing_outside(tmp_path: Path, host: Host) -> None:
    file = tmp_path / "store" / "outcomes" / "c" / "cell" / "x.tar"
    file.parent.mkdir(parents=True)
    with tarfile.open(file, "w") as tar:
        entry = tarfile.TarInfo("../../../escaped")
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    with pytest.raises(ArchduelError, match="is damaged"):
        fetch(host("a"))
    assert not list(tmp_path.rglob("escaped"))
    file.write_bytes(b"half")
    with pytest.raises(ArchduelError, match="is damaged"):
        fetch(host("a"))


def test_a_bundle_keeps_names_contents_and_times(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "é.parquet").write_bytes(b"content")
    bundle.pack(tmp_path / "a", tmp_path / "x.tar")
    bundle.unpack(tmp_path / "x.tar", tmp_path / "b")
    [found] = (tmp_path / "b").iterdir()
    assert (found.name, found.read_bytes()) == ("é.parquet", b"content")
    assert found.stat().st_mtime_ns == (tmp_path / "a" / "é.parquet").stat().st_mtime_ns


@pytest.mark.parametrize(
    ("address", "environment", "complaint"),
    [
        ("gs://bucket/x", {}, "name a folder, or s3://bucket/prefix"),
        ("s3:///x", {}, "name a bucket"),
        ("s3://bucket", {}, "ARCHDUEL_STORE_ENDPOINT_URL .* ARCHDUEL_STORE_REGION and ARCHDUEL_STORE_ACCOUNT"),
        ("s3://bucket", {"ARCHDUEL_STORE_PROFILE": "p", "ARCHDUEL_STORE_REGION": "eu-central-1"}, "STORE_ACCOUNT"),
        (
            "s3://bucket",
            {"ARCHDUEL_STORE_ENDPOINT_URL": "https://s3.eu-central-1.amazonaws.com"},
            "is not the address of an S3 service besides AWS",
        ),
        ("s3://bucket", {"ARCHDUEL_STORE_ENDPOINT_URL": "localhost:4566"}, "is not the address of an S3 service"),
    ],
)
def test_no_bucket_of_aws_is_opened_unasked(address: str, environment: dict[str, str], complaint: str) -> None:
    with pytest.raises(ArchduelError, match=complaint):
        open_store(address, environment)


def test_a_bucket_that_cannot_be_reached_is_named() -> None:
    store = open_store("s3://bucket/x", {"ARCHDUEL_STORE_ENDPOINT_URL": "http://127.0.0.1:9"})
    with pytest.raises(ArchduelError, match=r"the store s3://bucket/x cannot be reached .listing.: .*127.0.0.1:9"):
        store.tags()


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("ExpiredToken", "the credentials of profile 'p' have expired: renew them"),
        ("InvalidAccessKeyId", "are not accepted"),
        ("NoSuchBucket", "there is no bucket b: make it first"),
        ("AccessDenied", "refused PutObject: AccessDenied"),
    ],
)
def test_what_s3_refuses_in_the_middle_is_one_sentence(code: str, complaint: str, tmp_path: Path) -> None:
    client = bucket_client("http://127.0.0.1:9", "")
    (tmp_path / "file").write_text("")
    with Stubber(client) as stub:
        stub.add_client_error("put_object", code, "Words", 403)
        with pytest.raises(ArchduelError, match=f"the store s3://b/x.*{complaint}") as raised:
            S3Objects(client, "b", "/x/", "the credentials of profile 'p'").put("outcomes/one", tmp_path / "file")
    assert str(raised.value).endswith("(writing outcomes/one); what the store held stands")


def test_a_conflict_in_s3_is_a_change_and_no_refusal(tmp_path: Path) -> None:
    client = bucket_client("http://127.0.0.1:9", "")
    (tmp_path / "file").write_text("")
    with Stubber(client) as stub:
        for code, status in (("PreconditionFailed", 412), ("ConditionalRequestConflict", 409), ("NoSuchKey", 404)):
            stub.add_client_error("put_object", code, "Words", status)
            with pytest.raises(ChangedError):
                S3Objects(client, "b", "", "whose").put_over("one", tmp_path / "file", '"tag"')

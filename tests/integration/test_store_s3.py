"""A store in a bucket, on the embedded emulator's S3."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.aws.clients import Clients
from resources.store.objects import Objects
from resources.store.opening import ENDPOINT, open_store
from resources.warehouse.publish import publish, update
from resources.warehouse.reading import query
from tests.platforms import somebodys
from tests.report_builder import file_shared
from tests.stores import StoreSuite
from workloads.errors import ArchduelError
from workloads.places import Places

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with somebodys(tmp_path_factory.mktemp("emulators")) as url:
        yield url


@pytest.fixture
def address(endpoint: str, request: pytest.FixtureRequest) -> str:
    name = f"results-{abs(hash(request.node.name)) % 10**9}"
    Clients(endpoint).s3.create_bucket(Bucket=name)
    return f"s3://{name}/night"


class TestBucket(StoreSuite):
    @pytest.fixture
    def store(self, endpoint: str, address: str) -> Objects:
        return open_store(address, {ENDPOINT: endpoint})

    @pytest.fixture
    def again(self, endpoint: str, address: str) -> Objects:
        return open_store(address, {ENDPOINT: endpoint})


def test_two_homes_share_one_bucket(
    endpoint: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENDPOINT, endpoint)
    homes = [Places(tmp_path / name, address) for name in "ab"]
    for home in homes:
        file_shared(home, f"adhoc-{home.home.name}")
        publish(home)
    update(homes[0])
    for home in homes:
        found = query(home, "SELECT DISTINCT comparison_id FROM requests ORDER BY ALL").column(0).to_pylist()
        assert found == ["adhoc-a", "adhoc-b"]
    keys = {entry["Key"] for entry in Clients(endpoint).s3.list_objects_v2(Bucket=address.split("/")[2])["Contents"]}
    assert keys == {
        "night/archduel.duckdb",
        *(f"night/outcomes/adhoc-{name}/food_orders__backend_outage/synchronous.tar" for name in "ab"),
    }


def test_a_bucket_that_is_not_there_is_named(endpoint: str) -> None:
    with pytest.raises(ArchduelError, match="there is no bucket nowhere: make it first"):
        open_store("s3://nowhere", {ENDPOINT: endpoint}).tags()

"""Prices and assumptions as files: the bundled ones, the user's own, and AWS's own price list."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.commands.prices import show_prices
from orchestration.commands.terminal import PlainConsole
from resources.prices import offers
from resources.prices.book import (
    UNITS,
    Assumptions,
    Price,
    Tier,
    assumptions,
    bundled_prices,
    own_assumptions,
    prices,
    read_prices,
)
from resources.prices.offers import import_offers
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "home")


def own(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


ENTRY = 'usd = 7.0\nunit = "million requests"\ndate = 2026-12-01\nsource = "a letter"\n'


class TestFiles:
    def test_the_bundled_prices_are_the_ones_written_down(self) -> None:
        assert {name: price.usd for name, price in bundled_prices().entries().items()} == {
            "api_rest_requests": 3.50,
            "api_http_requests": 1.00,
            "function_requests_x86": 0.20,
            "function_requests_arm": 0.20,
            "function_time_x86": 0.0000166667,
            "function_time_arm": 0.0000133334,
            "queue_requests": 0.40,
            "fifo_queue_requests": 0.50,
            "topic_requests": 0.50,
            "table_write_units": 0.625,
            "table_read_units": 0.125,
            "logs": 0.50,
            "log_storage": 0.03,
            "transfer_out": 0.09,
        }

    def test_a_users_own_entry_replaces_the_bundled_one(self, places: Places) -> None:
        own(places.prices, f"[api_rest_requests]\n{ENTRY}")
        now = prices(places)
        assert now.api_rest_requests.usd == 7
        assert now.api_http_requests == bundled_prices().api_http_requests
        own(
            own_assumptions(places), 'batching = "observed"\n[fixed_ms]\nvalue = 40\nassumed = false\nsource = "ours"\n'
        )
        assert assumptions(places).fixed_ms.value == 40
        assert assumptions(places).batching == "observed"
        assert assumptions(places).write_ms == assumptions(Places(places.home / "another")).write_ms

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("[queue_request]\nusd = 1\n", "queue_request unknown here"),
            ("[queue_requests]\nuds = 1\n", "queue_requests.uds unknown here"),
            ("[queue_requests]\nusd = 1\n", "queue_requests.unit is missing"),
            (
                f"[queue_requests]\n{ENTRY}".replace("7.0", "-1.0"),
                "queue_requests.usd must be greater than or equal to 0",
            ),
            (f"[queue_requests]\n{ENTRY}".replace("7.0", "nan"), "queue_requests.usd must be a finite number"),
            (f"[queue_requests]\n{ENTRY}".replace("7.0", "inf"), "queue_requests.usd must be a finite number"),
            (f"[queue_requests]\n{ENTRY}".replace("7.0", "true"), "queue_requests.usd must be a valid number"),
            (f"[queue_requests]\n{ENTRY}".replace("million requests", "request"), "queue_requests.unit must be"),
            (f"[queue_requests]\n{ENTRY}".replace("2026-12-01", '"soon"'), "queue_requests.date must be a valid date"),
            (f"[queue_requests]\n{ENTRY}free = -1.0\n", "queue_requests.free must be greater than or equal to 0"),
            (
                f"[queue_requests]\n{ENTRY}tiers = [{{ above = 9.0, usd = 1.0 }}, {{ above = 8.0, usd = 0.5 }}]\n",
                "queue_requests tiers must be in order",
            ),
            ("queue_requests = 1\n", "queue_requests must be"),
            ("[queue_requests\n", "is not a TOML file"),
        ],
    )
    def test_a_wrong_file_is_refused_with_the_key_at_fault(self, places: Places, text: str, words: str) -> None:
        own(places.prices, text)
        with pytest.raises(ArchduelError) as caught:
            prices(places)
        assert str(places.prices) in str(caught.value)
        assert words in str(caught.value)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ('[cold_share]\nvalue = 2\nassumed = true\nsource = "x"\n', "cold_share.value must be less than"),
            ('[batch_size]\nvalue = 0\nassumed = true\nsource = "x"\n', "batch_size.value must be greater than"),
            ('[batch_size]\nvalue = 50\nassumed = true\nsource = "x"\n', "window_s must be at least 1"),
            ('[pollers]\nvalue = 5\nassumed = true\nsource = ""\n', "pollers.source"),
            ('batching = "guessed"\n', "batching must be 'modelled' or 'observed'"),
            ("free_tier = 1\n", "free_tier must be a valid boolean"),
            ('[pollers_least]\nvalue = 6\nassumed = true\nsource = "x"\n', "pollers must be between"),
        ],
    )
    def test_impossible_assumptions_are_refused(self, places: Places, text: str, words: str) -> None:
        own(own_assumptions(places), text)
        with pytest.raises(ArchduelError, match=r"assumptions\.toml") as caught:
            assumptions(places)
        assert words in str(caught.value)

    def test_a_file_that_cannot_be_read_is_named(self, places: Places) -> None:
        places.prices.mkdir(parents=True)
        with pytest.raises(ArchduelError, match=r"cannot read .*prices\.toml"):
            prices(places)

    @settings(max_examples=10, deadline=None)  # each reads and writes files
    @given(
        usd=st.floats(0, 1e6),
        date=st.dates(),
        source=st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x7f")),
    )
    def test_what_is_written_is_read_again(self, tmp_path_factory: Any, usd: float, date: Any, source: str) -> None:
        bundled = bundled_prices()
        tiers = (Tier(above=1.5, usd=usd / 3), Tier(above=1e9, usd=0.0))
        changed = bundled.logs.model_copy(update={"usd": usd, "date": date, "source": source, "tiers": tiers})
        now = bundled.model_copy(update={"logs": changed})
        home = Places(tmp_path_factory.mktemp("prices"))
        offers.write_prices(home, now)
        assert read_prices(home.prices) == now


class TestTiers:
    PRICE = Price.model_validate(
        {**bundled_prices().queue_requests.model_dump(), "usd": 4.0, "free": 10, "tiers": ({"above": 30, "usd": 2.0},)}
    )

    @pytest.mark.parametrize(
        ("quantity", "usd", "with_free_tier"),
        [
            (0, 4, 4),
            (5, 4, 0),
            (10, 4, 0),
            (20, 4, 2),  # 10 x 4 of 20
            (30, 4, 80 / 30),
            (40, 3.5, 2.5),  # 30 x 4 + 10 x 2, and 20 x 4 + 10 x 2, of 40
        ],
    )
    def test_a_month_is_paid_tier_by_tier(self, quantity: float, usd: float, with_free_tier: float) -> None:
        assert self.PRICE.mean_usd(quantity) == pytest.approx(usd)
        assert self.PRICE.mean_usd(quantity, free_tier=True) == pytest.approx(with_free_tier)

    def test_a_month_within_the_first_tier_pays_its_price_to_the_last_digit(self) -> None:
        assert bundled_prices().log_storage.mean_usd(9.71) == 0.03


Begins = tuple[str, str]  # beginRange, USD


def offer(service: str, *products: tuple[dict[str, str], list[Begins]], published: str = "2026-11-18T00:00:00Z") -> str:
    """An offer file as AWS publishes them, cut to the products given."""
    entries: dict[str, Any] = {}
    terms: dict[str, Any] = {}
    for number, (attributes, tiers) in enumerate(products):
        sku = f"SKU{number:013d}"
        entries[sku] = {
            "sku": sku,
            "productFamily": attributes.get("family", ""),
            "attributes": {"servicecode": service, "locationType": "AWS Region", **attributes},
        }
        dimensions = {
            f"{sku}.JRTCKXETXF.{tier}": {
                "rateCode": f"{sku}.JRTCKXETXF.{tier}",
                "description": "as given",
                "beginRange": begin,
                "endRange": "Inf",
                "unit": "Requests",
                "pricePerUnit": {"USD": usd},
                "appliesTo": [],
            }
            for tier, (begin, usd) in enumerate(tiers)
        }
        terms[sku] = {
            f"{sku}.JRTCKXETXF": {
                "offerTermCode": "JRTCKXETXF",
                "sku": sku,
                "effectiveDate": "2026-11-01T00:00:00Z",
                "priceDimensions": dimensions,
                "termAttributes": {},
            }
        }
    return json.dumps(
        {
            "formatVersion": "v1.0",
            "disclaimer": "This pricing list is for informational purposes only.",
            "offerCode": service,
            "version": "20261118000000",
            "publicationDate": published,
            "products": entries,
            "terms": {"OnDemand": terms},
        }
    )


HERE = {"regionCode": "us-east-1", "location": "US East (N. Virginia)"}
IRELAND = {"regionCode": "eu-west-1", "location": "EU (Ireland)"}
ANYWHERE = {"regionCode": "", "location": "Any"}
ACROSS = {"fromRegionCode": "us-east-1", "fromLocation": "US East (N. Virginia)"}
OUT_OF_IRELAND = {"fromRegionCode": "eu-west-1", "fromLocation": "EU (Ireland)"}


def sold(
    usage_type: str, *tiers: Begins, where: dict[str, str] = HERE, **attributes: str
) -> tuple[dict[str, str], list[Begins]]:
    """A product of an offer file with its tiers."""
    return {**where, "usagetype": usage_type, **attributes}, list(tiers)


SAMPLES = {
    "AmazonApiGateway": offer(
        "AmazonApiGateway",
        sold("USE1-ApiGatewayRequest", ("333000000", "0.0000028"), ("0", "0.0000036"), operation="ApiGatewayRequest"),
        sold("USE1-ApiGatewayHttpRequest", ("0", "0.0000011"), operation="ApiGatewayHttpApi"),
        sold("USE1-ApiGatewayMessage", ("0", "0.000001"), operation="ApiGatewayWebSocket"),
        sold("EU-ApiGatewayRequest", ("0", "0.0000039"), where=IRELAND, operation="ApiGatewayRequest"),
    ),
    "AWSLambda": offer(
        "AWSLambda",
        sold("Global-Request", ("0", "0"), where=ANYWHERE, group="AWS-Lambda-Requests"),
        sold("Request", ("0", "0.0000002100"), group="AWS-Lambda-Requests"),
        sold("Request-ARM", ("0", "0.0000002200"), group="AWS-Lambda-Requests-ARM"),
        sold("Lambda-GB-Second", ("0", "0.0000166668"), ("6000000000", "0.000015"), group="AWS-Lambda-Duration"),
        sold("Lambda-GB-Second-ARM", ("0", "0.0000133335"), group="AWS-Lambda-Duration-ARM"),
        sold("Lambda-Provisioned-GB-Second", ("0", "0.0000097222"), group="AWS-Lambda-Duration-Provisioned"),
    ),
    "AWSQueueService": offer(
        "AWSQueueService",
        sold("Requests-RBP", ("0", "0.00000041"), ("100000000000", "0.0000003"), queueType="Standard"),
        sold("Requests-FIFO-RBP", ("0", "0.00000051"), queueType="FIFO (first-in, first-out)"),
        sold("Global-Requests", ("0", "0"), where=ANYWHERE, queueType="Standard"),
    ),
    "AmazonSNS": offer("AmazonSNS", sold("Requests-Tier1", ("0", "0.00000052"))),
    "AmazonDynamoDB": offer(
        "AmazonDynamoDB",
        sold("WriteRequestUnits", ("0", "0.000000626"), group="DDB-WriteUnits", operation="PayPerRequestThroughput"),
        sold("ReadRequestUnits", ("0", "0.000000126"), group="DDB-ReadUnits", operation="PayPerRequestThroughput"),
        sold("WriteCapacityUnit-Hrs", ("0", "0"), ("18600", "0.00065"), group="DDB-WriteUnits"),
        sold("IA-WriteRequestUnits", ("0", "0.00000078"), group="DDB-WriteUnitsIA"),
    ),
    "AmazonCloudWatch": offer(
        "AmazonCloudWatch",
        sold("USE1-DataProcessing-Bytes", ("0", "0"), ("5", "0.51"), group="Ingested Logs"),
        sold("USE1-TimedStorage-ByteHrs", ("0", "0"), ("5", "0.031"), operation="HourlyStorageMetering"),
        sold("USE1-TimedStorage-IA-ByteHrs", ("0", "0.01")),
        sold("USE1-DataProcessingIA-Bytes", ("0", "0.25"), group="Ingested Logs"),
    ),
    "AWSDataTransfer": offer(
        "AWSDataTransfer",
        sold(
            "DataTransfer-Out-Bytes",
            ("0", "0.091"),
            ("10240", "0.085"),
            where=ACROSS,
            transferType="AWS Outbound",
            toLocation="External",
        ),
        sold(
            "USE1-EU-AWS-Out-Bytes",
            ("0", "0.02"),
            where=ACROSS,
            transferType="InterRegion Outbound",
            toLocation="EU (Ireland)",
        ),
        sold(
            "EU-DataTransfer-Out-Bytes",
            ("0", "0.099"),
            where=OUT_OF_IRELAND,
            transferType="AWS Outbound",
            toLocation="External",
        ),
    ),
}


def files(folder: Path, *services: str, samples: dict[str, str] = SAMPLES) -> list[Path]:
    found = []
    for service in services:
        file = folder / f"{service}.json"
        file.write_text(samples[service])
        found.append(file)
    return found


class TestPriceList:
    def test_every_price_is_found(self, places: Places, tmp_path: Path) -> None:
        done = import_offers(places, files(tmp_path, *SAMPLES), "us-east-1")
        now = prices(places)
        assert {name: price.usd for name, price in now.entries().items()} == {
            "api_rest_requests": 3.6,
            "api_http_requests": 1.1,
            "function_requests_x86": 0.21,
            "function_requests_arm": 0.22,
            "function_time_x86": 0.0000166668,
            "function_time_arm": 0.0000133335,
            "queue_requests": 0.41,
            "fifo_queue_requests": 0.51,
            "topic_requests": 0.52,
            "table_write_units": 0.626,
            "table_read_units": 0.126,
            "logs": 0.51,
            "log_storage": 0.031,
            "transfer_out": 0.091,
        }
        assert {price.date.isoformat() for price in now.entries().values()} == {"2026-11-18"}
        assert now.queue_requests.source == "AWS price list, AWSQueueService, us-east-1, Requests-RBP"
        assert done.found == tuple(UNITS)
        assert done.kept == {}

    def test_tiers_come_with_their_price_and_what_is_free_stays(self, places: Places, tmp_path: Path) -> None:
        import_offers(places, files(tmp_path, *SAMPLES), "us-east-1")
        now = prices(places)
        assert now.api_rest_requests.tiers == (Tier(above=333, usd=2.8),)
        assert now.function_time_x86.tiers == (Tier(above=6e9, usd=0.000015),)
        assert now.transfer_out.tiers == (Tier(above=10_240, usd=0.085),)
        assert now.logs.tiers == now.log_storage.tiers == ()  # what is free is no paid tier
        assert {name: price.free for name, price in now.entries().items()} == {
            name: price.free for name, price in bundled_prices().entries().items()
        }

    def test_another_regions_prices_are_its_own(self, places: Places, tmp_path: Path) -> None:
        done = import_offers(places, files(tmp_path, "AmazonApiGateway", "AWSDataTransfer"), "eu-west-1")
        assert done.found == ("api_rest_requests", "transfer_out")
        assert prices(places).api_rest_requests.usd == 3.9
        assert prices(places).transfer_out.usd == 0.099

    def test_prices_not_found_stay_and_are_named(self, places: Places, tmp_path: Path) -> None:
        own(places.prices, f"[queue_requests]\n{ENTRY}")
        samples = {"AWSLambda": offer("AWSLambda", sold("Request", ("0", "0.0000003"), group="AWS-Lambda-Requests"))}
        done = import_offers(places, files(tmp_path, "AWSLambda", samples=samples), "us-east-1")
        assert prices(places).queue_requests.usd == 7
        assert prices(places).function_time_arm == bundled_prices().function_time_arm
        assert set(done.kept) == set(UNITS) - {"function_requests_x86"}
        assert "not in" in done.kept["function_time_arm"]
        assert done.kept["queue_requests"] == "no file of AWSQueueService was given"

    def test_two_prices_for_one_thing_are_not_chosen_between(self, places: Places, tmp_path: Path) -> None:
        lambda_ = offer(
            "AWSLambda",
            sold("Request", ("0", "0.0000002"), group="AWS-Lambda-Requests"),
            sold("Other-Request", ("0", "0.0000003"), group="AWS-Lambda-Requests"),
            sold("Request-ARM", ("0", "0.0000002"), group="AWS-Lambda-Requests-ARM"),
        )
        done = import_offers(places, files(tmp_path, "AWSLambda", samples={"AWSLambda": lambda_}), "us-east-1")
        assert "has several: Request at" in done.kept["function_requests_x86"]
        assert prices(places).function_requests_x86 == bundled_prices().function_requests_x86

    @pytest.mark.parametrize("newest_first", [True, False])
    def test_of_two_files_the_one_published_last_counts(
        self, places: Places, tmp_path: Path, newest_first: bool
    ) -> None:
        found = []
        for day, usd in (("2026-11-10", "0.0000001"), ("2026-11-20", "0.0000009")):
            product = sold("Requests-RBP", ("0", usd), queueType="Standard")
            file = tmp_path / f"{day}.json"
            file.write_text(offer("AWSQueueService", product, published=f"{day}T00:00:00Z"))
            found.append(file)
        import_offers(places, found[::-1] if newest_first else found, "us-east-1")
        assert prices(places).queue_requests.usd == 0.9

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("{", "is not JSON"),
            ("[" * 100_000, "is not JSON"),
            ("[]", "is not an offer file"),
            ('{"offerCode": "AWSLambda", "products": {}}', "is not an offer file"),
            (offer("AmazonEC2"), "is the offer file of AmazonEC2"),
            (offer("AWSLambda", published="soon"), "publicationDate is not a date"),
            (offer("AWSLambda"), "no price that archduel uses for us-east-1"),
            (
                json.dumps({**json.loads(offer("AWSLambda")), "products": {"A": [1]}, "terms": {"OnDemand": {"A": 1}}}),
                "no price that archduel uses",
            ),
        ],
    )
    def test_what_is_no_price_list_changes_nothing(self, places: Places, tmp_path: Path, text: str, words: str) -> None:
        file = tmp_path / "index.json"
        file.write_text(text)
        with pytest.raises(ArchduelError, match=words) as caught:
            import_offers(places, [file], "us-east-1")
        assert str(file) in str(caught.value)
        assert not places.prices.exists()

    def test_a_wrong_file_among_good_ones_changes_nothing(self, places: Places, tmp_path: Path) -> None:
        good = files(tmp_path, "AWSLambda")
        with pytest.raises(ArchduelError, match="cannot read"):
            import_offers(places, [*good, tmp_path / "absent.json"], "us-east-1")
        assert not places.home.exists()

    @pytest.mark.parametrize("usd", ["NaN", "Infinity", "-0.1", "", "free", "1e999"])
    def test_a_price_that_is_none_is_not_taken(self, places: Places, tmp_path: Path, usd: str) -> None:
        product = sold("Requests-RBP", ("0", usd), queueType="Standard")
        samples = {"AWSQueueService": offer("AWSQueueService", product)}
        with pytest.raises(ArchduelError, match="no price that archduel uses"):
            import_offers(places, files(tmp_path, "AWSQueueService", samples=samples), "us-east-1")


def shown(places: Places, **options: Any) -> str:
    out = io.StringIO()
    show_prices(places, PlainConsole(file=out, width=160), **options)
    return out.getvalue()


class TestCommand:
    def test_lists_what_counts_and_why(self, places: Places) -> None:
        text = shown(places)
        assert "0.0000166667" in text
        assert "3.50" in text
        assert "2026-11-01" in text
        assert "all bundled" in text
        assert "2.38 above 1,000 a month" in text
        assert "400,000 a month free" in text
        assert all(name in text for name in (*UNITS, *Assumptions.model_fields))
        assert not places.home.exists(), "looking leaves nothing behind"

    def test_imports_and_goes_back(self, places: Places, tmp_path: Path) -> None:
        text = shown(places, imports=files(tmp_path, "AWSQueueService"))
        assert "2 prices of us-east-1" in text
        one = shown(places, imports=files(tmp_path, "AWSDataTransfer"))
        assert "1 price of us-east-1" in one
        assert "queue_requests *" in text
        assert "logs stays as it was: no file of AmazonCloudWatch was given" in text
        assert f"removed {places.prices}" in shown(places, reset=True)
        assert prices(places) == bundled_prices()
        assert "nothing to reset" in shown(places, reset=True)

    def test_a_broken_file_can_be_reset(self, places: Places) -> None:
        own(places.prices, "[")
        with pytest.raises(ArchduelError, match="not a TOML file"):
            shown(places)
        assert "removed" in shown(places, reset=True)

    def test_importing_and_resetting_at_once_is_refused(self, places: Places, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="choose one"):
            shown(places, imports=[tmp_path / "x.json"], reset=True)

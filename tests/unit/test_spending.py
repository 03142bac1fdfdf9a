"""What a comparison on AWS may send and cost: estimated before, agreed to, and held to while it runs."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.commands.guard import agree
from orchestration.commands.terminal import PlainConsole
from resources.architectures import architectures
from resources.aws.clients import AwsClients
from resources.lab.budget import Budget, Part, budget
from resources.prices.book import prices
from resources.prices.requests import max_usd_per_request
from resources.targets import Platform, Target
from resources.targets.aws import TARGET, Account
from resources.targets.spending import MeteredClient, Spending
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.replay.client import Gauge, Responses
from workloads.replay.schedule import Schedule, schedule, warm_up
from workloads.scenarios import scenarios


class Recording:
    """A load generator that sends nothing and counts what it should have."""

    def __init__(self) -> None:
        self.sent = 0

    def prepare(self, schedule: Schedule, url: str) -> None:
        pass

    def send(self, schedule: Schedule, url: str, start_ns: int, gauge: Gauge) -> Responses:
        self.sent += len(schedule)
        return Responses.empty(len(schedule))


def send(client: MeteredClient, requests: int) -> None:
    client.send(warm_up(requests, 1.0), "https://example.com", 0, Gauge())


class TestCeiling:
    def test_no_request_is_sent_over_it_by_any_client(self) -> None:
        spending, inner = Spending(100, 1.0, 1e-6), Recording()
        send(MeteredClient(inner, spending), 60)
        with pytest.raises(ArchduelError, match=r"50 requests more than the 60 sent .* ceiling of 100: raise it with"):
            send(MeteredClient(Recording(), spending), 50)
        send(MeteredClient(inner, spending), 40)
        assert inner.sent == spending.requests == 100

    def test_no_request_is_sent_that_may_cost_more(self) -> None:
        spending, inner = Spending(10_000_000, 0.5, 0.01), Recording()
        with pytest.raises(ArchduelError, match=r"60 requests may cost 0\.60 USD, over the ceiling of 0\.50 USD"):
            send(MeteredClient(inner, spending), 60)
        assert inner.sent == spending.requests == 0


class Insisting:
    """A load generator that wants to send so many messages besides the schedule."""

    def __init__(self, extra: int) -> None:
        self.extra = extra

    def prepare(self, schedule: Schedule, url: str) -> None:
        pass

    def send(self, schedule: Schedule, url: str, start_ns: int, gauge: Gauge) -> Responses:
        sent = min(self.extra, int(gauge.extra_left))
        gauge.extra_left -= sent
        gauge.held_back = self.extra - sent
        return Responses.empty(len(schedule))


class TestWhatIsSentBesides:
    def test_is_counted(self) -> None:
        spending = Spending(100, 1.0, 1e-6)
        MeteredClient(Insisting(25), spending).send(warm_up(60, 1.0), "https://example.com", 0, Gauge())
        assert spending.requests == 85

    @pytest.mark.parametrize("spending", [Spending(100, 1.0, 1e-6), Spending(1_000_000, 1.0, 0.01)])
    def test_ends_at_the_ceiling_and_says_so(self, spending: Spending) -> None:
        with pytest.raises(ArchduelError, match="retries and fetches came to the ceiling after 100 requests"):
            MeteredClient(Insisting(41), spending).send(warm_up(60, 1.0), "https://example.com", 0, Gauge())
        assert spending.requests == 100


def lunch(folder: Path, requests: int) -> Schedule:
    recording = Library(Places(folder)).load("food_orders").cut(limit=requests)
    return schedule(recording, speed=1.0, seed=1)


def planned(
    folder: Path, name: str, requests: int, replays: int = 1, target: Target = TARGET, larger: int = 1
) -> Budget:
    """The budget of the bundled lunch, whose bodies are ``larger`` than recorded."""
    served = lunch(folder, requests)
    served = replace(served, payload_bytes=[size * larger for size in served.payload_bytes])
    part = Part(architectures()[name], scenarios()["steady"], served, replays)

    def start(_label: str, _environments: int) -> None:
        raise AssertionError("nothing is started for an estimate")

    platform = Platform(target, "AWS eu-west-1", start)  # type: ignore[arg-type]  # it starts nothing
    return budget([part], platform, AwsClients.pace, Places(folder))


class TestEstimate:
    def test_counts_what_is_made_and_sent(self, tmp_path: Path) -> None:
        one = planned(tmp_path, "hybrid", 100)
        assert one.made == {
            "table": 1,
            "queue": 2,
            "function": 2,
            "event source mapping": 1,
            "REST API": 1,
            "role": 3,
            "log group": 2,
        }
        assert (one.offered, one.warm_up, one.replays) == (100, len(warm_up(20, 0.5)), 1)
        assert one.seeded == len(lunch(tmp_path, 100).seeded_order_ids())

    def test_is_of_every_replay_each_on_resources_of_its_own(self, tmp_path: Path) -> None:
        one, three = planned(tmp_path, "hybrid", 100), planned(tmp_path, "hybrid", 100, replays=3)
        assert three.made == {title: 3 * count for title, count in one.made.items()}
        assert (three.requests, three.polls) == (3 * one.requests, 3 * one.polls)
        assert three.usd == pytest.approx(3 * one.usd)

    @pytest.mark.parametrize("name", architectures())
    def test_is_at_least_what_the_gateway_alone_is_documented_to_cost(self, name: str, tmp_path: Path) -> None:
        one = planned(tmp_path, name, 1000)
        gateway = one.requests * prices(Places(tmp_path)).api_rest_requests.usd / 1e6
        assert gateway < one.usd < 20 * gateway

    def test_grows_with_the_requests(self, tmp_path: Path) -> None:
        assert planned(tmp_path, "synchronous", 1000).usd > 2 * planned(tmp_path, "synchronous", 200).usd

    def test_grows_with_the_size_of_their_bodies(self, tmp_path: Path) -> None:
        # Bodies of 250 to 450 bytes, then of 25 to 45 KB: each is 25 write units or more.
        small, large = (planned(tmp_path, "synchronous", 500, larger=times) for times in (1, 100))
        commands = lunch(tmp_path, 500).operations.count("command")
        unit = prices(Places(tmp_path)).table_write_units.usd / 1e6
        assert large.usd - small.usd > commands * 24 * unit

    def test_of_all_is_that_of_each(self, tmp_path: Path) -> None:
        one, other = planned(tmp_path, "hybrid", 50), planned(tmp_path, "synchronous", 70)
        both = one + other
        assert both.requests == one.requests + other.requests
        assert both.usd == pytest.approx(one.usd + other.usd)
        assert both.price_date == one.price_date

    def test_says_that_its_prices_are_documented_and_of_when(self, tmp_path: Path) -> None:
        last = planned(tmp_path, "hybrid", 50).sentences()[-1]
        assert "USD (documented: prices of 2026-11-01" in last

    def test_of_a_request_is_of_the_dearest_one(self, tmp_path: Path) -> None:
        dearest = max_usd_per_request(Places(tmp_path))
        for name in architectures():
            one = planned(tmp_path, name, 1000)
            assert one.usd < one.requests * dearest * 2, "and looking at queues and tables does not outweigh it"


class TestGuard:
    BUDGET = Budget(replays=3, offered=900, warm_up=30, usd=0.25)

    @staticmethod
    def account() -> Account:
        spending = Spending(1000, 1.0, 1e-6)
        return Account("AWS account 123456789012 in eu-west-1 (profile lab)", "123456789012", spending, AwsClients.pace)

    @staticmethod
    def agreed(account: Account, planned: Budget, *, yes: bool = False, ask: Callable[[], str | None]) -> str:
        output = io.StringIO()
        agree(account, planned, PlainConsole(file=output, width=200), yes=yes, ask=ask)
        return output.getvalue()

    @staticmethod
    def no_answer() -> str | None:
        return None

    def test_says_whose_account_what_how_much_and_at_most(self) -> None:
        text = self.agreed(self.account(), self.BUDGET, yes=True, ask=self.no_answer)
        for words in ("123456789012", "eu-west-1", "profile lab", "930 requests", "0.2500 USD", "ceilings: 1,000"):
            assert words in text

    def test_who_types_the_accounts_id_agrees(self) -> None:
        account = self.account()
        self.agreed(account, self.BUDGET, ask=lambda: "123456789012")
        assert account.agreed

    @pytest.mark.parametrize("typed", ["", "y", "yes", "12345678901", "eu-west-1"])
    def test_anything_else_is_no(self, typed: str) -> None:
        account = self.account()
        with pytest.raises(ArchduelError, match=r"nothing was made: .* is not the account's id"):
            self.agreed(account, self.BUDGET, ask=lambda: typed)
        assert not account.agreed

    def test_without_a_terminal_it_takes_yes(self) -> None:
        account = self.account()
        with pytest.raises(ArchduelError, match="nothing was made: without a terminal to ask on, --yes agrees"):
            self.agreed(account, self.BUDGET, ask=self.no_answer)
        assert not account.agreed
        self.agreed(account, self.BUDGET, yes=True, ask=self.no_answer)
        assert account.agreed

    @pytest.mark.parametrize(
        ("planned", "words"),
        [
            (replace(BUDGET, offered=971), r"1,001 requests are over the ceiling of 1,000: .*--most-requests"),
            (replace(BUDGET, usd=1.01), r"1\.01 USD are over the ceiling of 1\.00 USD: .*--most-usd"),
        ],
    )
    def test_what_is_over_a_ceiling_is_refused_without_a_question(self, planned: Budget, words: str) -> None:
        account = self.account()
        with pytest.raises(ArchduelError, match=words):
            self.agreed(account, planned, yes=True, ask=self.no_answer)
        assert not account.agreed

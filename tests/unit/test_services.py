"""The user's own service: its file, its code, keeping it, and the adapter that calls its handler.

The adapter is imported from the very zip that is deployed.
"""

import importlib
import io
import json
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from orchestration.commands.service import command as service_command
from orchestration.commands.template import command as template_command
from resources.architectures import architectures
from resources.architectures.packaging import package_with
from resources.architectures.template import template_of_service
from resources.lab.load_plan import plan_load
from resources.lab.observation import executed
from resources.lab.settings import LabSettings
from resources.machine.leash import free_port
from resources.progress import Silent
from resources.services.importing import check_import
from resources.services.kept import find, keep
from resources.services.model import Deployable, read_service
from resources.services.trial import Tried, requests_of, trial, unused
from resources.targets import DEFAULT_TARGET, Platform, targets
from resources.warehouse.observations import ObservationStore, combine, rows
from tests.recordings import recording_of
from tests.unit.test_handlers import Context, Json, Table, event
from tests.web_server import Answering, serving_with
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.recordings.recording import Operation, Recording
from workloads.recordings.routes import Template
from workloads.replay.schedule import opened, sealed
from workloads.scenarios import scenarios

SHORTENER = Path("tests/services/shortener/service.toml")
MINIMAL = 'name = "mine"\ncode = "code"\nhandler = "app.handler"\n'
HANDLER = "def handler(event, context):\n    return {'statusCode': 200}\n"


def service(folder: Path, text: str = MINIMAL, code: str = HANDLER, *, node: str | None = None) -> Path:
    """A service's file, with its code beside it, and that of a Node handler."""
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code" / "app.py").write_text(code)
    if node is not None:
        (folder / "code" / "app.js").write_text(node)
    file = folder / "service.toml"
    file.write_text(text)
    return file


class TestFile:
    def test_is_read_with_its_code(self) -> None:
        found, code = read_service(SHORTENER)
        assert (found.name, found.handler, list(code["shortener"])) == ("shortener", "app.handler", ["app.py"])
        assert found.variables({"links": "L", "visits": "V"}) == {"LINKS": "L", "VISITS": "V"}

    def test_may_name_a_zip(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
            archive.writestr("app.py", HANDLER)
        file = service(tmp_path, MINIMAL.replace('"code"', '"code.zip"'))
        assert read_service(file)[1] == {"mine": {"app.py": HANDLER.encode()}}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("name =", "no TOML"),
            (MINIMAL + "colour = 1", "colour"),
            (MINIMAL.replace('"mine"', '"Mine!"'), "name"),
            (MINIMAL.replace("app.handler", "handler"), "handler"),
            (MINIMAL.replace("app.handler", "other.handler"), "other.handler is not in code, which has no other.py"),
            (MINIMAL.replace('"code"', '"nowhere"'), "nowhere does not exist: build it"),
            (MINIMAL.replace('"code"', '"service.toml"'), "neither a folder nor a zip"),
            (MINIMAL + 'runtime = "java21"', r"runtime java21 cannot be run here: only python3.x and nodejs can"),
            (MINIMAL + "timeout_s = 0", "timeout_s must be at least 1, not 0"),
            (MINIMAL + '[environment]\nAWS_REGION = "x"', "AWS_REGION is set by Lambda or archduel"),
            (MINIMAL + '[environment]\nT = "{table:carts}"', "T names the table 'carts', which is not declared"),
            (MINIMAL + 'routes = ["carts"]', "'carts' must be a method and a path"),
            (MINIMAL + '[[tables]]\nname = "a"\nkey = "k"\n[[tables]]\nname = "a"\nkey = "k"', "different names"),
        ],
    )
    def test_that_is_wrong_is_named_in_one_line(self, tmp_path: Path, text: str, message: str) -> None:
        with pytest.raises(UsageError, match=message) as caught:
            read_service(service(tmp_path, text))
        assert "service.toml" in str(caught.value)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("name", ["../app.py", "/app.py", "lib/../../app.py", "archduel_adapter.py"])
    def test_whose_zip_leads_out_of_it_is_refused(self, tmp_path: Path, name: str) -> None:
        with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
            archive.writestr("app.py", HANDLER)
            archive.writestr(name, HANDLER)
        with pytest.raises(UsageError, match="leads out of it or is a name of archduel's"):
            read_service(service(tmp_path, MINIMAL.replace('"code"', '"code.zip"')))

    def test_with_more_code_than_lambda_takes_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("resources.services.model.MAX_CODE_BYTES", 10)
        with pytest.raises(UsageError, match="is over 10 bytes, which Lambda refuses as well"):
            read_service(service(tmp_path))


class TestKept:
    def test_is_found_by_its_name_with_a_digest_of_all_of_it(self, tmp_path: Path, places: Places) -> None:
        kept = keep(places, service(tmp_path))
        assert kept.name.startswith("mine@")
        assert find(places, kept.name) == kept == keep(places, tmp_path / "service.toml")
        other = keep(places, service(tmp_path, code=HANDLER + "# changed\n"))
        assert other.name != kept.name
        assert find(places, kept.name).code == kept.code, "as it was"

    def test_is_refused_by_a_name_that_none_has(self, tmp_path: Path, places: Places) -> None:
        with pytest.raises(UsageError, match="no service is kept here"):
            find(places, "mine@0")
        kept = keep(places, service(tmp_path))
        with pytest.raises(UsageError, match=f"did you mean {kept.name}"):
            find(places, kept.name[:-1] + "x")

    def test_that_is_damaged_is_named(self, tmp_path: Path, places: Places) -> None:
        kept = keep(places, service(tmp_path))
        (places.services / kept.name / "code-mine.zip").write_bytes(b"junk")
        with pytest.raises(ArchduelError, match="cannot be read"):
            find(places, kept.name)


class TestImport:
    @pytest.mark.parametrize(
        ("code", "message"),
        [
            ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
            ("raise SystemExit(3)", "failed with exit code 3: it said nothing"),
            ("handler = 3", "handler is not callable"),
            ("x = 1", "has no attribute 'handler'"),
            ("print('y' * 9_000_000)\n1 / 0", "ZeroDivisionError"),
        ],
    )
    def test_that_fails_is_explained_by_its_own_words(
        self, tmp_path: Path, places: Places, code: str, message: str
    ) -> None:
        with pytest.raises(ArchduelError, match=f"mine: importing app.handler .*{message}"):
            check_import(keep(places, service(tmp_path, code=code)), places.temporary)

    def test_is_done_with_nothing_of_the_users(
        self, tmp_path: Path, places: Places, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "GITHUB_TOKEN", "HTTPS_PROXY"):
            monkeypatch.setenv(name, "planted")
        code = f"import os\nassert 'planted' not in str(os.environ)\n{HANDLER}"
        check_import(keep(places, service(tmp_path, code=code)), places.temporary)

    def test_that_works_is_quiet(self, tmp_path: Path, places: Places) -> None:
        check_import(keep(places, service(tmp_path)), places.temporary)

    def test_that_does_not_end_is_ended(self, tmp_path: Path, places: Places) -> None:
        with pytest.raises(ArchduelError, match="did not end within 10 s"):
            check_import(keep(places, service(tmp_path)), places.temporary, lambda _arguments: (-1, ""))


CALLED = """
import os, sys
seen = []
def handler(event, context):
    seen.append(event)
    print("hello from", os.environ.get("MINE"))
    what = (event.get("pathParameters") or {}).get("cart", "")
    if what == "raises":
        raise KeyError("cart")
    if what == "exits":
        sys.exit(1)
    if what == "garbage":
        return ["no", "response"]
    if what == "late":
        return {"statusCode": 503, "body": "busy"}
    if what == "none":
        return {"statusCode": 404, "body": "no cart"}
    if what == "loud":
        print("x" * 10_000_000)
    return {"statusCode": 201, "headers": {"X": "y"}, "body": "made"}
"""


@dataclass
class Deployed:
    """The adapter beside the user's handler, with the lab's table in memory."""

    adapter: ModuleType
    app: ModuleType
    table: Table
    capture: pytest.CaptureFixture[str]
    logged: str = ""
    records: list[Json] = field(default_factory=list)

    def invoke(self, entry: str, payload: Json) -> Json:
        answer: Json = getattr(self.adapter, entry)(payload, Context())
        captured = self.capture.readouterr()
        (line,) = captured.out.splitlines()  # one line, whatever the handler prints
        self.records, self.logged = json.loads(line).get("records", []), captured.err
        return answer

    def ask(self, method: str = "POST", cart: str = "7", body: str | None = '{"size": "L"}', **known: Any) -> Json:
        path = f"/carts/{cart}"
        sent = sealed(
            {"request_id": "17", "order_id": "o", "operation": "command", "method": method, "path": path, **known}
        )
        asked = {
            **event("api_gateway_post"),
            "httpMethod": method,
            "resource": "/{proxy+}",
            "path": path,
            "pathParameters": {"proxy": path[1:]},
            "queryStringParameters": {"archduel": sent},
            "multiValueQueryStringParameters": {"archduel": [sent]},
            "body": body,
        }
        return self.invoke("query" if method == "GET" else "command", asked)

    def deliver(self, *carts: str, operation: str = "command", **more: Any) -> list[Json]:
        """One batch; returns the failures."""
        messages = []
        for number, (cart, message) in enumerate(zip(carts, event("sqs_batch")["Records"], strict=False)):
            known = {"request_id": str(number), "order_id": "o", "operation": operation, "method": "POST", **more}
            messages.append({**message, "body": f"{sealed({**known, 'path': f'/carts/{cart}'})}\nbody"})
        failures: list[Json] = self.invoke("consumer", {"Records": messages})["batchItemFailures"]
        return failures


Deploy = Callable[..., Deployed]


@pytest.fixture
def deploy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Deploy]:
    """Import the zip that is deployed, as a cold start does."""
    names = ("app", "archduel_adapter", "archduel_orders", "archduel_delivery")

    def deployed(
        code: str = CALLED, routes: tuple[str, ...] = ("ANY /carts/{cart}",), payload: str = "1.0"
    ) -> Deployed:
        archive = package_with({"app.py": code.encode()})
        zipfile.ZipFile(io.BytesIO(archive)).extractall(tmp_path)
        settings = {
            "TABLE_NAME": "archduel-orders",
            "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
            "MINE": "me",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "ARCHDUEL_HANDLER": "app.handler",
            "ARCHDUEL_PAYLOAD": payload,
            "ARCHDUEL_ROUTES": json.dumps(routes),
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.syspath_prepend(str(tmp_path))
        adapter = importlib.import_module("archduel_adapter")
        lab = sys.modules["archduel_orders"]
        return Deployed(adapter, sys.modules.get("app", adapter), Table(lab._dynamodb), capsys)

    yield deployed
    for name in names:
        sys.modules.pop(name, None)


class TestAdapter:
    def test_the_handler_gets_the_event_of_its_own_api_and_nothing_of_the_labs(self, deploy: Deploy) -> None:
        on = deploy()
        answer = on.ask()
        assert answer == {"statusCode": 201, "headers": {"X": "y"}, "body": "made"}
        (seen,) = on.app.seen
        assert (seen["resource"], seen["path"], seen["pathParameters"]) == ("/carts/{cart}", "/carts/7", {"cart": "7"})
        assert (seen["httpMethod"], seen["body"], seen["queryStringParameters"]) == ("POST", '{"size": "L"}', None)
        assert "archduel" not in json.dumps(seen["multiValueQueryStringParameters"])
        [record] = on.records
        assert (record["id"], record["result"]) == ("17", "committed")
        assert 0 <= record["worked_us"] < 1_000_000
        assert on.logged == "> hello from me\n", "what it prints is kept apart"

    def test_without_routes_it_gets_every_path(self, deploy: Deploy) -> None:
        on = deploy(routes=())
        on.ask(cart="a%20b")
        assert on.app.seen[0]["pathParameters"] == {"proxy": "carts/a%20b"}

    def test_of_routes_that_fit_the_most_special_counts(self, deploy: Deploy) -> None:
        on = deploy(routes=("ANY /{all+}", "POST /carts/{cart}", "GET /carts/7"))
        on.ask()
        on.ask("GET")
        assert [seen["resource"] for seen in on.app.seen] == ["/carts/{cart}", "/carts/7"]

    def test_version_2_events_and_answers_are_those_of_an_http_api(self, deploy: Deploy) -> None:
        on = deploy(
            "seen = []\ndef handler(event, context):\n    seen.append(event)\n    return {'made': 1}\n", payload="2.0"
        )
        assert on.ask() == {"statusCode": 200, "body": '{"made": 1}'}
        (seen,) = on.app.seen
        assert (seen["version"], seen["rawPath"], seen["routeKey"]) == ("2.0", "/carts/7", "POST /carts/{cart}")
        assert seen["requestContext"]["http"]["method"] == "POST"
        assert "queryStringParameters" not in seen

    @pytest.mark.parametrize(
        ("cart", "status", "error"),
        [
            ("raises", 502, "KeyError"),
            ("exits", 502, "SystemExit"),
            ("garbage", 502, "no proxy response: a dict with statusCode"),
            ("late", 503, "status 503"),
        ],
    )
    def test_what_fails_is_answered_as_api_gateway_does_and_comes_again_from_a_queue(
        self, deploy: Deploy, cart: str, status: int, error: str
    ) -> None:
        on = deploy()
        assert on.ask(cart=cart)["statusCode"] == status
        assert (on.records[0]["result"], on.records[0]["error"]) == ("failed", error)
        if cart == "raises":
            assert "KeyError: 'cart'" in on.logged
        failures = on.deliver("fine", cart, "none")
        assert [one["result"] for one in on.records] == ["committed", "failed", "committed"]
        assert [one["itemIdentifier"] for one in failures] == [event("sqs_batch")["Records"][1]["messageId"]]

    def test_a_query_that_finds_nothing_is_answered(self, deploy: Deploy) -> None:
        on = deploy()
        assert on.ask("GET", "none")["statusCode"] == 404
        assert (on.records[0]["result"], on.records[0]["found"]) == ("answered", False)

    def test_a_queued_query_is_stored_for_whoever_asks_by_its_ticket(self, deploy: Deploy) -> None:
        on = deploy()
        assert on.deliver("7", "none", operation="query") == []
        assert [one["found"] for one in on.records] == [True, False]
        assert on.table.items["answer/0"]["status"] == {"S": "201"}

    def test_what_counts_as_done_is_what_the_mapping_says(self, deploy: Deploy) -> None:
        deployed = deploy()
        results = []
        for cart, success in (("7", "200-201"), ("none", "200-201"), ("none", "201,404"), ("late", "503")):
            answer = deployed.ask(cart=cart, success=success)
            results.append((answer["statusCode"], deployed.records[0]["result"]))
        assert results == [(201, "committed"), (404, "failed"), (404, "committed"), (503, "committed")]
        assert deployed.deliver("7", "none", success="201") == [
            {"itemIdentifier": event("sqs_batch")["Records"][1]["messageId"]}
        ]
        assert [one["result"] for one in deployed.records] == ["committed", "failed"]
        assert deployed.records[1]["error"] == "status 404"
        deployed.ask(cart="raises", success="100-599")
        assert deployed.records[0]["result"] == "failed", "an exception is no answer"

    def test_behind_a_queue_it_gets_the_headers_that_the_mapping_gives(self, deploy: Deploy) -> None:
        deployed = deploy()
        deployed.deliver("7", headers={"content-type": "text/plain", "X-Tenant": "a"})
        headers = deployed.app.seen[-1]["headers"]
        assert headers == {"Accept": "application/json", "content-type": "text/plain", "X-Tenant": "a"}

    def test_what_it_prints_is_bounded(self, deploy: Deploy) -> None:
        on = deploy()
        on.ask(cart="loud")
        assert len(on.logged) <= 20_000 + 2 * 3  # the marks of two lines, and what ends them

    def test_one_that_cannot_be_imported_fails_every_time_with_its_traceback(self, deploy: Deploy) -> None:
        on = deploy("import nothing_of_that_name")
        assert on.ask()["statusCode"] == 502
        assert "No module named 'nothing_of_that_name'" in on.logged

    def test_the_labs_own_requests_do_not_reach_it(self, deploy: Deploy) -> None:
        on = deploy()
        assert on.ask(request_id="warm-1")["statusCode"] == 201
        assert on.table.commits("o", "warm-1") == 1
        on.invoke("command", {"warm_up": {"hold_ms": 0}})
        assert on.invoke("query", {"clock": True})["now_ns"] > 0
        assert on.app.seen == []

    def test_it_adds_less_than_a_millisecond(self, deploy: Deploy, capsys: pytest.CaptureFixture[str]) -> None:
        import time  # noqa: PLC0415

        on = deploy("def handler(event, context):\n    return {'statusCode': 200}\n")
        took = []
        for _ in range(50):
            started = time.perf_counter()
            on.ask()
            took.append(time.perf_counter() - started)
        assert sorted(took)[10] < 0.001


class TestObservation:
    def test_executions_are_counted_from_what_the_handlers_said(self) -> None:
        def record(request_id: str, result: str = "committed", at_us: int = 5, found: bool | None = None) -> Json:
            return {"request_id": request_id, "result": result, "at_us": at_us, "found": found}

        records = [record("a", at_us=9), record("a", at_us=4), record("b", "failed"), record("q", found=True)]
        assert executed([*records, record("c")]) == [
            {"request_id": "a", "commits": 2, "stamp_us": 4, "found": None},
            {"request_id": "c", "commits": 1, "stamp_us": 5, "found": None},
        ]


class TestPlan:
    @pytest.fixture(autouse=True)
    def _in_a_home(self, tmp_path: Path, places: Places) -> None:
        self.places, self.folder = places, tmp_path
        self.kept = keep(places, service(tmp_path))

    def plan(
        self,
        scenario: str,
        target: str = DEFAULT_TARGET,
        *,
        recording: Recording | None = None,
        work: str | None = None,
    ) -> Any:
        settings = LabSettings(service=self.kept.name, speed=5.0, limit=20, work=work)
        platform = Platform(targets()[target], "MiniStack 0.0.0", lambda _label, _room: pytest.fail("started"))
        recording = recording or Library(self.places).load("food_orders")
        where: dict[str, Any] = {"places": self.places, "reporter": Silent()}
        return plan_load(settings, recording, scenarios()[scenario], platform, **where)

    def test_a_service_gets_recorded_routes_and_works_as_long_as_it_does(self) -> None:
        schedule = self.plan("steady").schedule
        assert schedule.paths[0].startswith("/menus/")
        assert not len(schedule.work_us)
        assert "work_us" not in opened(schedule.message(0, "", "h").decode().split("archduel=")[1].split(" ")[0] + "\n")

    def test_where_no_handler_runs_it_works_as_long_as_was_recorded_or_asked_for(self) -> None:
        assert self.plan("steady", "simulated").work.kind == "recorded"
        assert self.plan("steady", "simulated", work="7").work.us.tolist() == [7000] * 20
        with pytest.raises(UsageError, match=r"runs no handler, and nothing says how long those of mine@\w+ take"):
            self.plan("steady", "simulated", recording=recording_of([{"path": "/help"}]))

    def test_where_no_handler_runs_it_works_as_long_as_it_was_measured_to(self) -> None:
        about = {"architecture": "synchronous", "scenario": "steady", "evidence": "observed", "repetition": 1}
        tables = combine([])
        times = {"PUT /links/{link}": [5000, 6000], "GET /links/{link}": [700]}
        sent = [
            {"request_id": f"{route}{at}", "route": route} for route, all_ in times.items() for at in range(len(all_))
        ]
        records = [
            {"request_id": f"{route}{at}", "repetition": 1, "result": "committed", "worked_us": us}
            for route, all_ in times.items()
            for at, us in enumerate(all_)
        ]
        tables["sent"] = rows("sent", [{"repetition": 1, **one} for one in sent])
        tables["records"] = rows("records", records)
        store = ObservationStore(self.places)
        for name, service in (("c-1", self.kept.name), ("c-2", "mine@other")):
            experiment = {**about, "comparison_id": name, "config": json.dumps({"service": service})}
            tables["experiments"] = rows("experiments", [experiment])
            store.write(name, "links__steady", "synchronous", tables)
        plan = self.plan("steady", "simulated", recording=recording_of([
            {"method": "PUT", "path": "/links/1", "operation": "command"},
            {"path": "/links/2"},
            {"path": "/links/3"},
        ]))  # fmt: skip
        assert plan.work.kind == "measured in c-1", "of another digest nothing counts"
        assert plan.work.us[0] in (5000, 6000)
        assert plan.work.us[1:].tolist() == [700, 700]

    def test_what_a_target_cannot_run_is_refused_with_the_reason(self) -> None:
        self.kept = keep(self.places, service(self.folder, MINIMAL + 'runtime = "nodejs20.x"\n', node=HANDLER))
        with pytest.raises(UsageError, match=r"mine needs nodejs20.x, which .*: functions as processes, as archduel's"):
            self.plan("steady", "localstack")
        table = '[[tables]]\nname = "t"\nkey = "id"\nfixed_name = "Things"\n'
        self.kept = keep(self.places, service(self.folder, MINIMAL + table))
        with pytest.raises(UsageError, match=r"mine needs Things, which .*: such a table may be somebody else's"):
            self.plan("steady", "endpoint")

    @pytest.mark.parametrize(("scenario", "own"), [("poison", "poison"), ("concurrency_limit", "work_us")])
    def test_what_only_the_labs_handlers_do_is_refused(self, scenario: str, own: str) -> None:
        with pytest.raises(UsageError, match=f"{scenario} needs the lab's own backend, for .*{own}"):
            self.plan(scenario)


def test_a_trial_has_the_first_request_of_each_busy_route_commands_first() -> None:
    paths = [("GET", "/carts/1"), ("GET", "/carts/2"), ("POST", "/carts/1"), ("GET", "/help")]
    recording = recording_of(
        {"method": method, "path": path, "operation": "query" if method == "GET" else "command"}
        for method, path in paths
    )
    offered = requests_of(recording, seed=1)
    assert offered.routes == ["POST /carts/{cart}", "GET /carts/{cart}", "GET /help"]
    assert offered.paths == ["/carts/1", "/carts/1", "/help"]


def test_routes_that_no_request_has_are_named(tmp_path: Path) -> None:
    routes = ["GET /carts/{id}", "PUT /carts/{id}", "ANY /carts/{id}/items", "ANY /help", "ANY /{all+}"]
    found, _ = read_service(service(tmp_path, f"{MINIMAL}routes = {json.dumps(routes)}"))
    recording = recording_of([{"method": "HEAD", "path": "/carts/1"}, {"path": "/help"}])
    assert unused(found, recording) == ["PUT /carts/{id}", "ANY /carts/{id}/items"]


class Told(Answering):
    def do_PUT(self) -> None:  # noqa: N802 - http.server's name
        self.answer(201, f"{self.headers['Content-Type']} {self.headers['X-Tenant']}".encode())


def test_a_trial_sends_the_headers_of_the_mapping() -> None:
    made = recording_of([{"method": "PUT", "path": "/carts/1", "operation": "command"}])
    template = Template(headers=(("content-type", "text/plain"), ("X-Tenant", "{{ pick('a', 'a') }}")), success="200")
    offered = requests_of(Recording("mine", made.table, {"PUT /carts/{cart}": template}), seed=1)
    with serving_with(Told) as url:
        [found] = trial(f"{url}/lab", offered)
    assert found.doubt is not None
    assert found.body == "text/plain a"


class Shop(Answering):
    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        self.answer(302, b"")

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(502, b'{"message":\n "Internal server error"}')


def test_a_trial_says_what_came_of_each_request() -> None:
    requests = [{"path": "/carts/1"}, {"method": "POST", "path": "/carts/1", "operation": "command"}]
    offered = requests_of(recording_of(requests), seed=1)
    with serving_with(Shop) as url:
        found = list(trial(f"{url}/lab", offered))
    assert [(one.works, one.sentence()) for one in found] == [
        (False, 'POST /carts/{cart}: 502 {"message": "Internal server error"}'),
        (True, "GET /carts/{cart}: 302"),
    ]
    nobody = f"http://127.0.0.1:{free_port()}"
    assert [one.status for one in trial(nobody, offered)] == [None, None]


@pytest.mark.parametrize(
    ("route", "status", "success", "doubtful"),
    [
        ("POST /carts", 201, None, False),
        ("POST /carts", 400, None, True),
        ("POST /carts", 404, None, True),
        ("GET /carts/{cart}", 404, None, False),
        ("GET /carts/{cart}", 403, None, True),
        ("POST /carts", 200, "201", True),
        ("POST /carts", 409, "200-299,409", False),
        ("POST /carts", 502, None, False),
    ],
)
def test_a_refusal_that_counts_as_done_is_doubted(
    route: str, status: int, success: str | None, *, doubtful: bool
) -> None:
    operation: Operation = "query" if route.startswith("GET") else "command"
    one = Tried(route, status, "what was said", operation, Template(success=success))
    assert (one.doubt is not None) == doubtful
    assert ("what was said" in one.sentence()) == (doubtful or not one.works)


def test_check_reads_and_imports_a_service_without_starting_anything(
    tmp_path: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHDUEL_HOME", str(places.home))
    done = CliRunner().invoke(service_command, ["check", str(service(tmp_path))])
    assert done.exit_code == 0
    assert "mine@" in done.output
    assert "app.handler can be imported" in done.output
    failed = CliRunner().invoke(service_command, ["check", str(service(tmp_path, code="1 / 0"))])
    assert isinstance(failed.exception, ArchduelError)
    assert "ZeroDivisionError" in str(failed.exception)


def test_a_template_is_written_to_a_new_file_only(tmp_path: Path) -> None:
    arguments = ["from-template", "tests/services/shortener/template.yaml", "--out", str(tmp_path / "service.toml")]
    assert CliRunner().invoke(service_command, arguments).exit_code == 0
    assert 'name = "shortener"' in (tmp_path / "service.toml").read_text()
    assert isinstance(CliRunner().invoke(service_command, arguments).exception, UsageError)


def test_a_deployable_is_packaged_beside_what_calls_it() -> None:
    _, read = read_service(SHORTENER)
    code = {**read["shortener"], "more.py": b""}

    def names(archive: bytes) -> list[str]:
        return zipfile.ZipFile(io.BytesIO(archive)).namelist()

    lab = ["archduel_adapter.py", "archduel_delivery.py", "archduel_orders.py"]
    assert names(package_with(code)) == ["app.py", *lab, "more.py"]
    assert names(package_with({"app.js": b""}, node=True)) == ["app.js", "archduel_adapter.mjs"]
    assert package_with(code) == package_with(dict(reversed(code.items())))


SEVERAL = """
name = "shop"
code = "code"
handler = "app.handler"
[environment]
STAGE = "test"
[[functions]]
name = "carts"
routes = ["ANY /carts/{cart-id}", "POST /carts"]
[functions.environment]
CARTS = "{table:carts}"
[[functions]]
name = "search"
routes = ["GET /search/{words+}"]
runtime = "python3.11"
timeout_s = 4
environment = {STAGE = "other"}
[[tables]]
name = "carts"
key = "id"
[[tables]]
name = "unused"
key = "id"
"""


class TestSeveralFunctions:
    def test_each_is_whole_with_what_it_shares(self, tmp_path: Path) -> None:
        found, code = read_service(service(tmp_path, SEVERAL))
        carts, search = found.parts
        assert list(code) == ["carts", "search"]
        assert (carts.handler, carts.runtime, carts.timeout_s) == ("app.handler", "python3.12", 10)
        assert carts.variables({"carts": "C"}) == {"STAGE": "test", "CARTS": "C"}
        assert (search.runtime, search.timeout_s, search.environment) == ("python3.11", 4, {"STAGE": "other"})
        assert found.longest_timeout_s == 10

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ('"search"', '"carts"', "functions must have different names"),
            ('handler = "app.handler"', "", "functions: carts: handler must be given"),
            ('routes = ["GET /search/{words+}"]', "", "each but the first must have routes"),
            ("timeout_s = 4", "timeout_s = 0", "functions: search: timeout_s must be at least 1"),
            ('environment = {STAGE = "other"}', "environment = 3", "functions: search: environment"),
            ("timeout_s = 4", "colour = 4", "functions: search: colour"),
            ("{table:carts}", "{table:cart}", "functions: carts: environment.CARTS names the table 'cart'"),
        ],
    )
    def test_what_is_wrong_with_one_is_named(self, tmp_path: Path, old: str, new: str, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            read_service(service(tmp_path, SEVERAL.replace(old, new, 1)))

    def test_each_has_what_it_serves_in_every_architecture(self, tmp_path: Path, places: Places) -> None:
        deployable = keep(places, service(tmp_path, SEVERAL))
        made = {
            name: template_of_service(one, deployable)[0]
            for name, one in architectures().items()
            if one.takes_any_routes
        }

        def functions(architecture: str) -> dict[str, dict[str, Any]]:
            resources = made[architecture]["Resources"]
            return {name: one for name, one in resources.items() if one["Type"] == "AWS::Lambda::Function"}

        assert list(functions("synchronous")) == ["Command", "Query", "QuerySearch"], "search has no commands"
        assert list(functions("event_driven")) == ["Consumer", "ConsumerSearch", "Result"]
        assert list(functions("hybrid")) == ["Consumer", "Query", "QuerySearch"]
        search = functions("synchronous")["QuerySearch"]["Properties"]
        assert (search["Runtime"], search["Timeout"]) == ("python3.11", 4)
        assert search["Environment"]["Variables"]["STAGE"] == "other"

    @pytest.mark.parametrize(
        ("method", "path", "name"),
        [
            ("GET", "/links/a1", "links"),
            ("PUT", "/links/a1/", "links"),
            ("HEAD", "/previews/a1", "previews"),
            ("PUT", "/previews/a1", "links"),
            ("POST", "/previews", "previews"),
            ("GET", "/previews/a1/more", "links"),
        ],
    )
    def test_a_request_is_that_ones_whose_route_it_has_and_else_the_firsts(
        self, method: str, path: str, name: str
    ) -> None:
        several, _ = read_service(Path("tests/services/several/service.toml"))
        assert several.part_of(method, path).name == name

    def test_the_most_special_route_counts(self, tmp_path: Path) -> None:
        routes = {"all": "ANY /{all+}", "one": "GET /carts/{id}", "mine": "GET /carts/mine"}
        functions = "".join(f'[[functions]]\nname = "{name}"\nroutes = ["{route}"]\n' for name, route in routes.items())
        several, _ = read_service(service(tmp_path, f"{MINIMAL}{functions}"))
        found = {path: several.part_of("GET", path).name for path in ("/carts/mine", "/carts/7", "/carts/7/items")}
        assert found == {"/carts/mine": "mine", "/carts/7": "one", "/carts/7/items": "all"}

    def test_one_may_use_the_tables_that_its_environment_names_only(self, tmp_path: Path, places: Places) -> None:
        made = self.resources(keep(places, service(tmp_path, SEVERAL)))
        carts, search = (json.dumps(made[name]["Properties"]["Policies"]) for name in ("QueryRole", "QuerySearchRole"))
        assert "TableCarts" in carts
        assert "TableUnused" not in carts
        assert "TableCarts" not in search

    def resources(self, deployable: Deployable) -> dict[str, Any]:
        made: dict[str, Any] = template_of_service(architectures()["synchronous"], deployable)[0]["Resources"]
        return made

    def test_the_api_passes_each_route_to_its_own(self, tmp_path: Path, places: Places) -> None:
        made = self.resources(keep(places, service(tmp_path, SEVERAL)))
        routed = {
            (one["Properties"]["HttpMethod"], name): json.dumps(one["Properties"]["Integration"]["Uri"])
            for name, one in made.items()
            if one["Type"] == "AWS::ApiGateway::Method"
        }
        to_search = [key for key, uri in routed.items() if "QuerySearch" in uri]
        assert [method for method, _ in to_search] == ["GET"]
        paths = {one["Properties"]["PathPart"] for one in made.values() if one["Type"] == "AWS::ApiGateway::Resource"}
        assert paths == {"carts", "{cart-id}", "search", "{words+}"}


def test_parameters_of_routes_may_have_any_name(deploy: Deploy) -> None:
    on = deploy(routes=("POST /carts/{cart-id}",))
    on.ask()
    assert on.app.seen[0]["pathParameters"] == {"cart-id": "7"}


def test_a_services_template_is_written_beside_its_code(
    tmp_path: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHDUEL_HOME", str(places.home))
    out = tmp_path / "adopted"
    arguments = ["hybrid", "--service", str(SHORTENER), "--out", str(out)]
    assert CliRunner().invoke(template_command, arguments).exit_code == 0
    resources = yaml.safe_load((out / "template.yaml").read_text())["Resources"]
    folders = {name: one["Properties"]["Code"] for name, one in resources.items() if "Code" in one["Properties"]}
    assert folders == {"Consumer": "code/Consumer", "Query": "code/Query"}
    assert [path.name for path in (out / "code/Query").iterdir()] == ["app.py"], "nothing of archduel's"
    assert resources["Query"]["Properties"]["Handler"] == "app.handler"
    assert (out / "code/Consumer/archduel_adapter.py").is_file()
    assert isinstance(CliRunner().invoke(template_command, arguments).exception, UsageError), "it exists"
    assert isinstance(CliRunner().invoke(template_command, arguments[:3]).exception, UsageError), "without --out"

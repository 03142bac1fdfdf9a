"""One execution environment as the LocalStack plug-in runs it: real processes, no LocalStack."""

import json
import os
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from resources.targets.localstack_host.environment import Environment, InitError, Invocation, Outcome

HANDLER = """
    import json, os, subprocess, sys, time
    print("loading")
    times = 0

    def handle(event, context):
        global times
        times += 1
        print("hello from", context.aws_request_id)
        match event.get("do"):
            case "raise":
                raise ValueError("told to")
            case "exit":
                print("goodbye", flush=True)
                os._exit(3)
            case "sleep":
                print("sleeping")
                time.sleep(60)
            case "unspeakable":
                return {1, 2}
            case "mutter":
                sys.stderr.write("on the error stream\\n")
                print("without an end", end="")
            case "spawn":
                subprocess.run(["echo", "from a child"], check=True)
            case "read":
                return sys.stdin.read()
            case "much":
                print("x" * 300_000)
                return "y" * 300_000
        return {
            "times": times,
            "event": event,
            "left_ms": context.get_remaining_time_in_millis(),
            "arn": context.invoked_function_arn,
            "pid": os.getpid(),
            "modules": [name for name in ("worker", "environment") if name in sys.modules],
        }
"""

Make = Callable[..., Environment]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Environments of a function with this code; all of them end with the test."""
    made: list[Environment] = []

    def environment(code: str = HANDLER, handler: str = "orders.handle") -> Environment:
        (tmp_path / "orders.py").write_text(textwrap.dedent(code))
        variables = {**os.environ, "_HANDLER": handler, "AWS_LAMBDA_FUNCTION_NAME": "orders"}
        made.append(Environment(sys.executable, tmp_path, variables, version="$LATEST", memory_mb=512))
        return made[-1]

    yield environment
    for one in made:
        one.stop()


def invoke(environment: Environment, name: str = "r1", timeout_s: float = 20.0, **event: Any) -> Outcome:
    arn = "arn:aws:lambda:us-east-1:000000000000:function:orders"
    return environment.invoke(Invocation(name, arn, json.dumps(event), "Root=1", timeout_s))


def answer(outcome: Outcome) -> Any:
    return json.loads(outcome.payload)


class TestAnswers:
    def test_are_what_the_handler_returned(self, make: Make) -> None:
        outcome = invoke(make(), order="o1")
        answered = answer(outcome)
        assert not outcome.is_error
        assert answered["event"] == {"order": "o1"}
        assert answered["arn"].endswith(":function:orders")
        assert 0 < answered["left_ms"] <= 20_000
        assert answered["modules"] == [], "the function's modules are its own"

    def test_come_from_the_same_process_each_time(self, make: Make) -> None:
        environment = make()
        assert [answer(invoke(environment, f"r{number}"))["times"] for number in range(3)] == [1, 2, 3]

    @pytest.mark.parametrize(
        ("what", "kind", "message"),
        [("raise", "ValueError", "told to"), ("unspeakable", "Runtime.MarshalError", "Unable to marshal response")],
    )
    def test_that_fail_say_how_and_keep_the_environment(self, make: Make, what: str, kind: str, message: str) -> None:
        environment = make()
        outcome = invoke(environment, do=what)
        answered = answer(outcome)
        assert outcome.is_error
        assert answered["errorType"] == kind
        assert message in answered["errorMessage"]
        assert answer(invoke(environment))["times"] == 2

    def test_of_a_handler_that_reads_its_input_are_none_of_the_requests(self, make: Make) -> None:
        assert answer(invoke(make(), do="read")) == ""

    def test_as_long_as_their_logs_come_whole(self, make: Make) -> None:
        outcome = invoke(make(), do="much")
        assert outcome.logs.count("x") >= 300_000
        assert invoke(make(), do="much").payload == b'"' + b"y" * 300_000 + b'"'


class TestLogs:
    def test_have_lambdas_lines_around_the_handlers_own(self, make: Make) -> None:
        lines = invoke(make()).logs.splitlines()
        assert lines[0] == "START RequestId: r1 Version: $LATEST"
        assert lines[1:3] == ["loading", "hello from r1"]
        assert lines[-2] == "END RequestId: r1"
        assert lines[-1].startswith("REPORT RequestId: r1\tDuration: ")
        assert "Memory Size: 512 MB" in lines[-1]

    def test_are_each_invocations_own_to_the_last_line(self, make: Make) -> None:
        environment = make()
        for number in range(20):
            logs = invoke(environment, f"r{number}", do="mutter").logs
            assert f"hello from r{number}\n" in logs
            assert logs.count("hello from") == 1
            assert "on the error stream\n" in logs
            assert f"without an end\nEND RequestId: r{number}\n" in logs

    def test_have_what_a_process_of_the_handlers_wrote(self, make: Make) -> None:
        assert "from a child\n" in invoke(make(), do="spawn").logs

    def test_tell_what_was_raised(self, make: Make) -> None:
        assert '[ERROR] {"errorMessage": "told to", "errorType": "ValueError"' in invoke(make(), do="raise").logs


class TestColdStarts:
    def test_are_marked_once(self, make: Make) -> None:
        environment = make()
        reports = [invoke(environment, f"r{number}").logs.splitlines()[-1] for number in range(3)]
        assert ["Init Duration: " in report for report in reports] == [True, False, False]

    @pytest.mark.parametrize("what", ["exit", "sleep"])
    def test_follow_an_end_of_the_process(self, make: Make, what: str) -> None:
        environment = make()
        invoke(environment, timeout_s=0.5, do=what)
        after = invoke(environment)
        assert answer(after)["times"] == 1
        assert "Init Duration: " in after.logs

    def test_follow_a_process_that_was_killed_between_invocations(self, make: Make) -> None:
        environment = make()
        pid = answer(invoke(environment))["pid"]
        os.kill(pid, signal.SIGKILL)
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            pass  # until it has ended; its parent has not noticed yet
        assert answer(invoke(environment))["times"] == 1


class TestEnds:
    def test_of_time_are_in_answer_and_log(self, make: Make) -> None:
        environment = make()
        invoke(environment)
        outcome = invoke(environment, "r2", timeout_s=0.5, do="sleep")
        assert outcome.is_error
        assert answer(outcome)["errorMessage"] == "RequestId: r2 Error: Task timed out after 0.50 seconds"
        assert "sleeping\n" in outcome.logs, "what it said before is kept"
        assert " r2 Task timed out after 0.50 seconds\n" in outcome.logs

    def test_of_the_process_are_in_answer_and_log(self, make: Make) -> None:
        outcome = invoke(make(), do="exit")
        assert outcome.is_error
        assert answer(outcome)["errorType"] == "Runtime.ExitError"
        assert "exit status 3" in answer(outcome)["errorMessage"]
        assert "goodbye\n" in outcome.logs

    def test_leave_no_process(self, make: Make) -> None:
        environment = make()
        pid = answer(invoke(environment))["pid"]
        environment.stop()
        environment.stop()
        assert not psutil.pid_exists(pid)

    def test_that_lets_go_of_the_requests_ends_the_process(self, make: Make) -> None:
        environment = make()
        process = psutil.Process(answer(invoke(environment))["pid"])
        assert environment._process is not None
        assert environment._process.stdin is not None
        environment._process.stdin.close()  # as when the process that started it was killed
        environment._process.wait(10)
        assert not process.is_running()


class TestInit:
    @pytest.mark.parametrize(
        ("code", "handler", "kind"),
        [
            ("import nothing_of_that_name", "orders.handle", "ModuleNotFoundError"),
            ("x = 1", "orders.handle", "AttributeError"),
            ("x = 1", "elsewhere.handle", "ModuleNotFoundError"),
            ("import os; os._exit(4)", "orders.handle", "Runtime.ExitError"),
        ],
    )
    def test_that_fails_says_why(self, make: Make, code: str, handler: str, kind: str) -> None:
        environment = make(code, handler)
        with pytest.raises(InitError) as failure:
            environment.start()
        assert json.loads(failure.value.payload)["errorType"] == kind

    def test_that_fails_after_a_cold_start_is_an_answer(self, make: Make, tmp_path: Path) -> None:
        environment = make()
        invoke(environment, do="exit")
        (tmp_path / "orders.py").write_text("import nothing_of_that_name")
        outcome = invoke(environment)
        assert outcome.is_error
        assert answer(outcome)["errorType"] == "ModuleNotFoundError"

"""What Lambda does with functions that are invoked directly: environments, concurrency, time-outs and failures.

Put here behaviours of functions. Keep out what an API makes of them (`resources.conformance.behaviours.gateway`).
"""

import time

from resources.conformance.bench import ProbeBench, Reply, at_once, largest_overlap, wait_until
from resources.conformance.probes import Answer, Observation, absent, different, not_provocable, probe, reproduced

_GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg"
_CONCURRENCY = f"{_GUIDE}/lambda-concurrency.html"
_RESERVED = f"{_GUIDE}/configuration-concurrency.html"
_ENVIRONMENT = f"{_GUIDE}/lambda-runtime-environment.html"


@probe(
    "a function at its reserved concurrency, invoked directly",
    expected="429 TooManyRequestsException",
    documented_at=f"{_GUIDE}/troubleshooting-invocation.html",
    affects=("S9", "S15"),
    aws_status=429,
)
def at_reserved_concurrency(bench: ProbeBench) -> Answer:
    function = bench.function(reserved=1, warm=1)
    replies = function.invoke_at_once(2, sleep_ms=800)
    refused = max(replies, key=lambda reply: reply.status)
    return Answer(refused.status, refused.error or "both invocations ran")


@probe(
    "reserved concurrency 0",
    expected="429: every invocation is refused",
    documented_at=_RESERVED,
    affects=("S5", "S9"),
    aws_status=429,
)
def reserved_zero(bench: ProbeBench) -> Answer:
    reply = bench.function(reserved=0).invoke()
    return Answer(reply.status, reply.error or "it ran")


@probe(
    "reserved concurrency 2 with 100 ms of work",
    expected="two at a time, the rest refused: 20 a second at most",
    documented_at=_CONCURRENCY,
    affects=("S9", "S11", "S14", "S15", "E9"),
)
def reserved_two_binds(bench: ProbeBench) -> Observation:
    function = bench.function(reserved=2, warm=2)
    began = time.monotonic()
    deadline = began + 1.5

    def keep_calling() -> list[int]:
        statuses = []
        while time.monotonic() < deadline:
            statuses.append(function.invoke(sleep_ms=100).status)
            time.sleep(0.01)
        return statuses

    statuses = [status for some in at_once([keep_calling] * 4) for status in some]
    seconds, done = time.monotonic() - began, statuses.count(200)
    overlap = largest_overlap(function.invocations())
    words = f"{overlap} at once, {done / seconds:.0f} a second, {len(statuses) - done} refused"
    # Slower than 20 a second is due to the machine; faster, or nothing refused, means there is no limit.
    if overlap == 2 and done / seconds <= 22 and statuses.count(429):
        return reproduced(words)
    return different(words) if statuses.count(429) else absent(words)


_POOL = 3


@probe(
    "one pool of environments for all functions",
    expected="429: a consumer that works off its backlog can leave none to the function that answers queries",
    documented_at=_CONCURRENCY,
    affects=("S9", "E9", "T1"),
    aws_status=429,
    environments=_POOL,
)
def account_pool(bench: ProbeBench) -> Answer | Observation:
    room = bench.clients.lambda_.get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    if room != _POOL:
        return not_provocable(f"not tried: the pool has room for {room}")
    consumer, query = bench.function(warm=_POOL), bench.function(warm=1)

    def queried() -> list[Reply]:
        time.sleep(0.5)  # the consumer has begun by then
        return [query.invoke()]

    drained, [reply] = at_once([lambda: consumer.invoke_at_once(_POOL, sleep_ms=1500), queried])
    ran = sum(one.status == 200 for one in drained)
    if ran < _POOL:
        return different(f"a pool of {_POOL} let {ran} of one function run")
    return Answer(reply.status, f"{reply.error or 'it ran'}, with {ran} of another function in a pool of {_POOL}")


@probe(
    "a function runs longer than its time-out",
    expected="cut off at the time-out with an error of the function",
    documented_at=f"{_GUIDE}/configuration-timeout.html",
    affects=("S4", "E4"),
)
def function_timeout(bench: ProbeBench) -> Observation:
    function = bench.function(timeout_s=1)
    function.invoke()
    began = time.monotonic()
    reply = function.invoke(sleep_ms=3000)
    seconds = time.monotonic() - began
    if reply.error is None:
        return absent(f"ran to its end, {seconds:.1f} s")
    words = f"{reply.error} after {seconds:.1f} s"
    return reproduced(words) if 0.9 < seconds < 2.9 else different(words)


@probe(
    "a handler raises",
    expected="an error of the function; its environment is kept, the next call is warm",
    documented_at=_ENVIRONMENT,
    affects=(),
)
def raising_keeps_the_environment(bench: ProbeBench) -> Observation:
    function = bench.function()
    before = function.invoke().facts
    raised = function.invoke(**{"raise": True})
    if raised.error is None:
        return absent("no error was reported")
    after = function.invoke().facts
    if before["environment"] == after["environment"]:
        return reproduced(f"{raised.error}; the next call was warm")
    return different(f"{raised.error}; the environment is gone, the next call was cold")


@probe(
    "concurrent invocations",
    expected="each in an environment of its own, in parallel",
    documented_at=_CONCURRENCY,
    affects=("S6", "S10", "S11", "E11"),
)
def parallel_environments(bench: ProbeBench) -> Observation:
    function = bench.function(warm=3)
    facts = [reply.payload for reply in function.invoke_at_once(3, sleep_ms=500) if reply.error is None]
    overlap, environments = largest_overlap(facts), len({fact["environment"] for fact in facts})
    words = f"{overlap} of 3 at once, in {environments} environments"
    if overlap == environments == 3:
        return reproduced(words)
    return absent(words) if overlap == 1 else different(words)


@probe(
    "a cold start",
    expected="the first invocation initialises an environment, the next finds it warm",
    documented_at=_ENVIRONMENT,
    affects=("S7", "E7"),
)
def cold_start(bench: ProbeBench) -> Observation:
    function = bench.function()
    first, second = function.invoke().facts, function.invoke().facts
    same = first["environment"] == second["environment"]
    words = f"first {_warmth(first)}, second {_warmth(second)}, {'the same' if same else 'another'} environment"
    if first["cold"] and not second["cold"] and same:
        return reproduced(words)
    return different(words) if first["cold"] else absent(words)


def _warmth(facts: dict[str, object]) -> str:
    return "cold" if facts["cold"] else "warm"


@probe(
    "provisioned concurrency",
    expected="an environment is initialised before the first invocation",
    documented_at=f"{_GUIDE}/provisioned-concurrency.html",
    affects=(),
)
def provisioned_concurrency(bench: ProbeBench) -> Observation:
    function = bench.function()
    functions = bench.clients.lambda_
    version = functions.publish_version(FunctionName=function.name)["Version"]
    which = {"FunctionName": function.name, "Qualifier": version}
    functions.put_provisioned_concurrency_config(**which, ProvisionedConcurrentExecutions=1)
    status = wait_until(
        lambda: functions.get_provisioned_concurrency_config(**which)["Status"] == "READY", seconds=5, pause_s=0.2
    )
    if not status:
        return different("accepted, and not ready within 5 s")
    time.sleep(1.0)
    age_ms = Reply.of(functions.invoke(**which, Payload=b"{}")).facts["age_ms"]
    words = f"the environment was {age_ms} ms old at its first invocation, a second after READY"
    return reproduced(words) if age_ms >= 900 else absent(words)

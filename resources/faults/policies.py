"""Faults of components, carried out by the services' own switches and never by deleting anything.

Put here how a component of a stack is taken away and given back. Keep out faults of hops (`resources.faults.proxy`) and
when a fault is on (`resources.faults.conductor`).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from resources.architectures.parts.event_source_mapping import EVENT_SOURCE_MAPPING
from resources.architectures.parts.queue import QUEUE
from resources.architectures.stack import Stack
from resources.aws.patience import patiently
from workloads.scenarios.faults import Disabled, Down, Fault, HopFault, Throttle

_NOWHERE = "unreachable"  # a queue that does not exist


class Effect(Protocol):
    """A fault that can be switched."""

    def on(self) -> int:
        """Break it; returns when the service had accepted that, CLOCK_MONOTONIC in nanoseconds."""

    def off(self) -> int:
        """Mend it; returns as `on`."""


class NoConcurrency:
    """Functions that may not run: with reserved concurrency 0, AWS's own way to stop a function.

    docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
    """

    def __init__(self, stack: Stack, functions: Sequence[str]) -> None:
        self._stack, self._functions = stack, functions

    def on(self) -> int:
        for name in self._functions:
            self._stack.clients.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
        return time.monotonic_ns()

    def off(self) -> int:
        reserved = self._stack.settings.reserved_concurrency
        for name in self._functions:
            if reserved is None:
                self._stack.clients.lambda_.delete_function_concurrency(FunctionName=name)
            else:
                self._stack.clients.lambda_.put_function_concurrency(
                    FunctionName=name, ReservedConcurrentExecutions=reserved
                )
        return time.monotonic_ns()


class NoConsuming:
    """Disabled event source mappings: messages stay in their queues."""

    def __init__(self, stack: Stack, mapping: str | None = None) -> None:
        """Of one ``mapping``, by its node; of all where none is named."""
        self._stack, self._mapping = stack, mapping

    def on(self) -> int:
        return self._set(enabled=False)

    def off(self) -> int:
        return self._set(enabled=True)

    def _set(self, *, enabled: bool) -> int:
        clients = self._stack.clients
        nodes = self._stack.nodes
        named = [self._mapping] if self._mapping else [name for name in nodes if nodes[name].kind == "lambda_mapping"]
        made = [self._stack.facts[name] for name in named if name in self._stack.facts]
        for one in (one for facts in made for one in [facts, *facts.get("others", {}).values()]):
            change = {"UUID": one["uuid"], "Enabled": enabled}
            patiently(lambda: clients.lambda_.update_event_source_mapping(**change), clients.pace)  # noqa: B023 - now
        return time.monotonic_ns()


class NoQueue:
    """A queue that neither accepts nor delivers: the API's integration names one that does not exist, and the mapping
    is disabled. Messages in the queue stay there.

    A policy that denies access would be closer to AWS; emulators do not enforce it.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack, self._consuming = stack, NoConsuming(stack)

    def on(self) -> int:
        self._point_to(lambda _uri: _NOWHERE)
        return self._consuming.on()

    def off(self) -> int:
        self._point_to(lambda uri: uri.rpartition("/")[2])
        return self._consuming.off()

    def _point_to(self, queue: Callable[[str], str]) -> None:
        api, gateway = self._stack.facts["api"], self._stack.clients.apigateway
        for route in api["queue_routes"]:
            uri = f"{route['uri'].rpartition('/')[0]}/{queue(route['uri'])}"
            gateway.update_integration(
                restApiId=api["id"],
                resourceId=route["resource"],
                httpMethod=route["method"],
                patchOperations=[{"op": "replace", "path": "/uri", "value": uri}],
            )
        gateway.create_deployment(restApiId=api["id"], stageName=api["stage"])


# What a stage without settings of its own lets through: the limits of an account.
_ACCOUNT_LIMITS = {"rateLimit": 10_000, "burstLimit": 5_000}


class StageThrottle:
    """The stage's own throttle: a token bucket in front of every method."""

    def __init__(self, stack: Stack, fault: Throttle) -> None:
        self._stack, self._fault = stack, fault

    def on(self) -> int:
        return _limit_stage(self._stack, {"rateLimit": self._fault.rate_per_s, "burstLimit": self._fault.burst})

    def off(self) -> int:
        return _limit_stage(self._stack, _ACCOUNT_LIMITS)


def _limit_stage(stack: Stack, limits: Mapping[str, float]) -> int:
    api = stack.facts["api"]
    stack.clients.apigateway.update_stage(
        restApiId=api["id"],
        stageName=api["stage"],
        patchOperations=[
            {"op": "replace", "path": f"/*/*/throttling/{name}", "value": str(value)} for name, value in limits.items()
        ],
    )
    return time.monotonic_ns()


def policy(stack: Stack, fault: Fault) -> Effect | None:
    """The switch for ``fault`` on ``stack``; None for a component the architecture does not have, and for a hop."""
    match fault:
        case Throttle():
            return StageThrottle(stack, fault)
        case Disabled() if fault.target in stack.facts:
            return NoConsuming(stack, None if fault.target == EVENT_SOURCE_MAPPING else fault.target)
        # Of queues behind a topic none is taken away: SNS would try again for days, which nothing here shows.
        case Down(target="queue") if QUEUE in stack.facts and stack.facts["api"]["queue_routes"]:
            return NoQueue(stack)
        case Down() if fault.target not in ("api", "table", "queue"):
            named = stack.function_names
            chosen = [
                one for node, functions in named.items() if fault.target in ("functions", node) for one in functions
            ]
            return NoConcurrency(stack, chosen) if chosen else None
    return None


def by_proxy(fault: Fault) -> bool:
    """Whether ``fault`` is a hop's, carried out by a proxy in front of its target."""
    return isinstance(fault, HopFault) or (isinstance(fault, Down) and fault.target in ("api", "table"))


def mend(stack: Stack) -> None:
    """Give back every component of the stack, since a run that was killed gave back none."""
    NoConcurrency(stack, [one for functions in stack.function_names.values() for one in functions]).off()
    if QUEUE in stack.facts:
        NoQueue(stack).off()
    _limit_stage(stack, _ACCOUNT_LIMITS)

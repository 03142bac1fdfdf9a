"""The registry of architectures: one module here is one entry, and nothing else needs an edit. Plug-ins bring others.

Put here what an architecture is and the modules of the architectures. Keep out what they are made of
(`resources.architectures.parts`) and what runs in their functions (`resources.architectures.handlers`).
"""

import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import Literal, NamedTuple, cast

from resources.architectures.stack import Node
from workloads.discovery import discover
from workloads.errors import UsageError, choose
from workloads.plugins import with_plugins
from workloads.recordings.recording import Operation
from workloads.scenarios.model import Reliance

Queueing = Literal["standard", "fifo", "lambda"]

# What passes requests on to which kind of node, and what takes that step.
_PASSED_ON = {
    "sqs": {"sqs": "received too often"},
    "sns": {"sqs": "a copy each"},
    "lambda": {"dynamodb": "", "sns": "command"},
}
CALLER = "caller"  # of the API, in an architecture's steps
# By resources.simulation.
_MODELLED = frozenset({"apigateway", "dynamodb", "lambda", "lambda_mapping", "lambda_retries", "sqs"})
_WHY_OWN_ROUTES = {
    "standard": "of a service's own handlers none says which of its effects it brings about",
    "fifo": "of another one its API cannot say which entity it is about, which is the message's group",
    "lambda": "its API hands the body of a request to the function as it is, which has to say all that is known of it",
}


class Step(NamedTuple):
    """A step on the way of requests: from which node to which one, and what takes it; empty: all that comes there."""

    source: str
    target: str
    what: str


@dataclass(frozen=True)
class Architecture:
    """A way to serve the same two requests: ``POST /orders`` (a command) and ``GET /orders/{id}`` (a query).

    Attributes:
        name: Its key in the registry, tables and options.
        title: What people call it.
        description: One or two sentences for people.
        nodes: The resources by name, each with how it is made and which others it needs.
        queued: The operations that a queue acknowledges and that are carried out later.
        effects: What a command brings about, each stored by itself: it is done once all of them are there.
        queueing: What queues them: a standard queue, one that keeps the order of each entity's messages (``fifo``), or
            Lambda itself, where functions are invoked asynchronously (``lambda``).
        rests_on: The behaviours of AWS without which a target cannot show what it does.
        position: Its place in tables and charts.
        basic: Whether it is compared where nothing else is said, as in nights.
    """

    name: str
    title: str
    description: str
    nodes: Mapping[str, Node]
    queued: frozenset[Operation]
    effects: tuple[str, ...] = ("order",)
    queueing: Queueing = "standard"
    rests_on: tuple[Reliance, ...] = ()
    position: int = 100
    basic: bool = False

    @property
    def delivers_anyhow(self) -> bool:
        """Whether what it queues may be delivered twice, or late."""
        return self.queueing == "standard"

    @property
    def takes_any_routes(self) -> bool:
        """Whether its API can take other routes than the lab's own."""
        return self.queueing == "standard" and len(self.effects) == 1

    def check_takes_any_routes(self) -> None:
        """Raise `UsageError` where its API takes the lab's own routes alone."""
        if not self.takes_any_routes:
            why = _WHY_OWN_ROUTES[self.queueing]
            raise UsageError(
                f"{self.name} needs the lab's own routes: {why}. Leave out --routes recorded and --service, or"
                f" --architecture {self.name}"
            )

    @property
    def unmodelled(self) -> str | None:
        """The first of its nodes that the simulation has no model of, and its kind; None where it has one of all."""
        for name, node in self.nodes.items():
            if node.kind not in _MODELLED:
                return f"{name} ({node.kind})"
        return None

    def check_modelled(self) -> None:
        """Raise `UsageError` where the simulation has no model of it."""
        if self.unmodelled is not None:
            raise UsageError(f"{self.name} cannot be simulated: there is no model of its {self.unmodelled}")

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the nodes that are Lambda functions."""
        return tuple(name for name, node in self.nodes.items() if node.kind == "lambda")

    @property
    def _queues(self) -> set[str]:
        return {name for name, node in self.nodes.items() if node.kind == "sqs"}

    @property
    def queued_by_api(self) -> frozenset[Operation]:
        """The operations that the API puts into a queue itself, without a function that a limit could refuse."""
        if self.queueing == "lambda":  # which takes all that the API hands it
            return self.queued
        routes = (route for node in self.nodes.values() for route in node.routes.items())
        return self.queued & {operation for operation, target in routes if target in self._queues}

    @property
    def queues_behind_a_topic(self) -> int:
        """How many queues a topic passes each message on to; 0 without a topic."""
        topics = (node for node in self.nodes.values() if node.kind == "sns")
        return sum(len(self._queues & set(node.needs)) for node in topics)

    @property
    def waited_for(self) -> dict[str, int]:
        """Of each function how many others wait while it works, since it is called by one of them."""
        callers = {node.calls: name for name, node in self.nodes.items() if node.calls}
        found = {}
        for name in self.functions:
            caller, found[name] = name, 0
            while caller := callers.get(caller, ""):
                found[name] += 1
        return found

    @property
    def leaves(self) -> tuple[str, ...]:
        """The names of the nodes that no other node needs: a replay waits for these."""
        needed = {need for node in self.nodes.values() for need in node.needs}
        return tuple(name for name in self.nodes if name not in needed)

    def path(self, operation: Operation) -> frozenset[tuple[str, str]]:
        """The nodes that serve requests of an operation, each with its kind.

        These are the API, the node it passes them to, the nodes that take from that one, as the event source mapping
        takes from the queue, and all that these need. Architectures with the same path do the same work with the same
        services.
        """
        apis = {name: node.routes[operation] for name, node in self.nodes.items() if operation in node.routes}
        taking = {name: set(node.needs) for name, node in self.nodes.items() if node.kind == "lambda_mapping"}
        found, needed = set(apis), set(apis.values())
        while needed:
            found |= needed
            needed = {need for name in needed for need in self.nodes[name].needs}
            needed = (needed | {name for name, needs in taking.items() if self._queues & needs & found}) - found
        return frozenset((name, self._service(name)) for name in found)

    def _service(self, name: str) -> str:
        kind = self.nodes[name].kind
        return f"{kind} {self.queueing}" if kind == "sqs" and self.queueing != "standard" else kind

    def steps(self) -> tuple[Step, ...]:
        """The way of requests: from the caller to the API, to what that passes them to, and on to the table.

        Nodes' needs go the way resources are made, which is another one.
        """
        kinds = {name: node.kind for name, node in self.nodes.items()}
        found = []
        by_lambda = {
            need: name for name, node in self.nodes.items() if node.kind == "lambda_retries" for need in node.needs
        }
        for api, node in self.nodes.items():
            if node.routes:
                routes = [(by_lambda.get(target, target), operation) for operation, target in node.routes.items()]
                fetched = set(self.functions) & set(node.needs) - set(node.routes.values())
                found += [Step(CALLER, api, operation) for _, operation in routes]
                found += [Step(api, target, operation) for target, operation in routes]
                found += [Step(api, name, "answer, by ticket") for name in sorted(fetched)]
        for name, node in self.nodes.items():
            if node.kind == "lambda_retries":
                found += [
                    Step(name, need, "failed each time" if kinds[need] == "sqs" else "one by one")
                    for need in node.needs
                ]
            if node.kind == "lambda_mapping":
                found += [
                    Step(need, name, "batch") if kinds[need] == "sqs" else Step(name, need, "batch")
                    for need in node.needs
                ]
        for name, node in self.nodes.items():
            if node.calls:
                found.append(Step(name, node.calls, "call"))
            for kind, what in _PASSED_ON.get(node.kind, {}).items():
                reached = [need for need in node.needs if kinds[need] == kind]
                if kind == "dynamodb" and "sns" in {kinds[need] for need in node.needs}:
                    continue  # what publishes stores nothing
                found += [Step(name, need, what) for need in reached]
        return tuple(found)


ALL = "all"  # in place of a name, all of them

# Groups of other assets in Dagster, whose keys an architecture's would meet.
_RESERVED = frozenset({"comparison", "recorded_traffic", "simulated", CALLER, ALL})
_RESERVED_NODES = frozenset({"replay", "outcomes"})  # assets of every architecture, beside its nodes
_NODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_OPERATIONS = frozenset({"command", "query"})


def faults_of(entry: object) -> Iterator[str]:
    """Say what an object lacks to be an `Architecture` that can be made, a clause each; nothing where it is one."""
    if not isinstance(entry, Architecture):
        yield "it is no Architecture"
        return
    if entry.name in _RESERVED:
        yield f"{entry.name} is a name that something else has"
    for name, node in entry.nodes.items():
        if not isinstance(cast("object", node), Node):  # a plug-in may say anything
            yield f"its node {name} is no Node"
        if not _NODE.fullmatch(name) or name in _RESERVED_NODES:
            yield f"a node cannot be named {name!r}: lower case, digits and single _, and not replay or outcomes"
        for need in (*node.needs, *node.routes.values(), *filter(None, [node.calls])):
            if need not in entry.nodes:
                yield f"its node {name} names a node {need!r}, which it has not"
    if circle := _in_circle(entry.nodes):
        yield f"its node {circle} needs itself, by way of others"
    routed = {operation for node in entry.nodes.values() for operation in node.routes}
    if missing := sorted(_OPERATIONS - routed):
        yield f"no node takes its {missing[0]} requests: an API routes command and query"
    yield from _faults_of_effects(entry)
    if missing := sorted({"api", "table"} - set(entry.nodes)):
        yield f"it has no node {missing[0]}"
    if alien := sorted(entry.queued - _OPERATIONS):
        yield f"it queues {alien[0]!r}, which is no operation: command and query are"


def _faults_of_effects(entry: Architecture) -> Iterator[str]:
    if not entry.effects or len(set(entry.effects)) < len(entry.effects):
        yield "its effects are none, or one is named twice"
    for effect in entry.effects:
        if not _NODE.fullmatch(effect):
            yield f"an effect cannot be named {effect!r}: lower case, digits and single _"
    for name, node in entry.nodes.items():
        if alien := sorted(set(node.effects) - set(entry.effects)):
            yield f"its node {name} brings about {alien[0]!r}, which is none of its effects"


def _in_circle(nodes: Mapping[str, Node]) -> str:
    try:
        tuple(TopologicalSorter({name: node.needs for name, node in nodes.items()}).static_order())
    except CycleError as error:
        return str(error.args[1][0])
    return ""


@cache
def architectures() -> dict[str, Architecture]:
    """Every registered architecture by name, a module each here and those of plug-ins, in the order of its position."""
    return with_plugins("architecture", discover(sys.modules[__name__], "ARCHITECTURE"), faults_of)


def chosen_architectures(names: Collection[str] = (), *, simulated: bool = False) -> tuple[str, ...]:
    """The names of the architectures that are meant, in their own order.

    Args:
        names: Those named, `ALL` among them for all there are; the basic ones where none is named.
        simulated: Whether they are to be simulated, so that `ALL` means those that can be.

    Raises:
        UsageError: One of them is not there.
    """
    known = architectures()
    for name in names:
        choose({**known, ALL: None}, name, "architecture")
    if ALL in names:
        return tuple(name for name, one in known.items() if name in names or not (simulated and one.unmodelled))
    return tuple(name for name, one in known.items() if (name in names if names else one.basic))

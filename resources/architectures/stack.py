"""The resources of one architecture on one target: made when first needed, emptied between repetitions.

Put here the nodes' order and their life. Keep out what a node is (`resources.architectures.parts`) and where it runs
(`resources.targets`).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from resources.aws.clients import Services
from resources.services.model import Deployable, Function
from workloads.recordings.recording import Operation

Facts = dict[str, Any]

# How the functions write. An idempotent write is applied once however often it is delivered; a naive one is applied
# each time, so that every delivery too many shows in the table. Both try once. With the SDK's defaults an idempotent
# write has ten attempts, each of which may take as long as the SDK waits.
SDK_DEFAULTS = "sdk_defaults"
VARIANTS = ("idempotent", "naive", SDK_DEFAULTS)
SDK_TIMEOUT_MS = 60_000  # botocore's, to connect and to read
DEFAULT_VARIANT = VARIANTS[0]


@dataclass(frozen=True)
class StackSettings:
    """What a scenario decides about the resources. Times end in their unit: ``_s``, ``_ms`` or ``_us``."""

    function_timeout_s: int = 2
    visibility_timeout_s: int = 12  # AWS advises at least six times the function's timeout
    max_receive_count: int = 10
    batch_size: int = 10
    reserved_concurrency: int | None = None  # of each function
    work_us: int = 0  # how long a handler works before it touches the table, besides what a request asks for
    work_cpu_share: float = 0.0  # the part of all work that uses the CPU; the rest waits
    table_timeout_ms: int = 1000  # how long one attempt of a handler at the table may take
    environments: int = 8  # warm ones of each function the API calls
    variant: str = DEFAULT_VARIANT
    recorded_routes: bool = False  # whether the API takes every path, instead of the lab's own routes
    delivery_faults: bool = False  # whether the consumer stands behind the injector of a queue's irregularities
    adopted: bool = False  # whether the user's own service is deployed for its users, and nothing is measured


@dataclass(frozen=True)
class Node:
    """A resource of a stack.

    Attributes:
        needs: The names of the nodes that are made before it.
        make: Makes it, or finds it where it exists, and returns the facts a user wants to see.
        kind: Its AWS service, as in ARNs; an event source mapping is a ``lambda_mapping``.
        description: One sentence for people.
        routes: Of an API, which node requests of each operation are passed to.
        effects: Of a queue or a function, the effects of a command that it is still to bring about, by the names in
            `Architecture.effects`; empty: all of them.
        calls: Of a function, the function that it invokes and waits for, once it has brought its own effect about.
    """

    needs: tuple[str, ...]
    make: Callable[["Stack"], Facts]
    kind: str
    description: str
    routes: Mapping[Operation, str] = field(default_factory=dict)
    effects: tuple[str, ...] = ()
    calls: str = ""


def effect_of(node: Node) -> str | None:
    """The effect of a command that a function brings about; None for the first, or the only one."""
    return node.effects[0] if len(node.effects) == 1 else None


@dataclass
class Stack:
    """The resources of one architecture.

    Attributes:
        clients: Clients of the place where they are made.
        nodes: What there is to make, by name.
        table_endpoint_url: Where handlers reach the table: at the fault proxy. Empty where they find it by themselves.
        settings: What the scenario decides.
        prefix: What the name of every resource begins with.
        tags: What every resource is tagged with.
        service: The user's own service, which its functions run; None for the lab's own backend.
        facts: What is known of each resource made so far, by its node's name.
        beginning: Called before a node makes something for a function of the service besides the first, with its name,
            and with none afterwards.
    """

    clients: Services
    nodes: Mapping[str, Node]
    table_endpoint_url: str
    settings: StackSettings = field(default_factory=StackSettings)
    prefix: str = "archduel"
    tags: Mapping[str, str] = field(default_factory=dict)
    service: Deployable | None = None
    facts: dict[str, Facts] = field(default_factory=dict, init=False)
    beginning: Callable[[str], None] = lambda _name: None

    def resource_name(self, name: str) -> str:
        """The name of a resource on the target: ``name`` behind the stack's prefix."""
        return f"{self.prefix}-{name}"

    def ensure(self, name: str) -> Facts:
        """Make the node ``name`` and the nodes it needs, unless they are made already.

        Returns:
            Its facts, among them ``provision_seconds``, how long making it took.
        """
        if name not in self.facts:
            node = self.nodes[name]
            for need in node.needs:
                self.ensure(need)
            started = time.monotonic()
            self.facts[name] = node.make(self)
            self.facts[name]["provision_seconds"] = round(time.monotonic() - started, 4)
        return self.facts[name]

    def ensure_all(self) -> None:
        """Make every node that is not made yet."""
        for name in self.nodes:
            self.ensure(name)

    @property
    def api_url(self) -> str:
        """Where the deployed API answers, without a route."""
        return self.clients.api_url(self.facts["api"]["id"], self.facts["api"]["stage"])

    @property
    def queue_urls(self) -> dict[str, list[str]]:
        """The URLs of the queues that are made, by node name."""
        return self._each("sqs", "url")

    @property
    def function_names(self) -> dict[str, list[str]]:
        """The names in Lambda of the functions that are made, by node name."""
        return self._each("lambda", "name")

    def _each(self, kind: str, fact: str) -> dict[str, list[str]]:
        """One fact of all resources that nodes of a kind made: several each, for a service with several functions."""
        return {
            name: [one[fact] for one in [facts, *facts.get("others", {}).values()]]
            for name, facts in self.facts.items()
            if self.nodes[name].kind == kind
        }

    def parts(self, node: str) -> list[Function | None]:
        """The functions of the user's own service that a node makes something for; None for the lab's own backend.

        These are the ones with routes that the API passes to it; to a node that it passes nothing to, by the queue.
        """
        if self.service is None:
            return [None]
        routes = [route for one in self.nodes.values() for route in one.routes.items()]
        passed = {operation for operation, target in routes if target == node}
        queued = {operation for operation, target in routes if self.nodes[target].kind == "sqs"}
        return list(self.service.service.serving(passed or queued))

    def part_name(self, node: str, part: Function | None, name: str = "") -> str:
        """What a node makes for a function is called so, without the stack's prefix: ``name``, or as the node; with the
        function's name where it makes several.
        """
        return (name or node) + (f"-{part.name}" if part and len(self.parts(node)) > 1 else "")

    def empty(self) -> None:
        """Delete every item, message and log line; identities, URLs and warm environments stay.

        This takes about ten milliseconds, where an emulator's own reset and provisioning take seconds and leave cold
        environments.
        """
        for url in (url for urls in self.queue_urls.values() for url in urls):
            self.clients.sqs.purge_queue(QueueUrl=url)
        for name in (self.facts["table"]["name"], *self.facts["table"].get("of_service", {}).values()):
            self.clients.dynamodb.delete_table(TableName=name)
        self.facts["table"] = {**self.nodes["table"].make(self), "provision_seconds": 0.0}
        for name in (name for names in self.function_names.values() for name in names):
            group = f"/aws/lambda/{name}"
            if self.clients.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
                self.clients.logs.delete_log_group(logGroupName=group)

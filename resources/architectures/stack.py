"""One architecture's resources on one emulator: made when first needed, reset between repetitions.

Knows nodes and their order, not what they are (`resources.architectures.parts`), and nothing of Dagster.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from resources.aws.clients import Services

Facts = dict[str, Any]

# How the functions write. A good engineer's write is done once however often it is asked for; a naive one is done
# each time, so that every delivery too many shows in the table.
VARIANTS = ("idempotent", "naive")
DEFAULT_VARIANT = VARIANTS[0]


@dataclass(frozen=True)
class StackSettings:
    """What a scenario decides about the resources."""

    function_timeout_s: int = 2
    visibility_timeout_s: int = 12  # AWS advises at least six times the function's timeout
    max_receive_count: int = 10
    batch_size: int = 10
    reserved_concurrency: int | None = None  # of each function
    work_us: int = 0  # what a handler works before it touches the table
    table_timeout_ms: int = 1000  # how long a handler waits for the table
    environments: int = 8  # warm ones of each function the API calls
    variant: str = DEFAULT_VARIANT
    delivery_faults: bool = False  # whether the consumer stands behind the injector of a queue's irregularities


@dataclass(frozen=True)
class Node:
    """A resource: what it needs, how it is made (``make`` returns what a user wants to see of it), its AWS service."""

    needs: tuple[str, ...]
    make: Callable[["Stack"], Facts]
    kind: str
    description: str


@dataclass
class Stack:
    """The resources of one architecture, all made with ``tags``. ``table_endpoint_url`` is what handlers call: the
    fault proxy. It is empty where they find the table by themselves.
    """

    clients: Services
    nodes: Mapping[str, Node]
    table_endpoint_url: str
    settings: StackSettings = field(default_factory=StackSettings)
    prefix: str = "archduel"
    tags: Mapping[str, str] = field(default_factory=dict)
    facts: dict[str, Facts] = field(default_factory=dict, init=False)

    def resource_name(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    def ensure(self, name: str) -> Facts:
        """Make ``name`` and whatever it needs, once; returns its facts and the seconds it took."""
        if name not in self.facts:
            node = self.nodes[name]
            for need in node.needs:
                self.ensure(need)
            started = time.monotonic()
            self.facts[name] = node.make(self)
            self.facts[name]["provision_seconds"] = round(time.monotonic() - started, 4)
        return self.facts[name]

    def ensure_all(self) -> None:
        for name in self.nodes:
            self.ensure(name)

    @property
    def api_url(self) -> str:
        return str(self.facts["api"]["url"])

    @property
    def queue_urls(self) -> dict[str, str]:
        """Node name to URL, of the queues there are."""
        return {name: facts["url"] for name, facts in self.facts.items() if self.nodes[name].kind == "sqs"}

    @property
    def function_names(self) -> dict[str, str]:
        """Node name to Lambda's name, of the functions there are."""
        return {name: facts["name"] for name, facts in self.facts.items() if self.nodes[name].kind == "lambda"}

    def empty(self) -> None:
        """No item, message or log line left; identities, URLs and warm environments stay.

        Takes about ten milliseconds where the emulator's own reset and provisioning again take seconds and start
        cold.
        """
        for url in self.queue_urls.values():
            self.clients.sqs.purge_queue(QueueUrl=url)
        self.clients.dynamodb.delete_table(TableName=self.facts["table"]["name"])
        self.facts["table"] = {**self.nodes["table"].make(self), "provision_seconds": 0.0}
        for name in self.function_names.values():
            group = f"/aws/lambda/{name}"
            if self.clients.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
                self.clients.logs.delete_log_group(logGroupName=group)

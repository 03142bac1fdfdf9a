"""The built-in customers of a food-ordering service: a seeded model of what they intend to do, and when.

Put here intentions, which are pure data. Keep out carrying them out against an API (`workloads.customers.session`). It
is a model, not a measurement: its parameters are `Population`'s fields, chosen so that traffic looks like lunch.

Parties arrive by a Poisson process whose rate rises to the height of lunch and falls again. Most are one customer;
some are an office that orders together: its members arrive within a moment, look at the same menus at the same pace
and send their orders one right after the other. That, and their apps asking at the same interval from then on, makes
bursts of a second or two. A customer browses menus, orders, now and then changes or tips the order, and asks for its
status every few seconds until it is delivered or the customer gives up.
"""

import hashlib
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, Literal

import numpy as np

from workloads.recordings.recording import Operation

Action = Literal["browse", "order", "change", "status"]

_PARTIES = 2000
_MOMENTS = 500

_METHODS: dict[Action, str] = {"browse": "GET", "order": "POST", "change": "PATCH", "status": "GET"}
_OPERATIONS: dict[Action, Operation] = {"browse": "query", "order": "command", "change": "command", "status": "query"}


@dataclass(frozen=True)
class Step:
    """One request that a customer intends to make.

    Attributes:
        action: What it is.
        entity: What it is about, such as ``menu-12`` or ``order-1f3a``.
        think_s: How long after the answer to the one before.
        payload_bytes: The size of its body; 0 for none.
        retry_s: The pauses before the second attempt, the third and so on, in seconds; made after failures only.
    """

    action: Action
    entity: str
    think_s: float
    payload_bytes: int
    retry_s: tuple[float, ...] = ()

    @property
    def operation(self) -> Operation:
        """Whether it is a command or a query."""
        return _OPERATIONS[self.action]

    @property
    def method(self) -> str:
        """Its HTTP method at the food service."""
        return _METHODS[self.action]

    @property
    def path(self) -> str:
        """Its path at the food service; the lab's API has other ones."""
        if self.action == "order":
            return "/orders"
        kind, _, number = self.entity.partition("-")
        return f"/{kind}s/{number}"


@dataclass(frozen=True)
class Customer:
    """A customer, and the steps of the visit, which no answer changes.

    Attributes:
        name: A pseudonym.
        arrives_s: When the visit begins, in seconds from the recording's start.
        steps: In their order.
    """

    name: str
    arrives_s: float
    steps: tuple[Step, ...]

    @property
    def intended_s(self) -> list[float]:
        """When each step is made if every answer comes at once, in seconds from the recording's start."""
        return list(accumulate((step.think_s for step in self.steps), initial=self.arrives_s))[1:]


def _about(default: Any, text: str) -> Any:
    """A parameter with its description, which `workloads.customers.days` shows."""
    return field(default=default, metadata={"about": text})


@dataclass(frozen=True)
class Population:
    """The model's parameters. Shares are from 0 to 1; ranges are a minimum and a maximum, drawn evenly between."""

    duration_s: float = _about(138.0, "from the first possible arrival to the last request")
    peak_per_s: float = _about(1.55, "parties that arrive per second at the height of lunch")
    quiet_share: float = _about(0.6, "the rate far from the height, as a share of the height's")
    peak_at: float = _about(0.5, "when lunch is at its height, as a share of the duration")
    peak_width: float = _about(0.17, "standard deviation of the hump before its height, as a share of the duration")
    fall_width: float | None = _about(None, "the same after its height; none: as before it")
    office_share: float = _about(0.2, "of the parties: offices that order together")
    office_size: tuple[int, int] = _about((3, 6), "customers")
    office_spread_s: float = _about(1.0, "within which an office's members arrive, and keep that distance")
    menus: int = _about(40, "in the whole service; the first are looked at most")
    browsed_weights: tuple[float, ...] = _about((0.6, 0.3, 0.1), "of looking at one menu, at two, at three")
    browse_s: tuple[float, float] = _about((2.0, 5.0), "between menus")
    decide_s: tuple[float, float] = _about((3.0, 8.0), "from the last menu to the order")
    change_share: float = _about(0.15, "of the orders: changed or tipped once before they are delivered")
    delivery_s: tuple[float, float] = _about(
        (12.0, 30.0), "from order to delivery, compressed: real ones take half an hour"
    )
    status_every_s: float = _about(6.0, "how often an app asks, counted from the order")
    status_jitter_s: float = _about(0.4, "by which each interval is longer or shorter at most")
    give_up_share: float = _about(0.15, "of the customers: stop asking some time before the delivery")
    payload_bytes: tuple[int, int] = _about((250, 450), "of a command's body")
    retry_attempts: int = _about(1, "how often a step is tried at most; again after no answer, 429 or 5xx")
    retry_first_s: float = _about(0.5, "pause before the second attempt")
    retry_factor: float = _about(2.0, "by which each further pause is longer")
    retry_max_s: float = _about(8.0, "the longest pause")
    retry_jitter: float = _about(0.3, "share by which each pause is longer or shorter at most")

    def rate_per_s(self, at_s: float) -> float:
        """The rate of parties, per second, ``at_s`` seconds after the start."""
        distance = at_s / self.duration_s - self.peak_at
        distance /= self.peak_width if distance < 0 or self.fall_width is None else self.fall_width
        hump = math.exp(-(distance**2) / 2)
        return self.peak_per_s * (self.quiet_share + (1 - self.quiet_share) * hump)

    @property
    def menu_entities(self) -> list[str]:
        """All menus: the entities that exist before the first customer comes."""
        return [f"menu-{number}" for number in range(1, self.menus + 1)]


def customers(population: Population, seed: int) -> list[Customer]:
    """Draw all customers of a day, in order of arrival. The same arguments give the same customers."""
    scripts = [
        script
        for party, arrives_s in enumerate(_arrivals(population, seed))
        for script in _party(population, f"{seed}/{party}", arrives_s)
    ]
    scripts.sort(key=lambda script: script[0])
    return [Customer(f"customer-{index:04}", arrives_s, steps) for index, (arrives_s, steps) in enumerate(scripts)]


def _draws(key: str) -> random.Random:
    """Random numbers of their own for each party and member: another draw for one does not change the others."""
    return random.Random(key)  # noqa: S311 - a model, and it must be the same every time


def _arrivals(population: Population, seed: int) -> Iterator[float]:
    """Arrivals of a Poisson process of varying rate, by thinning one of the highest rate."""
    draws = _draws(f"{seed}/arrivals")
    at_s = 0.0
    while (at_s := at_s + draws.expovariate(population.peak_per_s)) < population.duration_s:
        if draws.random() * population.peak_per_s < population.rate_per_s(at_s):
            yield at_s


def _party(population: Population, key: str, arrives_s: float) -> Iterator[tuple[float, tuple[Step, ...]]]:
    """Arrival and steps of each member. What an office does together is drawn once."""
    together = _draws(key)
    office = together.random() < population.office_share
    size = together.randint(*population.office_size) if office else 1
    weights = population.browsed_weights
    browsed = together.choices(range(1, len(weights) + 1), weights)[0]
    popularity = [1 / rank for rank in range(1, population.menus + 1)]  # Zipf's law
    menus = together.choices(population.menu_entities, popularity, k=browsed)
    pauses_s = [0.0, *(together.uniform(*population.browse_s) for _ in menus[1:])]
    decide_s = together.uniform(*population.decide_s)
    looking = tuple(Step("browse", menu, pause_s, 0) for menu, pause_s in zip(menus, pauses_s, strict=True))
    for member in range(size):
        own = _draws(f"{key}/{member}")
        late_s = own.uniform(0, population.office_spread_s) if office else 0.0
        entity = "order-" + hashlib.blake2b(f"{key}/{member}".encode(), digest_size=5).hexdigest()
        order = Step("order", entity, decide_s, own.randint(*population.payload_bytes))
        steps = (*looking, order, *_afterwards(population, own, entity))
        yield arrives_s + late_s, _with_retries(population, steps, f"{key}/{member}/retries")


def _afterwards(population: Population, own: random.Random, entity: str) -> Iterator[Step]:
    """What follows an order until it is delivered."""
    delivery_s = own.uniform(*population.delivery_s)
    asks_until_s = delivery_s
    if own.random() < population.give_up_share:
        asks_until_s = own.uniform(0, delivery_s)
    moments: list[tuple[float, Action]] = []
    if own.random() < population.change_share:
        moments.append((own.uniform(0, delivery_s), "change"))
    jitter_s = population.status_jitter_s
    at_s = 0.0
    while (at_s := at_s + population.status_every_s + own.uniform(-jitter_s, jitter_s)) < asks_until_s:
        moments.append((at_s, "status"))
    before_s = 0.0
    for at_s, action in sorted(moments):
        payload_bytes = own.randint(*population.payload_bytes) if action == "change" else 0
        yield Step(action, entity, at_s - before_s, payload_bytes)
        before_s = at_s


def _with_retries(population: Population, steps: tuple[Step, ...], key: str) -> tuple[Step, ...]:
    """The steps with the pauses before further attempts: they are intentions, too, drawn for every step."""
    if population.retry_attempts < 2:
        return steps
    own = _draws(key)
    longest_s = [
        min(population.retry_max_s, population.retry_first_s * population.retry_factor**attempt)
        for attempt in range(population.retry_attempts - 1)
    ]
    jitter = population.retry_jitter
    return tuple(
        replace(step, retry_s=tuple(pause_s * own.uniform(1 - jitter, 1 + jitter) for pause_s in longest_s))
        for step in steps
    )


def busiest_per_s(population: Population) -> float:
    """The expected rate of requests in the busiest moment, if each is answered at once and none retried.

    The rate of parties is known; what requests a party makes how long after its arrival is the average over some
    thousand parties, always the same ones. The result is proportional to the parties' rate.

    Returns:
        Requests per second.
    """
    step_s = population.duration_s / _MOMENTS
    after_s = [
        arrives_s + at_s
        for party in range(_PARTIES)
        for arrives_s, steps in _party(population, f"parties/{party}", 0.0)
        for at_s in accumulate(step.think_s for step in steps)
        if at_s < population.duration_s
    ]
    requests = np.bincount((np.array(after_s) / step_s).astype(int), minlength=_MOMENTS)[:_MOMENTS] / _PARTIES
    parties_per_s = [population.rate_per_s((moment + 0.5) * step_s) for moment in range(_MOMENTS)]
    return float(np.convolve(parties_per_s, requests)[:_MOMENTS].max())

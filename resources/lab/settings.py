"""How a comparison is replayed: the one list of its settings.

Put here each setting with its unit, default and bounds; Dagster's configuration (`resources.dagster_resources`), the
options of ``archduel compare`` and the command a report proposes are made from it. Keep out what the settings do
(`resources.lab.lab`, `resources.lab.load_plan`).
"""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from resources.architectures import architectures
from resources.architectures.stack import DEFAULT_VARIANT, VARIANTS
from resources.lab.cell import Contender
from resources.lab.validity import OTHERS_AT_MOST
from resources.targets import DEFAULT_TARGET, Target, targets
from workloads.errors import UsageError, choose
from workloads.recordings.moments import LONGEST_S
from workloads.recordings.recording import FASTEST, SLOWEST, Recording
from workloads.recordings.shape import Shape
from workloads.replay.client import ASK_AFTER_S, DEADLINE_S
from workloads.replay.keep_alive import KeepAliveClient
from workloads.replay.work import check_kind
from workloads.scenarios.model import Scenario
from workloads.settings import Option

ANSWERS = ("none", "poll")  # beside an outage on two cores what polling adds slows an emulator too much
ROUTES = ("orders", "recorded")
SIMULATED = "simulated"  # the target in virtual time
DEFAULT_BASELINE = "synchronous"
_LONGEST_PAUSE_S = 1.0
FOR_A_P99 = 500  # requests of an operation: five of them are beyond it
_MOST_LOOPED = 100_000  # requests that a recording has after it was looped for that
NIGHTLY_REPETITIONS = 8  # pairs enough for a sign-flip test to reach p = 0.008, and 0.05 among six metrics


class LabSettings(Shape):
    """How to replay, the same for every cell and architecture of a comparison; with the recording's `Shape`.

    ``limit`` and ``duration_s`` cut what is left in that shape.
    """

    repetitions: Annotated[int, Option("--repetitions", "N")] = Field(
        default=1, ge=1, le=1000, description="How often each cell is replayed."
    )
    budget_s: float | None = Field(
        default=None,
        gt=0,
        description="Repeat each cell until all its verdicts are decided: at most `repetitions` times, and for about"
        " this many seconds.",
    )
    speed: Annotated[
        float | None, Option("--speed", "factor", default="half the capacity; with --busiest at most 1")
    ] = Field(default=None, ge=SLOWEST, le=FASTEST, description="Recorded time is played this many times as fast.")
    duration_s: Annotated[float | None, Option("--duration", "seconds")] = Field(
        default=None, gt=0, le=LONGEST_S, description="Replay the first recorded seconds only."
    )
    limit: Annotated[int | None, Option("--limit", "requests")] = Field(
        default=None, ge=1, le=2**62, description="Replay the first requests only."
    )
    service: Annotated[str | None, Option("--service", "file", default="the lab's own backend")] = Field(
        default=None,
        description="Your own service, whose handler is replayed: its service.toml, or the name with which it is kept"
        " in the home, such as checkout@0a1b2c3d4e5f.",
    )
    isolate: Annotated[bool, Option("--isolate")] = Field(
        default=False,
        description="Keep your own service from this machine's files and processes, by bubblewrap. On the default"
        " target only.",
    )
    routes: Annotated[str, Option("--routes", "orders|recorded", default="orders, of your own service recorded")] = (
        Field(
            default=ROUTES[0],
            description="Where requests go: orders, to the lab's own POST /orders and GET /orders/{id}; or recorded,"
            " with their recorded methods to their recorded paths.",
        )
    )
    longest_pause_s: Annotated[
        float | None, Option("--longest-pause", "seconds", default="1; 0 with --busiest, and on a simulated target")
    ] = Field(
        default=None, ge=0, le=LONGEST_S, description="Shorten longer pauses between requests to this; 0 keeps them."
    )
    work: Annotated[
        str | None,
        Option("--work", "recorded|none|ms", default="recorded, where nine in ten requests have a latency; else none"),
    ] = Field(
        default=None,
        description="How long handlers work on each request: recorded, as long as its answer took in the recording;"
        " none; or that many milliseconds. A scenario that says how long they work counts more.",
    )
    overhead_ms: Annotated[
        float | None, Option("--overhead", "ms", default="the 1st percentile of the recorded latencies")
    ] = Field(
        default=None,
        ge=0,
        description="What gateway and hop cost in the recording: work as recorded is that much shorter.",
    )
    cpu_share: Annotated[float, Option("--cpu-share", "share")] = Field(
        default=0.0,
        ge=0,
        le=1,
        description="The share of that work that uses the CPU; the rest waits, as for another service.",
    )
    seed: Annotated[int, Option("--seed", "N")] = Field(
        default=1, ge=0, le=2**62, description="The seed of all random choices, such as which requests a fault hits."
    )
    variants: Annotated[list[str], Option("--variant", "name", default=DEFAULT_VARIANT)] = Field(
        default=[DEFAULT_VARIANT],
        description=f"How the functions write: {' or '.join(VARIANTS)}. Each one is replayed.",
    )
    answers: Annotated[str, Option("--answers", "poll|none")] = Field(
        default=ANSWERS[0],
        description="How answers to queued queries come back: poll, the client asks for them by their tickets; or none,"
        " nobody asks for them.",
    )
    ask_after_s: Annotated[float, Option("--ask-after", "seconds")] = Field(
        default=ASK_AFTER_S,
        gt=0,
        le=DEADLINE_S,
        description="How long after its ticket an answer is asked for first; then again whenever that time has doubled,"
        " and at least every 5 seconds.",
    )
    client_retries: Annotated[int | None, Option("--client-retries", "N", default="what the scenario says, else 0")] = (
        Field(
            default=None,
            ge=0,
            le=100,
            description="How often a client tries again what failed in a way that may pass, with back-off and jitter as"
            " SDKs have them.",
        )
    )
    aa: Annotated[bool, Option("--aa")] = Field(
        default=False, description="Replay everything twice: comparing each architecture with itself shows the noise."
    )
    baseline: Annotated[str, Option("--baseline", "name")] = Field(
        default=DEFAULT_BASELINE,
        description=f"What the others are judged against: one of {', '.join(architectures())}.",
    )
    others_at_most: Annotated[float, Option("--others-at-most", "share")] = Field(
        default=OTHERS_AT_MOST,
        ge=0,
        le=1,
        description="The share of this machine's CPU that other programs may use during a replay, or it is invalid;"
        " 1 allows all of it.",
    )
    quiet_within_s: Annotated[float, Option("--quiet-within", "seconds")] = Field(
        default=120.0,
        ge=0,
        description="Before each replay, wait until other programs use no more than that share: for this many seconds"
        " at most in all replays of a cell.",
    )
    wait: bool = Field(default=True, description="Wait while another run has the lab, instead of failing.")
    target: Annotated[str, Option("--target", "name")] = Field(
        default=DEFAULT_TARGET, description=f"What to run on, where no cell names it: one of {', '.join(targets())}."
    )
    target_options: dict[str, str] = Field(
        default={}, description="What the target needs to know, such as an endpoint's URL."
    )

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        choose(architectures(), self.baseline, "baseline")
        choose(targets(), self.target, "target")
        choose(dict.fromkeys(ROUTES), self.routes, "value for routes")
        choose(dict.fromkeys(ANSWERS), self.answers, "value for answers")
        if self.work is not None:
            check_kind(self.work)
        for variant in self.variants:
            choose(dict.fromkeys(VARIANTS), variant, "variant")
        if not self.variants or len(set(self.variants)) < len(self.variants):
            raise UsageError("variants must be named, each once")
        return self

    def cut(self, recording: Recording) -> Recording:
        """What is replayed of ``recording``."""
        return self.of(recording, self.seed, self.limit).cut(duration_s=self.duration_s, limit=self.limit)

    def looped_on(self, target: Target, recording: Recording) -> Self:
        """These settings; where time costs nothing, with as many rounds as a p99 of each operation takes.

        Not where it is said how many there are, or which part of the recording is replayed.
        """
        if self.loop is not None or self.chooses_part or not target.virtual:
            return self
        once = self.cut(recording)
        commands = round(once.command_share * once.requests)
        fewest = min((one for one in (commands, once.requests - commands) if one), default=FOR_A_P99)
        most = max(1, _MOST_LOOPED // max(once.requests, 1))
        return self.model_copy(update={"loop": min(math.ceil(FOR_A_P99 / fewest), most)})

    def simulated(self, busiest_s: Sequence[float] | None, **others: Any) -> Self:
        """These settings with the same requests simulated, at the recorded speed and as often in a row.

        Args:
            busiest_s: Where only the busiest part is replayed: from which recorded second to which.
            others: Settings in place of these.
        """
        # The part's last request is in it.
        part = {} if busiest_s is None else {"start_s": busiest_s[0], "end_s": busiest_s[1] + 1e-6}
        # Repeated in a row for its p99 alone, a recording would have another, longer outage.
        same: dict[str, Any] = {
            "target": SIMULATED,
            "target_options": {},
            "speed": None,
            "longest_pause_s": None,
            "loop": self.loop or 1,
        }
        return self.model_copy(update={**same, "budget_s": None, "aa": False, **part, **others})

    @property
    def chooses_part(self) -> bool:
        """Whether it is said which part of the recording is replayed."""
        return any(one is not None for one in (self.start_s, self.end_s, self.busiest_s, self.duration_s, self.limit))

    @property
    def own_files(self) -> dict[str, Path]:
        """Files of this machine that results follow from, by what they are."""
        given = self.target_options.get("parameters")
        return {"the file of --parameters": Path(given)} if given else {}

    @property
    def recorded_routes(self) -> bool:
        """Whether requests go where they went when they were recorded, as those to a service of the user's own do."""
        return self.routes == ROUTES[1] or self.service is not None

    @property
    def asks(self) -> bool:
        """Whether clients ask for the answers to queued queries."""
        return self.answers == "poll"

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms of the experiment: ``main``, and with ``aa`` the same once more."""
        return ("main", "aa") if self.aa else ("main",)

    @property
    def judges_times(self) -> bool:
        """Whether verdicts on times are to come of it, or an estimate of their noise: more than one look at each."""
        return self.repetitions > 1 or self.aa

    @property
    def max_extra_repetitions(self) -> int:
        """How many repetitions may be added, one for each that held an invalid replay.

        An added one repeats everything, so that pairs stay whole. It is 0 where a cell is repeated until it is
        decided: that goes on anyway.
        """
        return 0 if self.budget_s is not None else max(2, self.repetitions // 4)

    def client(self, scenario: Scenario) -> KeepAliveClient:
        """The client that sends the requests of a scenario."""
        ask_after_s = self.ask_after_s if self.asks else None
        return KeepAliveClient(retries=self.retries_under(scenario), ask_after_s=ask_after_s)

    def longest_pause_on(self, target: Target) -> float:
        """To how many seconds longer pauses are cut; 0: they are kept, as by default where time costs nothing, and
        of the busiest minutes, which are played as they were.
        """
        if self.longest_pause_s is not None:
            return self.longest_pause_s
        return 0.0 if target.virtual or self.busiest_s is not None else _LONGEST_PAUSE_S

    def retries_under(self, scenario: Scenario) -> int:
        """How often a client tries a request again; what is set here counts more than what the scenario says."""
        return (scenario.client_retries or 0) if self.client_retries is None else self.client_retries

    def contenders(self, names: Sequence[str]) -> list[Contender]:
        """Everything that is replayed for the named architectures.

        Raises:
            UsageError: One of them takes the lab's own routes alone, and these are others, or has a part that cannot be
                simulated where it has to be.
        """
        if targets()[self.target].virtual:
            for name in names:
                if name in architectures():
                    architectures()[name].check_modelled()
        if self.recorded_routes or self.service:
            for name in names:
                if name in architectures():
                    architectures()[name].check_takes_any_routes()
        return [Contender(*parts) for parts in itertools.product(names, self.variants, self.arms)]

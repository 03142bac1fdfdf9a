"""Sentences about requirements: figures in their units, why one is undecided, and what would decide it.

Put the column ``reason`` of the table ``requirements``, and how its figures are written, here. Keep out whether a
requirement is met (`assets.analysis.requirements.judging`) and sentences of what to build
(`assets.analysis.recommendation_sentences`).
"""

from assets.analysis.requirements.figures import Figure
from assets.analysis.requirements.measures import Unit
from assets.analysis.requirements.model import Requirement
from assets.analysis.verdicts.reasons import called

_UNITS: dict[Unit, str] = {"ms": "ms", "s": "s", "usd": "USD", "requests": "requests a month", "components": "parts"}
_PLURALS = {"command": "commands", "query": "queries", "all": "requests"}


def amount(value: float, unit: Unit) -> str:
    """Write a value with its unit: ``2.6 %``, ``300 ms``, ``1,200 requests a month``."""
    if unit == "share":
        return f"{_digits(100 * value)} %"
    if unit == "usd":
        return f"{value:,.2f} USD"
    return f"{_digits(value)} {_UNITS[unit]}"


def _digits(value: float) -> str:
    """Three significant digits, and no exponent."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return f"{value:.12f}".rstrip("0").rstrip(".") if "e" in text else text


def plural(of: str) -> str:
    """What a requirement is of, as sentences name several: ``commands``, or ``requests of GET /cart``."""
    return _PLURALS.get(of, f"requests of {of}")


def interval(figure: Figure, unit: Unit) -> str:
    """Write where a figure may lie: ``0 % to 2.6 %``, ``3 s or more``."""
    if figure.low is None and figure.high is None:
        return "anything"
    if figure.high is None:
        return f"{amount(figure.low or 0.0, unit)} or more"
    if figure.low is None:
        return f"up to {amount(figure.high, unit)}"
    return f"{amount(figure.low, unit)} to {amount(figure.high, unit)}"


def across(requirement: Requirement, figure: Figure, scenario: str | None) -> str:
    """Say that the interval lies on both sides of the limit."""
    unit = requirement.measured.unit
    limit = f"{requirement.bound.replace('_', ' ')} {amount(requirement.limit, unit)}"
    under = f"Under {scenario} it" if scenario else "It"
    return f"{under} may be {interval(figure, unit)}, and {limit} is asked"


def would_decide(command: str, needed: int, minutes: float | None) -> str:
    """Name the command that is likely to decide it, and how long it takes."""
    time = f", about {max(1, round(minutes)):,} min" if minutes else ""
    return f"{needed} repetitions in all are likely to decide it (`{command}`{time})."


def no_number() -> str:
    """Say that repetitions do not help."""
    return "no number of repetitions up to 24 is likely to decide it: it lies too near the limit."


def more_requests() -> str:
    """Say that more requests would decide it, and not more repetitions."""
    return "a longer part of the recording, or `--amplify`, has more."


def unknown(architecture: str) -> str:
    """Say that an architecture is no longer there."""
    return f"There is no architecture {called(architecture)} any more to count the parts of."


def never() -> str:
    """Say that a limit of 0 cannot be met by measuring."""
    return "no number of requests shows that it never happens: allow a little more than 0."


def own_time(target: str) -> str:
    """Say that a time of this target is not one of AWS."""
    return f"Times on {target} are not those of AWS: AWS itself, or the simulated target, can show it."


def too_much_load(scenario: str, speed: float) -> str:
    """Say that a limit met more than the recorded load."""
    return (
        f"At {speed:g} times the recorded speed the limit of {scenario} met {speed:g} times the recorded load:"
        " --speed 1, or the simulated target, can show it."
    )


def no_replay(architecture: str, scenario: str, invalid_reason: str | None) -> str:
    """Say that an architecture has no valid replay under a scenario."""
    why = f": {invalid_reason.rstrip('.')}" if invalid_reason else ""
    return f"{called(architecture).capitalize()} has no valid replay under {scenario}{why}."


def no_scenario(under: str, scenario: str | None) -> str:
    """Say that no scenario of a situation was replayed, and which one would be."""
    situation = "No scenario" if under == "any" else f"No scenario of {under}"
    return f"{situation} was replayed: `archduel compare --scenario {scenario or under}` does."


def nothing_of(of: str, scenario: str) -> str:
    """Say that there is no such request."""
    return f"No {plural(of)} were offered under {scenario}."


def no_volume() -> str:
    """Say that requests a month are not known."""
    return "The recording has no length: give [assumptions] month = a number of requests."


def no_cost() -> str:
    """Say that there is no cost to compare with a limit."""
    return "No cost was worked out: it needs a valid replay under steady that commits a command."


def left_out(reasons: list[str]) -> str:
    """Say what a decision does not rest on."""
    return f"Without what is not shown here: {' '.join(reasons)}"

"""Times as people write them on the command line.

Put here options that take a time. Keep out times in logs (`workloads.importers.formats.stamps`).
"""

from datetime import UTC, datetime

from workloads.errors import UsageError

_UNITS_S = {"s": 1, "m": 60, "h": 3600}
LONGEST_S = 130 * 365.25 * 86_400  # from 1970 to 2100, which an import takes


def moment_us(option: str, text: str | None) -> int | None:
    """Read a time in the form of ISO 8601; without a zone it is in UTC.

    Args:
        option: The option's name, for the error.
        text: Its value; None where it was not given.

    Returns:
        Microseconds since 1970; None for None.

    Raises:
        UsageError: ``text`` is no such time.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6)
    except (ValueError, OverflowError):
        raise UsageError(f"{option} {text}: give a time such as 2026-05-17T12:00 or 2026-05-17T14:00+02:00") from None


def second_of(option: str, text: str | None, first_arrival: str | None) -> float | None:
    """Read a time within a recording: seconds since its first arrival, or a time as `moment_us` takes it.

    Args:
        option: The option's name, for the error.
        text: Its value; None where it was not given.
        first_arrival: When the first request arrived, in ISO 8601; None where that is not known.

    Returns:
        Seconds since the first arrival; None for None.

    Raises:
        UsageError: ``text`` is no such time, or only a number would do.
    """
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        moment = moment_us(option, text)
        first = moment_us("first_arrival", first_arrival)
        if first is None or moment is None:
            raise UsageError(f"{option} {text}: when it was recorded is not known, so give seconds") from None
        seconds = max(0.0, (moment - first) / 1e6)
    if not 0 <= seconds <= LONGEST_S:
        raise UsageError(f"{option} {text}: must be 0 or more seconds, and no more than a recording can have")
    return seconds


def length_s(option: str, text: str | None) -> float | None:
    """Read a length of time: seconds, or a number with its unit, such as 5m.

    Args:
        option: The option's name, for the error.
        text: Its value; None where it was not given.

    Returns:
        Seconds; None for None.

    Raises:
        UsageError: ``text`` is no such length.
    """
    if text is None:
        return None
    unit_s = _UNITS_S.get(text[-1:])
    try:
        seconds = float(text if unit_s is None else text[:-1]) * (unit_s or 1)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_S:
        raise UsageError(f"{option} {text}: give a length of time such as 90s, 5m or 1h")
    return seconds

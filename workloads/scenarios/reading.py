"""Reading a scenario's TOML file, and explaining which line of a wrong one is at fault and what would be right.

Put here how errors of the models become sentences about lines. Keep out the rules (`workloads.scenarios.model`,
`workloads.scenarios.faults`).
"""

import re
import tomllib
from pathlib import Path
from typing import get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from workloads.errors import UsageError
from workloads.scenarios.faults import Fault, FaultBase
from workloads.scenarios.model import Scenario
from workloads.settings_files import read_settings, to_name

_NAME = re.compile(r"[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*")  # no double underscore: it separates workload and scenario
_LONGEST_NAME = 64
_KINDS: dict[str, type[FaultBase]] = {
    get_args(kind.model_fields["kind"].annotation)[0]: kind for kind in get_args(get_args(Fault)[0])
}


def read_scenario(path: Path) -> Scenario:
    """Read a scenario from a TOML file; it has the file's name.

    Raises:
        UsageError: The file cannot be read, or something in it is wrong; the message names the line and what is
            allowed there.
    """
    try:
        text = read_settings(path)
        data = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path.name}: not a TOML file: {error} (texts such as '1/3' and '6 s' need quotes)") from None
    if not _NAME.fullmatch(path.stem) or len(path.stem) > _LONGEST_NAME:
        raise UsageError(
            f"{path.name}: a scenario's file is named with letters, digits and single - or _ between, {_LONGEST_NAME}"
            " at most"
        )
    if "name" in data:  # a field of the model, but not of the file
        raise UsageError(f"{path.name}, line {_line(text, ('name',))}: unknown name: a scenario is named by its file")
    try:
        return Scenario(name=path.stem, **data)
    except ValidationError as error:
        raise UsageError(_complaint(path.name, text, error.errors(include_url=False))) from None


def _complaint(file: str, text: str, errors: list[ErrorDetails]) -> str:
    first = to_name(errors)
    place = first["loc"]
    sentence = _sentence(place, first)
    if first["type"] == "faults_overlap":
        line = _line(text, ("faults", first["ctx"]["fault"]))
    elif first["type"].startswith("union_tag"):
        line = _line(text, (*place, "kind"))
    else:  # what is wrong with several keys together begins with the one to blame
        line = _line(text, (*place, sentence.partition(" ")[0]))
    others = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{file}, line {line}: {sentence}{others}"


def _sentence(  # noqa: PLR0911 - one for each kind of mistake
    place: tuple[str | int, ...], error: ErrorDetails
) -> str:
    kind = next((part for part in place[2:] if part in _KINDS), None) if place[:1] == ("faults",) else None
    model = _KINDS[str(kind)] if kind else Scenario
    # ("faults", 0, "error", "error"): the kind stands before a key, which may be named like it.
    key = "" if kind and len(place) == 3 else next((part for part in reversed(place) if isinstance(part, str)), "")
    known = [name for name in model.model_fields if name != "name"]
    match error["type"]:
        case "extra_forbidden":
            hint = " (what is the scenario's stands above the first [[faults]])" if key in Scenario.model_fields else ""
            return f"unknown {key}: {'fault ' + str(kind) if kind else 'a scenario'} knows {', '.join(known)}{hint}"
        case "missing":
            return (
                f"{key} is missing: {'fault ' + str(kind) if kind else 'a scenario'} needs {', '.join(_needed(model))}"
            )
        case "faults_overlap":
            return error["msg"]
        case "union_tag_not_found" | "union_tag_invalid":
            return f"a fault's kind is one of {', '.join(_KINDS)}"
        case "tuple_type" if kind:
            return f'{key} must be a list, such as ["command"]'
        case "tuple_type" | "model_attributes_type" | "model_type" if place[:1] == ("faults",):
            return "faults must be tables, each under [[faults]]"
    words = re.sub(r"^(Value error, |Input should be )", "", error["msg"])
    if error["type"] == "literal_error":
        words = f"must be one of {error['ctx']['expected'].replace(' or ', ', ')}"
    elif not words.startswith(("must", key)):
        words = f"must be {words}" if error["msg"].startswith("Input should be ") else words
    value = error["input"]
    contrast = f", not {value!r}" if key and isinstance(value, str | int | float) else ""
    return f"{key} {words}{contrast}" if key and not words.startswith(key) else words


def _needed(model: type[FaultBase] | type[Scenario]) -> list[str]:
    return [name for name, field in model.model_fields.items() if field.is_required() and name != "name"]


def _line(text: str, place: tuple[str | int, ...]) -> int:
    """The number of the line with a value, from 1; if there is none, that of its table's heading."""
    lines = _without_long_texts(text).split("\n")
    headings = [number for number, line in enumerate(lines) if re.match(r"\s*\[\[?\s*faults\s*\]", line)]
    first, last = 0, headings[0] if headings else len(lines)
    index = place[1] if place[:1] == ("faults",) and len(place) > 1 else None
    if isinstance(index, int) and index < len(headings):
        first = headings[index]
        last = headings[index + 1] if index + 1 < len(headings) else len(lines)
    for key in [part for part in reversed(place) if isinstance(part, str)]:
        for number in range(first, last):
            if re.match(rf"""\s*(?:\[+\s*)?["']?{re.escape(key)}["']?\s*[].=]""", lines[number]):
                return number + 1
    return (headings[0] if place[:1] == ("faults",) and headings and not first else first) + 1


def _without_long_texts(text: str) -> str:
    """``text`` with empty multi-line strings, so that nothing in them is taken for a key."""
    return re.sub(r'("""|\'\'\').*?\1', lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL)

"""The README and the pages in docs/ are true: links lead somewhere, commands parse, examples are valid, names exist."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import click
import pytest

from orchestration.commands.main import main
from resources.architectures import architectures
from resources.lab.budget import Budget
from resources.simulation.parameters import load as load_parameters
from resources.targets import targets
from tests import pages
from tests.pages import PAGES, Command
from tests.unit.test_module_docstrings import exists
from tests.unit.test_summary import shown
from workloads.customers.days import days
from workloads.exporters import exporters
from workloads.importers.formats import importers
from workloads.importers.rules.mapping import read_mapping
from workloads.places import REPOSITORY, Places
from workloads.scenarios import Scenario, read_scenario, scenarios
from workloads.scenarios.faults import Fault

FOLDERS = ("assets", "docs", "orchestration", "resources", "tests", "workloads")
COMMANDS = sorted({(page, command) for page, path in PAGES.items() for command in pages.commands(path)}, key=str)
TARGETS_OF_MAKE = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
KINDS = get_args(get_args(Fault)[0])
KEYS = {key for kind in KINDS for key in (*kind.model_fields, *get_args(kind.model_fields["kind"].annotation))}
SETTINGS = set(Scenario.model_fields) - {"name", "faults"}  # said by the file's name, and by each fault's keys


def all_parameters(command: click.Command = main, above: click.Context | None = None) -> Iterator[click.Parameter]:
    """The parameters of every command there is."""
    context = click.Context(command, parent=above)
    yield from command.get_params(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            part = command.get_command(context, name)
            assert part is not None
            yield from all_parameters(part, context)


def parse(arguments: Iterable[str]) -> None:
    """As ``archduel`` would, without running anything; `click.UsageError` for what it would refuse."""
    command: click.Command = main
    context, rest = click.Context(main), list(arguments)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        part = command.get_command(context, rest[0])
        assert part is not None, f"there is no command {rest[0]}"
        command, context, rest = part, click.Context(part, parent=context), rest[1:]
    with suppress(click.exceptions.Exit):  # of --help
        command.make_context(command.name, rest, parent=context.parent)


def check(command: Command) -> None:
    """Raise for a command that the program it names would refuse."""
    match command.program, command.arguments:
        case "archduel", arguments:
            with nullcontext() if command.whole else suppress(click.MissingParameter, click.BadOptionUsage):
                parse(arguments)
        case "make", (target, *_):
            assert target in TARGETS_OF_MAKE
        case "python", ("-m", module, *_):
            assert find_spec(module), f"there is no module {module}"
        case "python", ("-c", code):
            compile(code, "page", "exec")
        case "pytest", arguments:
            assert all((REPOSITORY / path).exists() for path in arguments if path.startswith("tests/"))
        case (("aws" | "."), _):
            pass  # somebody else's
        case _:
            raise AssertionError(f"no program of this project: {command.program}")


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=lambda part: part if isinstance(part, str) else None)
def test_every_command_shown_is_one(
    page: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for argument in command.arguments:
        if Path(argument).suffix in (".json", ".toml", ".yaml") and "/" not in argument:
            Path(argument).touch()  # where a file has to be there
    check(command)
    capsys.readouterr()  # a --help prints


@pytest.mark.parametrize(
    "line",
    [
        ("archduel", "comparee"),
        ("archduel", "compare", "--workloads", "shop"),
        ("archduel", "compare", "--repetitions", "0"),
        ("archduel", "import", "auto", "access.log"),
        ("archduel", "mapping", "suggests", "shop"),
        ("make", "compares"),
        ("python", "-m", "tests.benchmarks.bench_nothing"),
        ("pytest", "tests/unit/test_nothing.py"),
        ("docker", "run"),
    ],
)
def test_a_command_that_is_none_does_not_pass(line: tuple[str, ...]) -> None:
    with pytest.raises((AssertionError, click.UsageError)):
        check(Command(line[0], line[1:]))


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings(page: str) -> None:
    path = PAGES[page]
    for link in pages.links(path):
        if link.startswith("http"):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{page}: {link}"
        assert not anchor or anchor in pages.anchors(target), f"{page}: {link}"


@pytest.mark.parametrize("page", PAGES)
def test_code_between_backticks_exists(page: str) -> None:
    options = {name for parameter in all_parameters() for name in (*parameter.opts, *parameter.secondary_opts)}
    for span in pages.spans(PAGES[page]):
        first = span.partition(" ")[0]
        if first.startswith("--"):
            assert first in options, f"{page}: {span}"
        elif first.partition("/")[0] in FOLDERS and "/" in first:
            assert any(REPOSITORY.glob(first.rstrip("/"))), f"{page}: {span}"
        elif re.fullmatch(rf"(?:{'|'.join(FOLDERS)})(?:\.\w+)+", first):
            assert exists(first), f"{page}: {span}"


@pytest.mark.parametrize("page", PAGES)
def test_files_in_the_home_are_called_so(page: str) -> None:
    home = Places(Path("home"))
    paths = [value for name in dir(home) if isinstance(value := getattr(home, name), Path) and name != "home"]
    known = {path.parts[1] for path in paths} | {"assumptions.toml", "capacity.json"}
    named = {span.split("/")[1] for span in pages.spans(PAGES[page]) if re.match(r"\.archduel/\w", span)}
    assert named <= known


def test_the_readme_is_a_front_page() -> None:
    assert len((REPOSITORY / "README.md").read_text().splitlines()) <= 200


def test_every_page_is_in_the_index() -> None:
    index = PAGES["docs/README.md"]
    linked = {(index.parent / link).resolve() for link in pages.links(index)}
    assert {path for page, path in PAGES.items() if page.startswith("docs/")} - {index} <= linked


def test_the_example_scenario_is_one(tmp_path: Path) -> None:
    (example,) = pages.blocks(PAGES["docs/scenarios.md"], "toml")
    file = tmp_path / "example.toml"
    file.write_text(example)
    assert len(read_scenario(file).faults) == 2


def test_the_example_mapping_is_one(tmp_path: Path) -> None:
    (example,) = pages.blocks(PAGES["docs/recorded-traffic.md"], "yaml")
    file = tmp_path / "example.yaml"
    file.write_text(example)
    mapping = read_mapping(file)
    assert (len(mapping.drops), len(mapping.routes)) == (1, 2)


def test_the_example_parameters_are_some(tmp_path: Path) -> None:
    (example,) = pages.blocks(PAGES["docs/simulation.md"], "toml")
    file = tmp_path / "example.toml"
    file.write_text(example)
    assert len(load_parameters(file).changed) == 2


def test_the_example_architecture_is_the_synchronous_one() -> None:
    (example,) = pages.blocks(PAGES["docs/extending.md"], "python")
    assert example in (REPOSITORY / "resources" / "architectures" / "synchronous.py").read_text()


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("docs/scenarios.md", scenarios()),
        ("docs/scenarios.md", SETTINGS | KEYS),
        ("docs/recorded-traffic.md", [*importers(), *exporters()]),
        ("docs/recording-live-traffic.md", days()),
        ("docs/targets.md", targets()),
        ("docs/dagster.md", architectures()),
    ],
)
def test_a_page_names_everything_of_its_kind(page: str, names: Iterable[str]) -> None:
    text = PAGES[page].read_text()
    assert not [name for name in names if f"`{name}`" not in text and f" {name} " not in text]


def test_the_number_of_scenarios_is_right() -> None:
    assert f"There are {len(scenarios())} scenarios" in PAGES["README.md"].read_text()


def test_the_estimate_shown_is_printed_like_that_today() -> None:
    kinds = ("table", "function", "REST API", "role", "log group", "queue", "event source mapping")
    budget = Budget(
        made=Counter(dict(zip(kinds, (18, 30, 18, 42, 30, 24, 12), strict=True))),
        replays=18,
        offered=3_600,
        warm_up=180,
        seeded=360,
        polls=1_374,
        usd=0.0239,
        price_date=date(2026, 11, 1),
    )
    (estimate, *_) = (block for block in pages.blocks(PAGES["docs/aws.md"], "text") if "estimated cost" in block)
    assert [line.strip() for line in estimate.splitlines()[1:-1]] == budget.sentences()


def number(text: str) -> float:
    return float(text.replace(",", ""))


def us(text: str) -> float | None:
    """Microseconds, of a figure with its unit; None for a dash, where there is no such quantile."""
    if text == "–":
        return None
    figure, unit = text.split()
    return float(figure) * {"µs": 1.0, "ms": 1e3, "s": 1e6}[unit]


def read(lines: Iterable[str]) -> list[dict[str, Any]]:
    """The rows of `summary` that a printed table shows. Its counts are of each repetition, as in 342 times 2."""
    rows: list[dict[str, Any]] = []
    operations = iter(("command", "query"))
    for cells in ([cell.strip() for cell in line.split("│")] for line in lines if "│" in line):
        if not any(cells[1:]):
            operation = next(operations)
            continue
        name, offered, acknowledged, refused, done, lost, reordered, *ghosts, response, completion, backlog = cells
        of_each, _, repeated = offered.partition(" × ")
        repetitions = int(repeated or 1)
        whole = round(number(of_each) * repetitions)
        shares = {"acknowledged": acknowledged, "committed": done}
        counts = {
            "throttled": refused,
            "lost": lost,
            "reordered": reordered,
            "ghost_commits": ghosts[0] if ghosts else "0",
        }
        measures = {"response": response, "completion": completion}
        rows.append(
            {"scenario": "backend_outage", "operation": operation, "architecture": name, "offered": whole}
            | {"repetitions": repetitions, "backlog_max": number(backlog)}
            | {column: round(whole * float(share) / 100) for column, share in shares.items()}
            | {column: round(number(count) * repetitions) for column, count in counts.items()}
            | {f"{of}_p50_us": us(times.partition(" / ")[0]) for of, times in measures.items()}
            | {f"{of}_p99_us": us(times.partition(" / ")[2]) for of, times in measures.items()}
        )
    return rows


def test_the_comparison_shown_is_printed_like_that_today() -> None:
    lines = next(block for block in pages.blocks(PAGES["README.md"], "text") if "acknow-" in block).splitlines()
    printed = [line.rstrip() for line in shown(*read(lines))]
    assert lines[: len(printed)] == printed


def test_a_table_of_repetitions_and_of_times_that_are_not_known_can_be_read() -> None:
    """Else the one shown could only be one without them."""
    row = {"scenario": "backend_outage", "operation": "command", "architecture": "hybrid", "repetitions": 2}
    row |= {"offered": 684, "acknowledged": 513, "throttled": 285, "committed": 513, "lost": 0}
    row |= {"reordered": 5, "ghost_commits": 1, "backlog_max": 152, "response_p99_us": None}
    rows = [row, {**row, "operation": "query", "repetitions": 1}]
    printed = [line.rstrip() for line in shown(*rows)]
    assert "342 × 2" in " ".join(printed)
    assert " / –" in " ".join(printed)
    assert [line.rstrip() for line in shown(*read(printed))] == printed

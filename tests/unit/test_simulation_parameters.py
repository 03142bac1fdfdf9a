"""The parameters of the simulation: the bundled file is whole, and what makes no sense is refused in one line."""

import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resources.simulation import draws
from resources.simulation.parameters import Parameters, bundled, load
from workloads.errors import UsageError


def changed(changes: dict[str, Any]) -> Parameters:
    return bundled().with_changes(changes, "mine.toml")


@pytest.mark.parametrize("name", bundled())
def test_each_bundled_parameter_says_where_it_comes_from(name: str) -> None:
    parameter = bundled()[name]
    assert parameter.date <= date(2026, 12, 31)
    assert parameter.about.endswith(".")
    if parameter.known == "documented":
        assert parameter.source.startswith("https://")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gateway.rate": -1}, ["gateway.rate", "-1", "0.001 to 1,000,000 requests/s"]),
        ({"lambda.account_concurrency": 0}, ["lambda.account_concurrency", "1 to 1,000,000"]),
        ({"lambda.account_concurrency": math.nan}, ["lambda.account_concurrency", "nan", "1 to 1,000,000"]),
        ({"lambda.account_concurrency": math.inf}, ["lambda.account_concurrency", "inf", "1 to 1,000,000"]),
        ({"lambda.account_concurrency": 2.5}, ["lambda.account_concurrency", "2.5", "whole number"]),
        ({"lambda.account_concurrency": True}, ["lambda.account_concurrency", "1 to 1,000,000"]),
        ({"lambda.account_concurrency": "many"}, ["lambda.account_concurrency", "1 to 1,000,000"]),
        ({"lambda.account_concurrency": {"quantiles": [[0.5, 1], [0.9, 2]]}}, ["single value"]),
        ({"sqs.delivery_latency": {"quantiles": [[0.5, 3], [0.9, 2]]}}, ["sqs.delivery_latency", "not decrease: 3, 2"]),
        ({"sqs.delivery_latency": {"quantiles": [[0.9, 3], [0.5, 3]]}}, ["sqs.delivery_latency", "shares", "rise"]),
        ({"sqs.delivery_latency": {"quantiles": [[0.5, 3], [1, 4]]}}, ["sqs.delivery_latency", "between 0 and 1"]),
        ({"sqs.delivery_latency": {"quantiles": [[0.5, math.inf], [0.9, 4]]}}, ["sqs.delivery_latency", "inf"]),
        ({"sqs.delivery_latency": {"quantiles": [[0.5, 3]]}}, ["sqs.delivery_latency", "at least two"]),
        ({"sqs.delivery_latency": {"quantiles": [0.5, 3]}}, ["sqs.delivery_latency", "0 to 60,000"]),
        ({"lambda.init": {"max": 1}}, ["lambda.init", "max must not be below the last quantile"]),
        (
            {"sqs.delivery_latency": {"value": 1, "unit": "furlong"}},
            ["sqs.delivery_latency", "furlong", "us or ms or s"],
        ),
        ({"sqs.delivery_latency": {"median": 1}}, ["sqs.delivery_latency", "'median'", "quantiles"]),
        ({"lambda.account_concurency": 5}, ["'lambda.account_concurency'", "did you mean lambda.account_concurrency"]),
        ({"moon.phase": 5}, ["'moon.phase'", "docs/simulation.md"]),
        ({"lambda.init": {}}, ["lambda.init", "nothing to change"]),
        ({"lambda.init": {"unit": "s"}}, ["lambda.init", "nothing to change"]),
        ({"lambda.init": {"value": 1, "quantiles": [[0.5, 1], [0.9, 2]]}}, ["lambda.init", "both value and quantiles"]),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line_with_its_name(changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UsageError) as error:
        changed(changes)
    message = str(error.value)
    assert message.startswith("mine.toml: ")
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_another_unit_of_the_same_kind_is_converted() -> None:
    parameters = changed({"sqs.delivery_latency": {"quantiles": [[0.5, 0.02], [0.99, 0.2]], "unit": "s"}})
    assert parameters["sqs.delivery_latency"].quantiles_us == ((0.5, 20_000.0), (0.99, 200_000.0))
    assert changed({"gateway.rate": {"value": 60, "unit": "requests/min"}})["gateway.rate"].number == 1


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[lambda]\naccount_concurrency = 3000\n[mapping.pollers]\nvalue = 2\n")
    parameters = load(file)
    assert parameters["lambda.account_concurrency"].whole == 3000
    assert parameters["mapping.pollers"].source == str(file)
    assert parameters.changed == {"lambda.account_concurrency", "mapping.pollers"}
    assert {name for name in parameters if parameters[name] != bundled()[name]} == parameters.changed


@pytest.mark.parametrize("text", ["[lambda", "lambda = 3\n", "\xff"])
def test_a_file_that_is_no_parameters_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(UsageError, match=r"mine\.toml"):
        load(file)
    with pytest.raises(UsageError, match="absent"):
        load(tmp_path / "absent.toml")


def test_two_quantiles_make_a_lognormal_distribution_whose_tail_goes_on() -> None:
    table = draws.table(((0.5, 10_000), (0.99, 100_000)))
    assert np.all(np.diff(table) >= 0)
    assert np.quantile(table, 0.5) == pytest.approx(10_000, rel=1e-3)
    assert np.quantile(table, 0.99) == pytest.approx(100_000, rel=1e-3)
    # ln(x) is normal, and p99.9 lies 3.09 / 2.326 as far above the median as p99.
    assert np.quantile(table, 0.999) == pytest.approx(10_000 * 10 ** (3.0902 / 2.3263), rel=5e-3)
    assert draws.table(((0.5, 10_000), (0.99, 100_000)), 120_000)[-1] == 120_000


def test_known_quantiles_are_kept() -> None:
    known = bundled()["sqs.delivery_latency"].quantiles_us
    table = draws.table(known)
    for share, value_us in known:
        assert np.quantile(table, share) == pytest.approx(value_us, rel=2e-3)


def test_draws_are_spread_evenly_and_depend_on_every_number() -> None:
    drawn = np.array([draws.hashed(7, 3, index, 1) >> 48 for index in range(20_000)])
    counts = np.bincount(drawn * 20 // draws.SIZE, minlength=20)
    assert ((counts - 1000) ** 2 / 1000).sum() < 50  # chi squared with 19 degrees of freedom: p = 0.0001
    assert (
        len({draws.hashed(*one) for one in [(1, 2, 3, 4), (2, 2, 3, 4), (1, 3, 3, 4), (1, 2, 4, 4), (1, 2, 3, 5)]}) == 5
    )

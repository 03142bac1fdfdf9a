"""Plug-ins in the registries: what is taken in, what is named and left out, and what each registry asks of an entry."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from resources.architectures import Architecture, architectures
from resources.architectures import faults_of as faults_of_architecture
from resources.architectures.synchronous import ARCHITECTURE
from resources.targets import Target
from resources.targets import faults_of as faults_of_target
from resources.targets.simulated import Simulated
from workloads.importers.formats.combined import IMPORTER
from workloads.importers.importer import faults_of as faults_of_importer
from workloads.plugins import packages, with_plugins


@dataclass
class Entry:
    name: str
    position: int = 0


EARLY, LATE, MISNAMED = Entry("early", -1), Entry("late", 9), Entry("other")
BUNDLED = {"bundled": Entry("bundled")}


def accepted(_entry: object) -> Iterator[str]:
    yield from ()


def refused(entry: Any) -> Iterator[str]:
    yield f"{entry.name} is not wanted"
    raise AssertionError("the first fault is enough")


def fails(_entry: object) -> Iterator[str]:
    raise AttributeError("it has no name\n\x1b[31m")


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, f"{__name__}:{value}", "archduel.toys")


class TestRegistries:
    def test_take_plug_ins_in_by_position(self) -> None:
        points = [point("late", "LATE"), point("early", "EARLY")]
        assert list(with_plugins("importer", BUNDLED, accepted, points)) == ["early", "bundled", "late"]

    @pytest.mark.parametrize(
        ("name", "value", "check", "reason"),
        [
            ("bundled", "EARLY", accepted, "is named 'early', unlike its entry point"),
            ("other_name", "MISNAMED", accepted, "is named 'other', unlike its entry point"),
            ("early", "GONE", accepted, "cannot be used: AttributeError"),
            ("early", "EARLY", refused, "is left out: early is not wanted"),
            ("early", "EARLY", fails, "cannot be used: AttributeError: it has no name \\x1b[31m"),
            ("two__parts", "EARLY", accepted, "a name begins with a letter"),
            ("\x1b[31m", "EARLY", accepted, "a name begins with a letter"),
        ],
    )
    def test_name_what_they_leave_out_in_a_line(
        self, name: str, value: str, check: Any, reason: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING):
            found = with_plugins(f"toy of {reason}", BUNDLED, check, [point(name, value)])
        assert list(found) == ["bundled"]
        [said] = caplog.messages
        assert reason in said
        assert said.isprintable()

    def test_keep_the_entry_whose_name_a_plug_in_has(self, caplog: pytest.LogCaptureFixture) -> None:
        bundled = {"early": Entry("early", 5)}
        found = with_plugins("scenario", bundled, accepted, [point("early", "EARLY")])
        assert found["early"] is bundled["early"]
        assert "archduel has one of that name" in caplog.text

    def test_keep_the_first_of_two_plug_ins_of_one_name(self, caplog: pytest.LogCaptureFixture) -> None:
        found = with_plugins("target", BUNDLED, accepted, [point("late", "LATE"), point("late", "LATE")])
        assert list(found) == ["bundled", "late"]
        assert f"{__name__}:LATE has one of that name" in caplog.text

    def test_are_archduels_own_where_nothing_is_installed(self) -> None:
        assert packages() == []


def architecture(**changes: Any) -> Architecture:
    return replace(ARCHITECTURE, **{"name": "mine", **changes})


def nodes(**changes: Any) -> dict[str, Any]:
    made = {
        name: node if isinstance(node, int) else replace(ARCHITECTURE.nodes[name], **node)
        for name, node in changes.items()
    }
    return {**ARCHITECTURE.nodes, **made}


class TestArchitectures:
    def test_of_archduel_are_whole(self) -> None:
        assert [fault for one in architectures().values() for fault in faults_of_architecture(one)] == []

    @pytest.mark.parametrize(
        ("entry", "fault"),
        [
            (Architecture, "no Architecture"),
            (architecture(name="simulated"), "a name that something else has"),
            (architecture(nodes=nodes(table=7)), "table is no Node"),
            (architecture(nodes={**ARCHITECTURE.nodes, "Replay": ARCHITECTURE.nodes["table"]}), "'Replay'"),
            (architecture(nodes={**ARCHITECTURE.nodes, "outcomes": ARCHITECTURE.nodes["table"]}), "'outcomes'"),
            (architecture(nodes=nodes(table={"needs": ("queue",)})), "names a node 'queue'"),
            (architecture(nodes=nodes(table={"needs": ("command",)})), "needs itself"),
            (architecture(nodes=nodes(api={"routes": {"query": "query"}})), "no node takes its command"),
            (architecture(nodes={"gate": ARCHITECTURE.nodes["api"]}), "names a node"),
            (architecture(queued=frozenset({"orders"})), "queues 'orders'"),
        ],
    )
    def test_that_could_not_be_made_are_refused(self, entry: object, fault: str) -> None:
        assert fault in next(faults_of_architecture(entry))


def target(**attributes: Any) -> Target:
    made: Target = type("Mine", (Simulated,), {"name": "mine", "product": "mine", **attributes})()
    return made


class TestTargets:
    def test_may_be_another_one_in_virtual_time(self) -> None:
        assert list(faults_of_target(target(options={"mine_file": "A file."}, defaults={"mine_file": ""}))) == []

    @pytest.mark.parametrize(
        ("entry", "fault"),
        [
            (Simulated, "no Target"),
            (target(limits=7, options={}), "no Limits"),
            (target(product="AWS", options={}), "no other target has"),
            (target(product="two words", options={}), "one word"),
            (target(options={"scenario": "?"}), "does not begin with mine_"),
            (target(options={}, defaults={"mine_file": "?"}), "none of its options"),
        ],
    )
    def test_whose_figures_or_options_could_be_anothers_are_refused(self, entry: object, fault: str) -> None:
        assert fault in next(faults_of_target(entry))


wrong: Any = {"position": "first"}


class TestImporters:
    @pytest.mark.parametrize(
        ("entry", "fault"),
        [
            (7, "has no name, description"),
            (type(IMPORTER), "has no name"),
            (replace(IMPORTER, name="Mine"), "lower case"),
            (replace(IMPORTER, **wrong), "position is no int"),
            (replace(IMPORTER, example=""), "no example"),
            (replace(IMPORTER, mark="("), "no regular expression"),
        ],
    )
    def test_that_could_not_be_asked_are_refused(self, entry: object, fault: str) -> None:
        assert re.search(fault, next(faults_of_importer(entry)))

"""The way of requests: which steps an architecture has, and that the drawing holds each of them."""

from xml.etree import ElementTree as ET

import pytest

from assets.report.charts.way_of_requests import way_of_requests
from resources.architectures import architectures


@pytest.mark.parametrize("name", architectures())
def test_every_resource_is_on_the_way_and_it_begins_at_the_caller(name: str) -> None:
    architecture = architectures()[name]
    steps = architecture.steps()
    assert {step.target for step in steps} == set(architecture.nodes)
    assert {step.source for step in steps} - {step.target for step in steps} == {"caller"}


def test_a_queued_command_goes_by_queue_and_consumer_to_the_table_and_its_query_straight() -> None:
    pairs = [(step.source, step.target) for step in architectures()["hybrid"].steps()]
    for pair in [
        ("api", "queue"),
        ("queue", "event_source_mapping"),
        ("event_source_mapping", "consumer"),
        ("consumer", "table"),
        ("queue", "dead_letter_queue"),
        ("api", "query"),
        ("query", "table"),
    ]:
        assert pair in pairs
    assert ("api", "consumer") not in pairs


@pytest.mark.parametrize("name", architectures())
def test_the_drawing_names_each_resource_once_and_no_two_boxes_lie_on_each_other(name: str) -> None:
    svg = ET.fromstring(way_of_requests(architectures()[name]))  # noqa: S314 - made right here
    boxes = [(box.get("x"), box.get("y")) for box in svg.iter("{http://www.w3.org/2000/svg}rect") if box.get("x")]
    words = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    nodes = {name.replace("_", " ") for name in architectures()[name].nodes}
    assert len(set(boxes)) == len(boxes) == len(nodes) + 1
    assert nodes <= set(words)

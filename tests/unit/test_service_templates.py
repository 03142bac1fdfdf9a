"""A service.toml from a SAM or CloudFormation template: what is carried over, and what is said to be left out."""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from resources.services.from_template import from_template
from resources.services.model import Service, read_service
from workloads.errors import ArchduelError, UsageError

SHORTENER = Path("tests/services/shortener")


def template(folder: Path, resources: dict[str, Any], **more: Any) -> Path:
    file = folder / "template.json"
    file.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources, **more}))
    return file


def function(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "src", "Handler": "a.b", **properties}}


def test_a_sam_template_becomes_the_service_that_it_describes(tmp_path: Path) -> None:
    carried = from_template(SHORTENER / "template.yaml")
    assert carried.left == []
    (tmp_path / "src").symlink_to((SHORTENER / "src").resolve())
    (tmp_path / "service.toml").write_text(carried.text)
    made, code = read_service(tmp_path / "service.toml")
    written, same = read_service(SHORTENER / "service.toml")
    assert code == same
    assert made == written.model_copy(
        update={"environment": {**written.environment, "STAGE": "test"}, "payload": "1.0"}
    )


def test_what_cannot_be_carried_over_is_named(tmp_path: Path) -> None:
    own = function(
        Layers=["arn"],
        Environment={
            "Variables": {
                "A": {"Fn::GetAtt": ["Bus", "Arn"]},
                "B": 3,
                "C": {"Ref": "AWS::Region"},
                "D": {"Fn::Sub": "x-${T}"},
            }
        },
        Events={
            "Web": {"Type": "HttpApi", "Properties": {"Path": "/x", "Method": "*"}},
            "Daily": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)"}},
        },
    )
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "KeySchema": [{"AttributeName": "n", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "n", "AttributeType": "N"}],
            "LocalSecondaryIndexes": [],
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": "by-owner",
                    "KeySchema": [
                        {"AttributeName": "owner", "KeyType": "HASH"},
                        {"AttributeName": "n", "KeyType": "RANGE"},
                    ],
                }
            ],
        },
    }
    carried = from_template(template(tmp_path, {"Fn": own, "T": table, "Bus": {"Type": "AWS::Events::EventBus"}}))
    assert carried.left == [
        "Fn, event Daily: Schedule",
        'environment A: {"Fn::GetAtt": ["Bus", "Arn"]} cannot be resolved here',
        'environment C: {"Ref": "AWS::Region"} cannot be resolved here',
        "Fn: Layers",
        "T: LocalSecondaryIndexes",
        "Bus: AWS::Events::EventBus",
    ]
    assert 'payload = "2.0"' in carried.text
    assert 'routes = ["ANY /x"]' in carried.text
    assert 'B = "3"' in carried.text
    assert 'D = "x-{table:t}"' in carried.text
    [made] = Service(**tomllib.loads(carried.text)).tables
    assert (made.key, made.attributes) == ("n", {"n": "N", "owner": "S"})
    assert [(one.name, one.key, one.sort_key) for one in made.indexes] == [("by-owner", "owner", "n")]


def test_code_is_found_from_where_the_file_is_to_be(tmp_path: Path) -> None:
    file = template(tmp_path, {"Fn": function()})
    assert 'code = "../src"' in from_template(file, folder=tmp_path / "else").text


def test_of_several_functions_those_with_an_api_are_taken_or_the_one_that_is_named(tmp_path: Path) -> None:
    api = {"Web": {"Type": "Api", "Properties": {"Path": "/x", "Method": "get"}}}
    file = template(tmp_path, {"One": function(Events=api), "Two": function(Handler="c.d")})
    assert 'name = "one"' in from_template(file).text
    assert 'handler = "c.d"' in from_template(file, "Two").text
    with pytest.raises(UsageError, match="unknown function 'Three'"):
        from_template(file, "Three")
    variables = {"Environment": {"Variables": {"T": {"Ref": "T"}}}}
    functions = {"OneFn": function(Events=api, **variables), "Two": function(Events=api, Runtime="nodejs20.x")}
    simple = {"Type": "AWS::Serverless::SimpleTable"}
    both = Service(
        **tomllib.loads(from_template(template(tmp_path, {**functions, "T": simple, "Not": function()})).text)
    )
    one, two = both.parts
    assert (one.name, one.environment, one.routes) == ("one-fn", {"T": "{table:t}"}, ["GET /x"])
    assert (two.name, two.environment, two.runtime) == ("two", {}, "nodejs20.x")
    neither = template(tmp_path, {"One": function(), "Two": function()})
    with pytest.raises(UsageError, match=r"no function with an API, and not a single one \(One, Two\): name one with"):
        from_template(neither)


def test_what_cannot_be_resolved_is_named_and_what_stands_in_its_place(tmp_path: Path) -> None:
    imported = {"Fn::ImportValue": "x"}
    web = {"Web": {"Type": "Api", "Properties": {"Path": imported, "Method": "get"}}}
    own = function(Runtime={"Ref": "Runtime"}, Timeout=imported, MemorySize={"Ref": "Memory"}, Events=web)
    table = {"Type": "AWS::Serverless::SimpleTable", "Properties": {"PrimaryKey": {"Name": imported}}}
    parameters = {"Memory": {"Type": "Number", "Default": 1024}, "Runtime": {"Type": "String"}}
    carried = from_template(template(tmp_path, {"Fn": own, "T": table}, Parameters=parameters))
    assert carried.left == [
        'Fn, event Web: Path {"Fn::ImportValue": "x"} cannot be resolved here, and /{proxy+} stands in its place',
        'Fn: Runtime {"Ref": "Runtime"} cannot be resolved here, and python3.12 stands in its place',
        'Fn: Timeout {"Fn::ImportValue": "x"} cannot be resolved here, and 3 stands in its place',
        'T: Name {"Fn::ImportValue": "x"} cannot be resolved here, and id stands in its place',
    ]
    made = Service(**tomllib.loads(carried.text))
    assert (made.memory_mb, made.timeout_s, made.routes, made.tables[0].key) == (1024, 3, ["GET /{proxy+}"], "id")


def test_a_key_has_the_type_that_the_template_gives_it_whatever_its_name(tmp_path: Path) -> None:
    schema = [{"AttributeName": "id", "KeyType": "HASH"}]
    table = {"KeySchema": schema, "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}]}
    resources = {
        "Fn": function(),
        "Full": {"Type": "AWS::DynamoDB::Table", "Properties": table},
        "Simple": {
            "Type": "AWS::Serverless::SimpleTable",
            "Properties": {"PrimaryKey": {"Name": "no", "Type": "Number"}},
        },
        "Bare": {"Type": "AWS::Serverless::SimpleTable"},
    }
    made = Service(**tomllib.loads(from_template(template(tmp_path, resources)).text))
    assert [one.attributes for one in made.tables] == [{"id": "N"}, {"no": "N"}, {"id": "S"}]


@pytest.mark.parametrize("text", ["", "just text", "a: [", "Resources: {}", "{"])
def test_anything_else_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        from_template(file)
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="does not exist"):
        from_template(tmp_path / "none.yaml")


def test_without_what_reads_templates_it_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cfnlint.decode", None)
    with pytest.raises(ArchduelError, match=r"installed apart: \.venv/bin/uv pip install"):
        from_template(template(tmp_path, {"Fn": function()}))

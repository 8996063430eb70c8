"""The OpenAPI document tells the whole REST face, and the running face keeps to it, whatever it is sent."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from jupyter_box.server.openapi import document
from jupyter_box.server.routes import ROUTES

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def test_the_document_names_every_route_and_verb():
    paths = document()["paths"]
    assert {path.lstrip("/") for path in paths} == {route.path for route in ROUTES}
    for route in ROUTES:
        assert set(route.operations) == set(paths[f"/{route.path}"]) - {"parameters"}


def test_every_operation_has_its_own_name_a_summary_and_the_error():
    operations = [
        operation for path in document()["paths"].values() for verb, operation in path.items() if verb != "parameters"
    ]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["summary"]
        error = operation["responses"]["default"]["content"]["application/json"]["schema"]
        assert error == {"$ref": "#/components/schemas/Error"}


def test_the_document_is_whole():
    schemas = document()["components"]["schemas"]
    for name, schema in schemas.items():
        Draft202012Validator.check_schema(schema)
        for reference in references(schema):
            assert reference.removeprefix("#/components/schemas/") in schemas, name


def references(value):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


@pytest.fixture
def served(running):
    return running.ask("GET", "openapi.json").json()


def test_it_is_served_with_the_servers_own_address(served):
    assert served["servers"] == [{"url": "/jupyter-box"}]
    assert served["paths"] == document()["paths"]


# a stream of events has no end, unless it is asked for one
schema = schemathesis.openapi.from_dict(document()).exclude(path="/transfers/events").exclude(path="/events")


@pytest.mark.slow
@schema.parametrize()
@settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_face_keeps_to_its_description(case, running):
    case.call_and_validate(
        base_url=f"{running.url}jupyter-box",
        headers={"Authorization": f"token {running.token}"},
        checks=CHECKS,
        allow_redirects=False,
        timeout=30,
    )
    assert "Traceback" not in running.log

"""Keeps a run of schemathesis meaningful: signed in to its end, and stricter about answers than the document is."""

import itertools
import json
import os
import urllib.request

import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance, use_after_free

ADDRESS = os.environ["APPMIXER_TEST_ADDRESS"]
# The administrator who asks, if one does: the token, the name, and the id.
TOKEN = os.environ.get("APPMIXER_TEST_TOKEN")
NAME = os.environ.get("APPMIXER_TEST_NAME")
ID = os.environ.get("APPMIXER_TEST_ID")
# A deletion that was made before: its user and ticket.
DELETED = {"userId": os.environ.get("APPMIXER_TEST_DELETED"), "ticket": os.environ.get("APPMIXER_TEST_TICKET")}

# What ends the tokens of whoever asks for it: each is asked for by a user of its own.
ENDS_TOKENS = {"changePassword", "signOutEverywhere"}

numbers = itertools.count()


def name_of(operation):
    return operation.definition.raw["operationId"]


def token_of_a_new_user():
    body = json.dumps({"username": f"user{next(numbers)}@disposable", "password": "abc321"}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    with urllib.request.urlopen(urllib.request.Request(f"{ADDRESS}/user", body, headers)) as answer:
        return json.load(answer)["token"]


if TOKEN:

    @schemathesis.auth(refresh_interval=None)
    class Caller:
        def get(self, case, context):
            return token_of_a_new_user() if name_of(context.operation) in ENDS_TOKENS else TOKEN

        def set(self, case, token, context):
            case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.check
def use_after_free_but_for_tickets(context, response, case):
    """In the place of the original: what became of a deletion is told about users who are deleted."""
    if name_of(case.operation) != "getDeletion":
        return use_after_free(context, response, case)
    return None


@schemathesis.check
def positive_data_acceptance_but_for_codes(context, response, case):
    """In the place of the original: a code that was never sent is 400, however good it looks, and so is a new name
    that Unicode makes unusual, which no pattern can say."""
    unusual = ("in its usual spelling", "must not contain invisible characters")
    if name_of(case.operation) in ("redeemCode", "confirmAddress") or any(why in response.text for why in unusual):
        return None
    return positive_data_acceptance(context, response, case)


@schemathesis.hook
def filter_case(context, case):
    """Leaves out what would end the administrator's own token, and so the run's sense."""
    operation = name_of(case.operation)
    if operation in ("updateUser", "deleteUser"):
        return (case.path_parameters or {}).get("userId") != ID
    if operation == "resetPassword" and NAME:
        return NAME not in json.dumps(case.body, default=str).lower()
    return True


@schemathesis.hook
def map_case(context, case):
    """A ticket cannot be guessed: every other one that is asked for is one that was handed out."""
    if name_of(case.operation) == "getDeletion" and case.meta.generation.mode.is_positive and next(numbers) % 2:
        case.path_parameters.update(DELETED)
    return case


@schemathesis.hook
def before_call(context, case, kwargs):
    """The same for what no phase asks `filter_case` about: the user of an earlier answer may be the administrator."""
    if name_of(case.operation) == "signOutUser" and (case.path_parameters or {}).get("userId") == ID:
        case.path_parameters["userId"] = DELETED["userId"]
    # What has signed the administrator's token.
    if name_of(case.operation) == "retireKey" and (case.path_parameters or {}).get("id") == "configuration":
        case.path_parameters["id"] = "none"


@schemathesis.hook
def before_load_schema(context, document):
    """Clients should take members that they do not know; the server should not send any that are not documented."""
    schemas = document["components"]["schemas"]
    seen = set()

    # A list in a form would be the same field several times, which is refused. The document does not say so: the
    # clients that some generators make of it would not compile.
    for path in document["paths"].values():
        for method in path.keys() - {"parameters"}:
            content = path[method].get("requestBody", {}).get("content", {})
            form = content.get("application/x-www-form-urlencoded", {}).get("schema", {})
            for alternative in form.get("anyOf", [form]):
                alternative["additionalProperties"] = {"type": "string"}

    def close(schema):
        if isinstance(schema, list):
            for one in schema:
                close(one)
        elif isinstance(schema, dict):
            name = schema.get("$ref", "").rsplit("/", 1)[-1]
            if name and name not in seen:
                seen.add(name)
                close(schemas[name])
            if "properties" in schema:
                schema.setdefault("additionalProperties", False)
            for one in schema.values():
                close(one)

    for path in document["paths"].values():
        for method in path.keys() - {"parameters"}:
            good = path[method]["responses"].get("200", {})
            for content in good.get("content", {}).values():
                close(content["schema"])
    close({"$ref": "#/components/schemas/Error"})

"""@resource and Secret: what a user's own class becomes, and what never shows itself."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
from dataclasses import FrozenInstanceError, dataclass

import msgspec
import pytest

from sqlpipes import Definitions, Secret, resource
from sqlpipes.core.definitions import resource_definition, secrets_in


@resource
class ShopApi:
    """The shop."""

    url: str
    token: Secret = Secret("hush")
    limit: int = 10

    def setup(self) -> None:
        self.client = [self.url]


def test_a_class_becomes_a_dataclass_whose_fields_are_set_once_and_by_keyword():
    api = ShopApi(url="http://shop")
    assert (api.url, api.limit) == ("http://shop", 10)
    assert repr(api) == "ShopApi(url='http://shop', token=Secret('***'), limit=10)"
    with pytest.raises(FrozenInstanceError, match="url"):
        api.url = "elsewhere"
    api.setup()
    assert api.client == ["http://shop"]
    with pytest.raises(TypeError):
        ShopApi("http://shop")


def test_a_dataclass_and_a_struct_stay_what_they_are():
    @resource
    @dataclass(slots=True)
    class Plain:
        url: str

    @resource(name="packed")
    class Struct(msgspec.Struct):
        url: str

    plain = Plain("x")
    plain.url = "y"
    assert plain.url == "y"
    assert Struct("x").url == "x"
    assert resource_definition(Plain).name == "plain"
    assert resource_definition(Struct).name == "packed"


def test_a_function_stays_callable_and_a_subclass_is_no_resource_by_itself():
    @resource(retries=2)
    def api(url: str):
        yield url

    class Other(ShopApi):
        pass

    assert list(api("x")) == ["x"]
    assert (api.definition.name, api.definition.retry.times) == ("api", 2)
    assert resource_definition(Other) is None


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: resource(3), "stands above a function"),
        (lambda: resource(lambda: 1), "needs name="),
        (lambda: Definitions(resources={"api": io.StringIO}), "needs @resource above it"),
    ],
)
def test_what_cannot_be_a_resource_is_refused(make, said):
    with pytest.raises(TypeError, match=said):
        make()


def test_an_async_function_is_refused():
    async def api():
        return 1

    with pytest.raises(TypeError, match="async"):
        resource(api)


def test_a_secret_shows_itself_nowhere():
    secret = Secret("t0p/secret")
    stream = io.StringIO()
    logger = logging.Logger("secrets")
    logger.addHandler(logging.StreamHandler(stream))
    logger.warning("%s %r", secret, secret)
    shown = [str(secret), repr(secret), f"{secret:>20}", "%s" % secret, repr([secret]), repr(vars)]  # noqa: UP031
    shown += [stream.getvalue(), json.dumps({"a": secret}, default=str)]
    assert not any("t0p" in text for text in shown)
    assert secret.reveal() == secret.get() == "t0p/secret"


def test_a_secret_is_not_pickled_nor_written_as_json_but_copied():
    secret = Secret("t0p")
    for dump in (pickle.dumps, json.dumps, msgspec.json.encode):
        with pytest.raises(TypeError):
            dump(secret)
    assert copy.deepcopy([secret]) == [secret]
    with pytest.raises(AttributeError):
        secret._text = "other"
    with pytest.raises(TypeError, match="int"):
        Secret(5)


def test_secrets_are_found_wherever_they_are():
    class Packed(msgspec.Struct):
        inner: list[Secret]

    found = secrets_in({"a": ShopApi(url="x"), "b": (Packed([Secret("deep")]), 3)})
    assert list(found) == ["hush", "deep"]


def test_lists_are_merged_and_what_stands_in_two_counts_once():
    one = Definitions(assets=["a"], resources={"api": ShopApi})
    whole = Definitions.merge(one, Definitions(assets=["a", "b"]), one)
    assert whole.assets == ("a", "b")
    assert [each.definition.name for each in whole.resources] == ["api"]

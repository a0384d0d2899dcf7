"""Secrets are taken out of events, in every spelling that a message may have of them."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.events import CheckFinished, OpCall, StepFailed
from sqlpipes.core.partitions import WHOLE
from sqlpipes.core.status import Status
from sqlpipes.run.masking import SHORTEST, Mask

LETTERS = st.characters(exclude_characters="*", exclude_categories=["Cs"])
TOKEN = 'p@ss "w/ord'


@pytest.mark.parametrize(
    "spelt",
    [
        TOKEN,
        quote(TOKEN, safe=""),
        json.dumps({"token": TOKEN}),
        repr([TOKEN]),
        base64.b64encode(TOKEN.encode()).decode(),
        f"x{TOKEN}{TOKEN}x",
        quote(TOKEN),
        TOKEN.encode().hex(),
        TOKEN.encode().hex().upper(),
    ],
)
def test_a_secret_is_hidden_however_it_is_spelt(spelt):
    masked = Mask([TOKEN])(f"before {spelt} after")
    assert "w/ord" not in masked
    assert "***" in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("user", ["", "a", "me", "you", "user"])
def test_a_secret_is_hidden_in_base64_behind_a_user(user, encode):
    secret = "s3cr\xff?>~t/ok~en"
    masked = Mask([secret])("Basic " + encode(f"{user}:{secret}".encode()).decode())
    assert "***" in masked
    assert len(masked.replace("***", "")) <= len("Basic ") + 12


def test_the_repr_of_bytes_is_hidden():
    assert Mask(["pässwörd"])(repr("pässwörd".encode())) == "b'***'"


def test_a_line_of_a_key_is_hidden_and_the_half_of_one_that_was_cut():
    mask = Mask(["-----BEGIN-----\nabcdefgh\n-----END-----"])
    assert mask("bad line abcdefgh") == "bad line ***"
    assert Mask(["supersecret"])("it was supersec...") == "it was ***..."
    assert Mask(["supersecret"])("a super idea") == "a super idea"


def test_what_is_too_short_to_hide_anything_stays():
    assert Mask(["no"])("no rows") == "no rows"
    assert not Mask(["no"])


def test_every_text_of_an_event_is_masked():
    problem = Problem("BLD005", f"refused {TOKEN}", Location("a.py"), hint=TOKEN)
    op = OpCall("fetch", Status.ERROR, 0.1, message=TOKEN, log=f"asking with {TOKEN}")
    event = StepFailed(
        "r", datetime(2024, 1, 1), "a", "run python", Status.ERROR, WHOLE, 0.1, (problem,),
        f"attach '{TOKEN}'", log=TOKEN, ops=(op,),
    )  # fmt: skip
    masked = Mask([TOKEN]).value(event)
    assert "w/ord" not in repr(masked)
    assert masked.slices is event.slices
    assert masked.problems[0].at == problem.at
    check = CheckFinished(
        "r", datetime(2024, 1, 1), "a", "c", Status.FAIL, 1, 0.1, TOKEN, ("x",), ((TOKEN, 3),)
    )
    assert Mask([TOKEN]).value(check).sample == (("***", 3),)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text(LETTERS, min_size=SHORTEST), min_size=1, max_size=3), st.text(), st.text())
def test_no_text_keeps_a_secret(secrets, before, after):
    mask = Mask(secrets)
    for secret in secrets:
        if len(secret.strip()) >= SHORTEST:
            assert secret not in mask(before + secret + after)

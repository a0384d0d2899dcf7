"""What has the name of a secret is one; a word that only begins like one is not."""

from __future__ import annotations

import pytest

from sqlpipes.core.hiding import hides

SECRET = "Authorization bearer GITHUB_PAT private azure_sas sig x-signature SLACK_WEBHOOK api_token"
OPEN = "path author patch signal sassy privately host"


@pytest.mark.parametrize("name", SECRET.split())
def test_names_of_secrets(name):
    assert hides(name)


@pytest.mark.parametrize("name", OPEN.split())
def test_names_that_only_begin_so(name):
    assert not hides(name)

"""Runs in OpenLineage's words: the events of a build as it goes, and those of a past run from the state.

`naming` says what assets are called there, `facets` and `columns` what is told of them, `telling` which
events a run makes; `sending` takes them to a file or an endpoint beside the build, and `writing` writes
those of a run that is over.
"""

"""Runs in OpenLineage's words: the events of a build as it goes, and those of a past run from the state.

`naming` says what assets are called there, `facets` and `columns` what is told of them, `telling` and
`steps` which events a run makes, `recorded` what the state knows of one; `sending` takes them to a file
or an endpoint beside the build, and `writing` writes those of a run that is over.
"""

"""A page about a project: values of `api` -> plain JSON documents -> files, or a server's answers.

The documents are told in docs/page.md; the front end in `page/` reads nothing else.
"""

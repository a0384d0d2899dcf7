"""A project served to browsers: documents of `show/site`, what happens as it happens, builds on request.

`api` and `show` stand below, `cli` above. What comes in passes `gate` first; what goes out has no secrets.
"""

"""Project + state -> the files that readers of dbt's artifacts know: manifest, catalog, run_results.

`artifacts` gathers and writes them; the modules below turn values into dbt's shapes and open nothing.
"""

from sqlpipes.api.dbt.writing import artifacts

__all__ = ["artifacts"]

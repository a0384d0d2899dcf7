"""For your own tests: a model over given rows, and a comparison of rows that says what differs.

    from sqlpipes.testing import assert_rows, run_model

    def test_refunds_are_taken_off():
        rows = run_model("daily_sales", {"stg_orders": [{"amount": 10, "refund": 3}]})
        assert_rows(rows, [{"revenue": 7}])

Everything runs in memory: the project's warehouse is neither opened nor needed.
"""

from sqlpipes.core.definitions import Execution, Window
from sqlpipes.testing.models import run_model
from sqlpipes.testing.rows import assert_rows

__all__ = ["Execution", "Window", "assert_rows", "run_model"]

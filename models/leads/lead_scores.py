"""lead_features and the saved model -> how likely each open lead is to buy."""

import json
from pathlib import Path

import numpy as np

from sqlpipes import asset

CHANNEL = "channel_"


@asset(
    owner="growth@shop.example",
    tags=["marketing"],
    kind="ml",
    checks=[
        {"unique": ["customer_id"]},
        {"range": {"column": "probability", "min": 0, "max": 1}},
        {"accepted_values": {"column": "grade", "values": ["A", "B", "C"]}},
        {"relationships": {"column": "customer_id", "to": "customers", "field": "customer_id"}},
    ],
)
def lead_scores(lead_features, lead_model: Path):
    """One row per open lead: the chance to buy within a month, and a grade. A is the best fifth."""
    model = json.loads(lead_model.read_text("utf-8"))
    leads = lead_features.filter("is_lead").order("customer_id").fetchnumpy()
    inputs = np.column_stack([feature(leads, name) for name in model["features"]])
    inputs = (inputs - model["mean"]) / model["spread"]
    probability = 1 / (1 + np.exp(-(model["intercept"] + inputs @ np.array(model["weights"]))))
    rank = np.argsort(np.argsort(-probability, kind="stable"), kind="stable") / len(probability)
    return {
        "customer_id": leads["customer_id"],
        "channel": leads["channel"],
        "signed_up_on": leads["signed_up_on"].astype("datetime64[D]"),
        "probability": probability.round(4),
        "grade": np.where(rank < 0.2, "A", np.where(rank < 0.5, "B", "C")).astype(object),
    }


def feature(rows, name):
    """A column of the matrix as lead_model.py made it: counts as logarithms, yes and no as 1 and 0."""
    if name.startswith(CHANNEL):
        return (rows["channel"] == name.removeprefix(CHANNEL)).astype(float)
    column = rows[name].astype(float)
    return column if name == "has_newsletter" else np.log1p(column)

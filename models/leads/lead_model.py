"""lead_features -> a logistic regression, saved as JSON. Plain NumPy; same rows, same weights."""

import json
from pathlib import Path

import numpy as np

from sqlpipes import File, asset, check, op

CHANNELS = ("search", "social", "newsletter", "referral", "ads")
NUMBERS = ("visits", "page_views", "cart_adds", "minutes")


@asset(owner="growth@shop.example", tags=["marketing"], kind="ml")
def lead_model(lead_features, context) -> File:
    """Weights and quality of the model that foresees who buys in the month after the first week."""
    rows = lead_features.filter("converted is not null").order("customer_id").fetchnumpy()
    inputs, converted = design_matrix(rows), rows["converted"].astype(float)
    held_out = np.arange(len(converted)) % 4 == 0  # judged on people that it has not seen
    mean, spread = inputs[~held_out].mean(axis=0), inputs[~held_out].std(axis=0)
    inputs = (inputs - mean) / spread
    weights = fit(inputs[~held_out], converted[~held_out])
    chances = predict(inputs[held_out], weights)

    model = {
        "features": feature_names(),
        "mean": rounded(mean),
        "spread": rounded(spread),
        "intercept": rounded(weights)[0],
        "weights": rounded(weights)[1:],
        "metrics": {
            "trained_on": int((~held_out).sum()),
            "tested_on": int(held_out.sum()),
            "auc": round(area_under_curve(converted[held_out], chances), 4),
            "log_loss": round(log_loss(converted[held_out], chances), 4),
            "base_rate": round(float(converted.mean()), 4),
        },
    }
    file = context.file("output/lead_model.json", **model["metrics"])
    Path(file).write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")
    return file


@check(asset=lead_model)
def model_beats_guessing(lead_model: Path):
    """A model that cannot tell buyers from others must not score anybody."""
    model = json.loads(lead_model.read_text("utf-8"))
    return model["metrics"]["auc"] > 0.65


def feature_names():
    return [*NUMBERS, "has_newsletter", *(f"channel_{name}" for name in CHANNELS[1:])]


def design_matrix(rows):
    """One row per person, one column per feature. Counts are skewed, so their logarithm is taken.

    lead_scores.py must do the same; the first channel is the base and has no column.
    """
    columns = [np.log1p(rows[name].astype(float)) for name in NUMBERS]
    columns.append(rows["has_newsletter"].astype(float))
    columns += [(rows["channel"] == name).astype(float) for name in CHANNELS[1:]]
    return np.column_stack(columns)


@op
def fit(inputs, outcomes, penalty=1.0, rounds=25):
    """Newton's method with a ridge penalty on all weights but the intercept, which comes first."""
    inputs = np.column_stack([np.ones(len(inputs)), inputs])
    ridge = penalty * np.diag([0.0] + [1.0] * (inputs.shape[1] - 1))
    weights = np.zeros(inputs.shape[1])
    for _ in range(rounds):
        chances = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (chances - outcomes) + ridge @ weights
        curvature = (inputs.T * (chances * (1 - chances))) @ inputs + ridge
        weights = weights - np.linalg.solve(curvature, slope)
    return weights


def predict(inputs, weights):
    return 1 / (1 + np.exp(-(weights[0] + inputs @ weights[1:])))


def area_under_curve(outcomes, chances):
    """How often somebody who bought stands above somebody who did not; 0.5 is guessing."""
    bought, not_bought = chances[outcomes == 1], chances[outcomes == 0]
    above = (bought[:, None] > not_bought).mean()
    return float(above + (bought[:, None] == not_bought).mean() / 2)


def log_loss(outcomes, chances):
    return float(-np.mean(np.where(outcomes == 1, np.log(chances), np.log(1 - chances))))


def rounded(values):
    """Six digits: the last bits differ between machines, and nobody needs them."""
    return [round(float(value), 6) for value in values]

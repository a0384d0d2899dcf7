"""Every automated asset is judged, in the order of a plan -> what is to be built, and what to remember."""

from __future__ import annotations

from collections.abc import Mapping

from sqlpipes.core.asset import Kind
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.graph import Graph
from sqlpipes.core.history import History
from sqlpipes.core.partitions import as_naive_utc
from sqlpipes.core.plan import TIME_HAS_COME, Step
from sqlpipes.core.verdict import Seen, Verdict
from sqlpipes.decide.planner import make_plan
from sqlpipes.decide.upstream import watched
from sqlpipes.decide.wish import Observed, Wish

from .automated import automated
from .judge import Judge
from .situation import Situation


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`steps` are to be built together; `verdicts` are about every automated asset, in graph order.

    `seen` is what to remember of each. `forced`: to be built though nothing has moved.
    """

    verdicts: tuple[Verdict, ...]
    steps: tuple[Step, ...]
    seen: Mapping[str, Seen]
    forced: frozenset[str] = frozenset()


def evaluate(graph: Graph, history: History, observed: Observed, now: Situation) -> Evaluation:
    """What is asked for. An asset that waits for nothing but one that is asked for goes with it."""
    names = automated(graph)
    judge = Judge(watched(graph), history, observed, now)
    wish = Wish(
        names=frozenset(names) - judge.refused.keys(),
        observe=frozenset(n for n in graph.order if graph.assets[n].kind is Kind.SOURCE)
        & observed.tokens.keys(),
        forced=dict.fromkeys(judge.forced, TIME_HAS_COME),
    )
    plan = make_plan(
        judge.look.graph,
        history,
        wish,
        observed,
        as_naive_utc(now.now),
        now.definitions,
        admit=judge.admit,
        aware=now.aware,
    )
    steps = tuple(step for step in plan.steps if step.asset in wish.names)
    verdicts = tuple(verdict for name in names for verdict in judge.of(name))
    seen = {name: judge.remembered(name) for name in names}
    asked = frozenset(step.asset for step in steps)
    return Evaluation(verdicts, steps, seen, judge.forced & asked)

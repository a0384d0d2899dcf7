"""How exact column lineage is: random queries on DuckDB, one input column changed at a time.

What changes without an edge is a mistake (the tests refuse it); an edge that never mattered in any of
the changes is counted here, by its kind and by the constructs of its query.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from drawn import drawn
from perturbed import judged, warehouse


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first query")
    parser.add_argument("--variants", type=int, default=12, help="changes of each input column")
    options = parser.parse_args()
    kinds: Counter[tuple[str, bool]] = Counter()
    constructs: Counter[tuple[str, bool]] = Counter()
    missed: list[str] = []
    run = 0
    with warehouse(options.variants) as made:
        for seed in range(options.first, options.first + options.queries):
            query, used = drawn(seed)
            try:
                verdict = judged(made, query.sql)
            except duckdb.Error:
                continue  # DuckDB does not take it
            run += 1
            missed += [f"{seed}: {each}\n  {query.sql}" for each in verdict.missed]
            for edge, did in verdict.mattered:
                sort = "rows" if edge.is_row_set else "value"
                kinds[f"{sort}: {edge.kind}", did] += 1
                constructs.update((construct, did) for construct in used)
    total = sum(kinds.values())
    idle = sum(count for (_, did), count in kinds.items() if not did)
    print(
        f"{run} queries, {total} edges: {len(missed)} missed, {idle / max(total, 1):.1%} never mattered"
    )
    for title, counts in (("kind", kinds), ("construct", constructs)):
        print(f"\n{title:24} edges  never mattered")
        names = {name for name, _ in counts}
        both = {name: counts[name, True] + counts[name, False] for name in names}
        for name in sorted(names, key=lambda name: -counts[name, False] / both[name]):
            print(f"{name:24} {both[name]:5}  {counts[name, False] / both[name]:.0%}")
    print("", *missed, sep="\n")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()

"""Which parts of a query are proven to mean the same in both dialects; all others are refused.

A kind of node stands here, with the arguments that it may have, once tests have run it on both
engines (tests/portability). What a parser learns tomorrow is refused until then.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

QUERIES = """
Select: expressions from_ joins laterals where group having order limit offset distinct windows with_ kind
Subquery: this alias order limit offset
With: expressions recursive
CTE: this alias materialized
From: this
Table: this alias
TableAlias: this columns
Join: this on using side kind
Lateral: this alias
Values: expressions alias
Union: this expression distinct order limit offset with_
Except: this expression distinct order limit offset with_
Intersect: this expression distinct order limit offset with_
Where: this
Group: expressions rollup cube grouping_sets
Rollup: expressions
Cube: expressions
GroupingSets: expressions
Having: this
Order: this expressions
Ordered: this desc nulls_first
Limit: expression
Offset: expression
Distinct: expressions on
Star:
Alias: this alias
Column: this table
Identifier: this quoted
Paren: this
Tuple: expressions
Exists: this
In: this expressions query
"""
VALUES = """
Literal: this is_string
Null:
Boolean: this
Cast: this to
DataType: this expressions
DataTypeParam: this
Case: this ifs default
If: this true false
Coalesce: this expressions
Nullif: this expression
Greatest: this expressions ignore_nulls
Least: this expressions ignore_nulls
And: this expression
Or: this expression
Not: this
EQ: this expression
NEQ: this expression
GT: this expression
GTE: this expression
LT: this expression
LTE: this expression
Is: this expression
NullSafeEQ: this expression
NullSafeNEQ: this expression
Between: this low high
Like: this expression negate
ILike: this expression negate
Escape: this expression
Add: this expression
Sub: this expression
Mul: this expression
Div: this expression typed safe
IntDiv: this expression
Mod: this expression
Neg: this
BitwiseAnd: this expression
BitwiseOr: this expression
DPipe: this expression safe
Interval: this unit
Var: this
"""
FUNCTIONS = """
Abs: this
Ceil: this
Floor: this
Round: this decimals
Upper: this
Lower: this
Trim: this expression position
Length: this
Replace: this expression replacement
Repeat: this times
Left: this expression
Right: this expression
Pad: this expression fill_pattern is_left
SplitPart: this delimiter part_index
StrPosition: this substr
StartsWith: this expression
Substring: this start length
Translate: this from_ to
Concat: expressions safe coalesce
ConcatWs: expressions safe coalesce
MD5: this
CurrentDate:
CurrentTimestamp:
Extract: this expression
GenerateSeries: start end is_end_exclusive
"""
AGGREGATES = """
Count: this big_int
Sum: this
Avg: this
Min: this
Max: this
AnyValue: this
LogicalAnd: this
LogicalOr: this
ArrayAgg: this
GroupConcat: this separator
Stddev: this
StddevSamp: this
StddevPop: this
Variance: this
VariancePop: this
Median: this
PercentileCont: this expression
Filter: this expression
Window: this partition_by order spec alias over
WindowSpec: kind start start_side end end_side exclude
RowNumber: this
Rank: expressions
DenseRank: expressions
PercentRank: expressions
CumeDist: expressions
Ntile: this
Lag: this offset default
Lead: this offset default
FirstValue: this
LastValue: this
NthValue: this offset
"""


def _listed(*texts: str) -> Mapping[str, frozenset[str]]:
    found = {}
    for line in "".join(texts).strip().splitlines():
        kind, _, arguments = line.partition(":")
        found[kind] = frozenset(arguments.split())
    return MappingProxyType(found)


POSTGRES = _listed(QUERIES, VALUES, FUNCTIONS, AGGREGATES)


def _less(kinds: Mapping[str, frozenset[str]], without: str) -> Mapping[str, frozenset[str]]:
    """The same list without these kinds, or without these arguments of them."""
    taken = _listed(without)
    rest = {
        kind: arguments - taken.get(kind, frozenset())
        for kind, arguments in kinds.items()
        if kind not in taken or taken[kind]
    }
    return MappingProxyType(rest)


SPARK = _less(
    POSTGRES,
    """
ArrayAgg:
Lateral: view
WindowSpec: exclude
""",
)
ALLOWED = MappingProxyType({("duckdb", "postgres"): POSTGRES, ("duckdb", "spark"): SPARK})
"""(from, to) -> kind of node -> arguments that it may have."""

# ruff: noqa: E501 - a form is one line
"""Queries over `t` and `u` that nobody has thought of: made at random of what may be translated.

A form is a text in which {int}, {int|dec} ... stand for expressions of a family, and [a|b] for one of these words.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

FAMILIES = ("int", "dec", "flt", "text", "bool", "date", "ts")
COLUMNS = {"id": "int", "a": "int", "b": "int", "k": "text", "s": "text", "d": "date", "ts": "ts"}
COLUMNS |= {"x": "flt", "m": "dec", "f": "bool"}
ANY = "|".join(FAMILIES)
LEAVES = {
    "int": "0 1 2 7 -3",
    "dec": "1.5 0.25 10.00 -2.5",
    "flt": "1e0 2.5::double 0.1::double",
    "text": "'a'::varchar '10'::varchar ''::varchar 'x%'::varchar",
    "bool": "true false",
    "date": "date'2024-02-29' date'2024-01-01' date'1969-12-30'",
    "ts": "timestamp'2024-03-01T12:30:00' timestamp'1969-12-31T23:59:59.5'",
}
FORMS = {
    "int": """
        ({int} + {int}); ({int} - {int}); ({int} * {int}); ({int} // nullif({int}, 0)); ({int} % nullif({int}, 0))
        length({text}); strpos({text}, {text}); abs({int}); -({int}); sign({int|dec|flt}); round({int}, -1)
        date_diff('[day|month|year|hour|minute|quarter]', {date|ts}, {date|ts}); ({date} - {date})
        extract([year|month|day|dow|doy|week|quarter|isodow] from {date|ts}); extract([hour|minute|second] from {ts})
        try_cast({text} as [int|bigint|smallint]); ({dec})::int; ({flt})::int; ({bool})::int; coalesce({int}, {int})
        case when {bool} then {int} else {int} end; greatest({int}, {int}); nullif({int}, {int})
        (select max(v) from u where u.a = {int})""",
    "dec": """
        ({int|dec} + {dec}); ({dec} * {int}); ({int|dec})::decimal(12, [0|1|2]); ({flt})::decimal(18, 3)
        round({dec}, [0|1]); try_cast({text} as decimal(12, 2)); abs({dec}); ceil({dec}); floor({dec})
        coalesce({dec}, {int}); least({dec}, {int}); case {int} when 1 then {dec} else {int} end""",
    "flt": """
        ({int|dec|flt} / nullif({int|dec|flt}, 0)); ({flt} * {int|dec|flt}); ({int|dec|flt} + {flt}); round({flt})
        round({flt}, [1|2|3]); ({int|dec})::double; sqrt(abs({int|dec|flt})); ln(abs({int|dec|flt}) + 1)
        floor({flt}); epoch({ts}); pow({int|dec|flt}, 2); coalesce({flt}, {int|dec})""",
    "text": """
        ({text} || {text}); lower({text}); substring({text}, [1|2|3], 2); ({int|date|bool|ts})::varchar; trim({text})
        concat({text}, {int|text|date}); replace({text}, {text}, {text}); split_part({text}, '-', [1|2|-1])
        lpad({text}, 4, 'z'); strftime({date|ts}, '%Y-%m-%d %H:%M'); left({text}, [-1|2]); coalesce({text}, {text})
        case when {bool} then {text} end; regexp_replace({text}, '[0-9]+', '#'); reverse({text})
        concat_ws(',', {text}, {text}, {int}); md5({text}); nullif({text}, {text})""",
    "bool": """
        ({int} [=|<|>=|<>|is distinct from] {int}); ({int|dec|flt} < {int|dec|flt}); ({date|ts} < {date|ts})
        ({text} [=|<|>=|is not distinct from] {text}); ({text} like '%1%'); ({text} like {text}); (not {bool})
        ({bool} and {bool}); ({bool} or {bool}); ({int|text|date} is null); ({int} in ({int}, {int}, null))
        ({int} not in ({int}, {int})); regexp_matches({text}, '^[a-z]+.$'); starts_with({text}, {text})
        contains({text}, {text}); ends_with({text}, {text}); ({int} between {int} and {dec}); ({int|dec})::boolean
        regexp_full_match({text}, '[0-9]*'); exists (from u where u.a = {int}); ({int} in (select a from u))""",
    "date": """
        ({date} + [1|30|-5]); ({ts})::date; date_trunc('[month|year|week|quarter]', {date|ts})::date
        greatest({date}, {date}); coalesce({date}, {date}); ({date} - interval 1 [day|month|year])::date""",
    "ts": """
        ({ts} + interval [1|45] [day|hour|minute|month]); ({date})::timestamp; ({date} + interval 2 hours)
        date_trunc('[hour|day|month|minute|second|week]', {date|ts}); coalesce({ts}, {date})""",
    "aggregate": """
        count(*) filter (where {bool}); count(distinct {int|text|date}); min({int|dec|flt|text|date})
        max({int|dec|text|ts}); avg({int|dec|flt}); sum({int|dec|flt|bool}); median({int|flt}); bool_or({bool})
        arg_max(id, coalesce({int}, 0) * 1000 + id); string_agg({text}, ',' order by id); stddev({int|flt})""",
}
QUERIES = f"""
    select id, {{{ANY}}} as c0, {{{ANY}}} as c1, {{{ANY}}} as c2 from t where {{bool}}
    select {{int|text|date}} as k0, {{aggregate}} as a0, {{aggregate}} as a1 from t where {{bool}} group by all
    select {{int|bool}} as k0, {{text|date}} as k1, {{aggregate}} as a0 from t group by all having a0 is not null
    select {{aggregate}} as a0, {{aggregate}} as a1 from t where {{bool}} group by all
    select id, {{int}} as c0, {{text}} as c1, c0 + 1 as c2, c1 || '!' as c3, c2 * 2 as c4 from t where c0 is not null
    select id, {{{ANY}}} as c from t qualify row_number() over (partition by {{text|int|bool}} order by {{{ANY}}} [|desc|desc nulls first|nulls first], id) <= 2
    select id, {{int}} as c, row_number() over (partition by {{text}} order by {{int|dec|date}} [|desc], id) as n from t qualify n <= 2 and c > 0
    select id, [sum|count|min|max|avg]({{int|dec}}) over (partition by {{text}} order by {{int|date|flt}} [|desc], id [|rows between 2 preceding and current row|rows between 1 preceding and 1 following]) as w from t
    select id, lag({{text}}) over (order by id) as l, rank() over (order by {{int|date|text}} [|desc]) as r, ntile(3) over (order by id) as n from t
    with q as (select *, {{int}} as z from t) select q.* exclude (x), u.v from q left join u on q.z = u.a and u.v > 3
    select id, {{int}} as c from t [semi|anti] join u on t.a = u.a and u.v > 3
    select t.id, u.v from t asof left join u on t.k = u.k and t.ts [>=|>|<|<=] u.t0 where {{bool}}
    select id, {{text}} as c from t union all by name select {{text}} as c, {{int}} as e from t
    select distinct {{int|text|bool}} as c, {{date}} as e from t order by all
    select {{int}} as c from t [union|union all|except|intersect] select a as c from u
"""


def random_query(chance: random.Random) -> str:
    form = chance.choice([line.strip() for line in QUERIES.strip().splitlines()])
    return _filled(form, chance, 0)


def _filled(form: str, chance: random.Random, depth: int) -> str:
    text = re.sub(
        r"\[([^\[\]0-9a-z]*[^\[\]]*\|[^\[\]]*)\]", lambda m: chance.choice(m[1].split("|")), form
    )
    return re.sub(
        r"\{([a-z|]+)\}", lambda m: _of(chance.choice(m[1].split("|")), chance, depth), text
    )


def _of(
    family: str, chance: random.Random, depth: int, columns: Mapping[str, str] = COLUMNS
) -> str:
    own = [name for name, found in columns.items() if found == family]
    if family in LEAVES and (depth > 2 or chance.random() < 0.3):
        return (
            chance.choice(own)
            if chance.random() < 0.8
            else chance.choice(LEAVES[family].split()).replace("T", " ")
        )
    forms = [form.strip() for form in re.split(r";|\n", FORMS[family]) if form.strip()]
    return _filled(chance.choice(forms), chance, depth + 1)

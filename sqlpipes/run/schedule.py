"""A plan's parts in the order in which they can start: what they read first, the longest road ahead first.

A part is some slices of a step that are written together, known by a number. A part waits for those
parts that its slices read. When one fails, whoever waits for it loses the slices that read the
failed ones and goes on with the rest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from enum import Enum
from heapq import heappop, heappush
from itertools import pairwise

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.partitions import Labels, Partitions, Range, WholeAxis, first_of
from sqlpipes.run.parts import first_slice, together
from sqlpipes.run.roads import Road

MOST_EDGES = (
    300_000  # between the parts of two steps; with more, the reader waits for the whole step
)
MOST_ROWS = 4_000_000  # of labels looked at to find them

Lost = list[tuple[int, Partitions]]
"""(step, those of its slices that can never be built any more), in plan order."""


class State(Enum):
    OPEN = "open"
    BEGUN = "begun"
    OVER = "over"  # ended well, ended badly, or lost


class Opens(Enum):
    """When a gate does: all parts of the step have ended well, the first has, or some have and all
    have ended."""

    ALL = "all"
    FIRST = "first"
    SOME = "some"


@dataclass(slots=True)
class Part:
    """Some slices of a step, what they still wait for and who waits for them."""

    step: int
    slices: Partitions
    waits: set[int] = field(default_factory=set)
    readers: list[int] = field(default_factory=list)
    state: State = State.OPEN


@dataclass(slots=True)
class Gate:
    """Stands between the parts of a step and those that wait for it. `sound`: there is something of it."""

    opens: Opens
    waits: set[int]
    sound: bool = False
    readers: list[int] = field(default_factory=list)
    state: State = State.OPEN


@dataclass(frozen=True, slots=True)
class Task:
    """A step as the schedule sees it. `chained`: each part reads those before it. `stands`: what it
    writes to is there already, so a reader of other slices need not wait. `stays`: also when all of its
    parts fail."""

    parts: tuple[Partitions, ...]
    roads: dict[int, Road] = field(default_factory=dict)  # to earlier tasks, by their places
    chained: bool = False
    stands: bool = True
    stays: bool = False
    newest_first: bool = False


class Schedule:
    """What may start, what waits for what, and what can never start any more.

    Of one step, one part runs at a time.

    >>> from sqlpipes.core.partitions import Grain
    >>> from sqlpipes.core.reads import Mapped, Reads
    >>> days = tuple(Partitions.of(Grain.DAY, [(i, i + 1)]) for i in range(2))
    >>> same = Road((Reads(Mapped.SAME),), ("day",), ("day",))
    >>> schedule = Schedule([Task(days), Task(days, {0: same})])
    >>> first = schedule.next()
    >>> schedule.next() is None
    True
    >>> schedule.succeeded(first)
    >>> [str(schedule.parts[schedule.next()].slices) for _ in range(2)]
    ['1970-01-02', '1970-01-01']
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = tasks
        self.parts: dict[int, Part] = {}
        self._gates: dict[int, Gate] = {}
        self._gate_of: dict[tuple[int, Opens], int] = {}
        self._of_step: list[list[int]] = []
        self._number = 0
        self._ready: list[list[tuple[tuple[int, str], int]]] = [[] for _ in tasks]
        self._busy: set[int] = set()
        self._shut: set[int] = set()  # busy steps of which a part was put back
        self._queue: list[tuple[int, int]] = []
        heights = _heights([task.roads for task in tasks])
        self._rank = [(-height, step) for step, height in enumerate(heights)]
        for step in range(len(tasks)):
            self._add_step(step)
        for number in self.parts:
            self._offer(number)

    def next(self) -> int | None:
        """A part that can start now; it is yours. None when all wait."""
        while self._queue:
            step = heappop(self._queue)[1]
            ready = self._ready[step]
            while ready and step not in self._busy:
                number = heappop(ready)[1]
                if self.parts[number].state is State.OPEN:
                    self.parts[number].state = State.BEGUN
                    self._busy.add(step)
                    return number
        return None

    def succeeded(self, number: int) -> None:
        """What waited for this part only may start."""
        part = self.parts[number]
        part.state = State.OVER
        self._release(part.step)
        self._let_go(number, part.readers)

    def put_back(self, number: int, *, all_of_it: bool) -> None:
        """A part that was begun cannot start yet. `next` finds it when it was offered again;
        `all_of_it`: and no other part of the step before that."""
        part = self.parts[number]
        part.state = State.OPEN
        if all_of_it:
            self._shut.add(part.step)
        else:
            self._release(part.step)

    def offer_again(self, numbers: Iterable[int]) -> None:
        """Parts that were put back, and are still open."""
        for step in self._shut:
            self._release(step)
        self._shut.clear()
        for number in numbers:
            self._offer(number)

    def split(self, number: int, pieces: Iterable[Partitions]) -> None:
        """A part that was begun becomes several; who waited for it waits for those that it reads."""
        part = self.parts[number]
        part.state = State.OVER
        made: list[int] = []
        for slices in pieces:
            made.append(self._add_part(part.step, slices))
            if self.tasks[part.step].chained and len(made) > 1:
                self._link(made[-2], made[-1])
        for reader in part.readers:
            node = self._node(reader)
            node.waits.discard(number)
            for new in made:
                if node.state is State.OPEN and self._reached(reader, new, self.parts[new].slices):
                    self._link(new, reader)
            self._offer(reader)
        for new in made:
            self._offer(new)
        self._release(part.step)

    def failed(self, number: int, *, all_of_it: bool = False) -> tuple[Partitions, Lost]:
        """The slices that failed, and those that can never start because of it.

        `all_of_it`: every part of the step that has not begun fails with it.
        """
        part = self.parts[number]
        dead = [number]
        if all_of_it:
            own = self._of_step[part.step]
            dead += [each for each in own if self.parts[each].state is State.OPEN]
        gone = together([self.parts[each].slices for each in dead])
        for each in dead:
            self.parts[each].state = State.OVER
        lost = self._lose([(each, self.parts[each].slices, True) for each in dead])
        self._release(part.step)
        return gone, lost

    def give_up(self) -> Lost:
        """Every part that has not started; nothing starts after this."""
        rest: dict[int, list[Partitions]] = {}
        for part in self.parts.values():
            if part.state is State.OPEN:
                part.state = State.OVER
                rest.setdefault(part.step, []).append(part.slices)
        self._queue = []
        return _by_step(rest)

    # -------------------------------------------------------------------------------- the picture

    def _add_step(self, step: int) -> None:
        task = self.tasks[step]
        self._of_step.append([])
        mine = [self._add_part(step, slices) for slices in task.parts]
        if task.chained:
            for one, other in pairwise(mine):
                self._link(one, other)
        for other_step, road in task.roads.items():
            self._join(mine, other_step, road)

    def _add_part(self, step: int, slices: Partitions) -> int:
        self._number += 1
        self.parts[self._number] = Part(step, slices)
        self._of_step[step].append(self._number)
        return self._number

    def _join(self, mine: list[int], other: int, road: Road) -> None:
        """Each part of `mine` waits for what it reads of the other step."""
        if road.some:
            gate = self._gate(other, Opens.SOME)
            for own in mine:
                self._link(gate, own)
            return
        edges = None if road.is_whole else self._edges(mine, self._of_step[other], road)
        if edges is not None:
            for theirs, own in edges:
                self._link(theirs, own)
        if edges is None or not self.tasks[other].stands:
            gate = self._gate(other, Opens.ALL if edges is None else Opens.FIRST)
            for own in mine:
                self._link(gate, own)

    def _gate(self, step: int, opens: Opens) -> int:
        if (step, opens) not in self._gate_of:
            self._number += 1
            self._gates[self._number] = Gate(opens, set(), self.tasks[step].stays)
            self._gate_of[step, opens] = self._number
            for part in self._of_step[step]:
                self._link(part, self._number)
        return self._gate_of[step, opens]

    def _edges(
        self, mine: list[int], theirs: list[int], road: Road
    ) -> list[tuple[int, int]] | None:
        """(part that is read, part that reads it); None when there are too many to be worth it."""
        index = _Index([(number, self.parts[number].slices) for number in mine])
        if len(index.hull.rows) * len(theirs) > MOST_ROWS:
            return None
        found: list[tuple[int, int]] = []
        for other in theirs:
            reached = road.reached(index.hull, self.parts[other].slices)
            found += [(other, own) for own in index.meeting(reached)]
            if len(found) > MOST_EDGES:
                return None
        return found

    def _link(self, first: int, then: int) -> None:
        reader = self._node(then)
        if first not in reader.waits:
            reader.waits.add(first)
            self._node(first).readers.append(then)

    def _node(self, number: int) -> Part | Gate:
        return self._gates[number] if number in self._gates else self.parts[number]

    # ------------------------------------------------------------------------------- what happens

    def _offer(self, number: int) -> None:
        """Put a part that waits for nothing any more where `next` finds it; open such a gate."""
        node = self._node(number)
        if node.state is not State.OPEN or node.waits:
            return
        if isinstance(node, Gate):
            node.state = State.OVER
            self._let_go(number, node.readers)
            return
        place, labels = first_slice(node.slices)
        newest = self.tasks[node.step].newest_first
        heappush(self._ready[node.step], ((-place if newest else place, labels), number))
        self._enqueue(node.step)

    def _let_go(self, number: int, readers: Iterable[int]) -> None:
        for reader in readers:
            node = self._node(reader)
            node.waits.discard(number)
            if isinstance(node, Gate):
                node.sound = True
                if node.opens is Opens.FIRST:
                    node.waits.clear()
            self._offer(reader)

    def _release(self, step: int) -> None:
        self._busy.discard(step)
        self._enqueue(step)

    def _enqueue(self, step: int) -> None:
        if self._ready[step] and step not in self._busy:
            heappush(self._queue, self._rank[step])

    def _lose(self, todo: list[tuple[int, Partitions, bool]]) -> Lost:
        """(part, slices that will not be there, whether nothing of it will) -> what is lost below."""
        lost: dict[int, list[Partitions]] = {}
        while todo:
            number, gone, dead = todo.pop()
            for reader in self._node(number).readers:
                node = self._node(reader)
                if node.state is not State.OPEN:
                    continue
                if dead:
                    node.waits.discard(number)
                if isinstance(node, Gate):
                    if node.opens is Opens.SOME and node.sound and not node.waits:
                        self._offer(reader)
                    elif node.opens is Opens.ALL or not node.waits:
                        node.state = State.OVER
                        todo.append((reader, gone, True))
                    continue
                taken = self._reached(reader, number, gone)
                if taken:
                    lost.setdefault(node.step, []).append(taken)
                    rest = node.slices - taken
                    node.state = node.state if rest else State.OVER
                    node.slices = rest or node.slices
                    todo.append((reader, taken, not rest))
                self._offer(reader)
        return _by_step(lost)

    def _reached(self, reader: int, number: int, gone: Partitions) -> Partitions:
        """The slices of a reader that read something of `gone`, slices of the part or gate `number`."""
        node = self._node(reader)
        other = self._node(number)
        if isinstance(node, Gate):
            return gone
        if isinstance(other, Gate) or other.step == node.step:
            return node.slices
        task = self.tasks[node.step]
        taken = task.roads[other.step].reached(node.slices, gone)
        return _onward(node.slices, taken) if task.chained and taken else taken


class _Index:
    """Parts of one step, to be found by the slices that they hold."""

    def __init__(self, parts: list[tuple[int, Partitions]]) -> None:
        self._rows: dict[Labels, list[tuple[int, int, int]]] = {}
        for number, slices in parts:
            for labels, ranges in slices.rows:
                found = self._rows.setdefault(labels, [])
                found += [(low, high, number) for low, high in ranges]
        self._highs: dict[Labels, list[int]] = {}
        for labels, found in self._rows.items():
            found.sort()
            self._highs[labels] = [high for _, high, _ in found]
        axis = parts[0][1].axis
        spans = ((labels, [_span(found)]) for labels, found in self._rows.items())
        self.hull = Partitions.of_rows(axis, spans)

    def meeting(self, slices: Partitions) -> set[int]:
        found: set[int] = set()
        for labels, ranges in slices.rows:
            held = self._rows.get(labels, [])
            for low, high in ranges:
                for i in range(bisect_right(self._highs[labels], low), len(held)):
                    if held[i][0] >= high:
                        break
                    found.add(held[i][2])
        return found


def _span(found: list[tuple[int, int, int]]) -> Range:
    return found[0][0], found[-1][1]


def _onward(slices: Partitions, taken: Partitions) -> Partitions:
    """Of an asset that reads itself: what is lost, and all that comes after it."""
    if isinstance(first_of(slices.axis), WholeAxis):
        return slices
    begin = taken.ranges[0][0]
    rows = (
        (labels, [(max(low, begin), high) for low, high in ranges])
        for labels, ranges in slices.rows
    )
    return Partitions.of_rows(slices.axis, rows)


def _by_step(found: dict[int, list[Partitions]]) -> Lost:
    return [(step, together(found[step])) for step in sorted(found)]


def _heights(roads: Sequence[dict[int, Road]]) -> Iterator[int]:
    """The number of steps on the longest chain that starts at each. Plan order is a valid order."""
    heights = [1] * len(roads)
    for step in range(len(roads) - 1, -1, -1):
        for other in roads[step]:
            heights[other] = max(heights[other], heights[step] + 1)
    yield from heights

"""The resources of a run: opened once, shared, closed in reverse, and told when they cannot be."""

from __future__ import annotations

import contextlib
import threading

import pytest

from sqlpipes.core.errors import EngineError, Location, ProjectError
from sqlpipes.core.resource import ReadyResource, Resource, ResourceField
from sqlpipes.core.retry import Retry
from sqlpipes.run.job import Stopped
from sqlpipes.run.resources import Resources, set_up

AT = Location("models/r.py", 3)


def ready(name, make, values=None, retry=None, **needs):
    fields = tuple(ResourceField(key, "", AT, needs=other) for key, other in needs.items())
    own = Resource(name, AT, lambda: make, dict, fields, retry=retry or Retry())
    return ReadyResource(own, values or {})


def pool(*known):
    return Resources({each.resource.name: each for each in known}, "/nowhere")


def test_what_one_needs_is_opened_before_it_and_closed_after_it():
    said = []

    def base(url):
        said.append("open base")
        yield url
        said.append("close base")

    def api(base):
        said.append("open api")
        yield f"api of {base}"
        said.append("close api")

    run = pool(ready("base", base, {"url": "x"}), ready("api", api, base="base"))
    assert run.get("api") == "api of x"
    assert run.get("api") is run.get("api")
    assert run.close() == ()
    assert said == ["open base", "open api", "close api", "close base"]


def test_what_nobody_wants_is_never_opened():
    run = pool(ready("api", lambda: 1 / 0))
    assert run.close() == ()


def test_many_threads_share_one():
    opened, gate = [], threading.Barrier(8)

    def api():
        opened.append(1)
        yield object()

    run = pool(ready("api", api))
    found = []

    def want():
        gate.wait()
        found.append(run.get("api"))

    threads = [threading.Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_what_cannot_be_opened_fails_all_who_want_it_and_is_tried_once():
    tries = []

    def api():
        tries.append(1)
        raise ConnectionError("no route")
        yield

    run = pool(ready("api", api), ready("top", lambda api: api, api="api"))
    for name in ("api", "api", "top"):
        with pytest.raises(
            EngineError, match="RES008 the resource 'api' could not be set up: Conn"
        ):
            run.get(name)
    assert len(tries) == 1
    assert run.close() == ()


def test_its_own_retries_are_of_setting_it_up():
    tries = []

    def api():
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError("no route")
        yield "there"

    run = pool(ready("api", api, retry=Retry(2, pause_s=0)))
    assert run.get("api") == "there"
    assert len(tries) == 3


def test_one_that_does_not_close_is_told_and_the_others_are_closed():
    said = []

    def first():
        yield 1
        said.append("first is closed")

    def second():
        yield 2
        print("the last words")
        raise OSError("cannot flush")

    run = pool(ready("first", first), ready("second", second))
    run.get("first"), run.get("second")
    (problem,) = run.close()
    assert problem.code == "RES009"
    assert not problem.is_error
    assert problem.message == "the resource 'second' could not be closed: OSError: cannot flush"
    assert said == ["first is closed"]


class Manager:
    def __init__(self):
        self.said = []

    def __enter__(self):
        self.said.append("enter")
        return "entered"

    def __exit__(self, *fault):
        self.said.append(f"exit {fault[0]}")


class Half:
    def __init__(self):
        self.said = []

    def setup(self):
        raise ValueError("half of it")

    def close(self):
        self.said.append("closed")


def test_a_class_is_entered_and_left():
    managers = []

    class Kept(Manager):
        def __init__(self):
            super().__init__()
            managers.append(self)

    value, undo = set_up(Kept, {})
    undo()
    assert value == "entered"
    assert managers[0].said == ["enter", "exit None"]


def test_what_was_set_up_by_half_is_closed():
    made = []

    class Kept(Half):
        def __init__(self):
            super().__init__()
            made.append(self)

    with pytest.raises(ValueError, match="half of it"):
        set_up(Kept, {})
    assert made[0].said == ["closed"]


def test_a_contextmanager_is_one_and_a_connection_that_is_returned_is_left_alone():
    said = []

    @contextlib.contextmanager
    def api():
        yield "inside"
        said.append("left")

    value, undo = set_up(api, {})
    undo()
    assert (value, said) == ("inside", ["left"])
    manager = Manager()
    assert set_up(lambda: manager, {}) == (manager, None)
    assert manager.said == []


@pytest.mark.parametrize("times", [0, 2])
def test_a_generator_has_to_yield_once(times):
    def api():
        for _ in range(times):
            yield 1

    run = pool(ready("api", api))
    if times == 0:
        with pytest.raises(EngineError, match="it yielded nothing"):
            run.get("api")
    else:
        run.get("api")
        assert "yielded a second time" in run.close()[0].message


def test_who_waits_for_another_thread_may_be_stopped():
    began, gate = threading.Event(), threading.Event()

    def api():
        began.set()
        gate.wait(20)
        yield 1

    def stop():
        raise Stopped

    run = pool(ready("api", api))
    thread = threading.Thread(target=run.get, args=["api"])
    thread.start()
    began.wait(20)
    with pytest.raises(Stopped):
        run.get("api", stop)
    gate.set()
    thread.join()
    assert run.get("api") == 1


def test_one_that_comes_back_after_the_end_is_closed_at_once():
    began, gate, said = threading.Event(), threading.Event(), []

    def api():
        began.set()
        gate.wait(20)
        yield 1
        said.append("closed")

    run = pool(ready("api", api))
    thread = threading.Thread(target=run.get, args=["api"])
    thread.start()
    began.wait(20)
    assert run.close() == ()
    gate.set()
    thread.join()
    assert said == ["closed"]


def test_a_resource_that_nobody_made_ready_is_refused():
    with pytest.raises(ProjectError, match="RES010"):
        pool().get("api")


def test_a_set_up_that_exits_the_process_is_a_fault_of_the_resource():
    def api():
        raise SystemExit(3)

    with pytest.raises(EngineError, match="could not be set up: SystemExit: 3"):
        pool(ready("api", api, retry=Retry(3))).get("api")

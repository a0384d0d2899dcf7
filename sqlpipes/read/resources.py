"""The resources of all files + what configures them -> Resources, and who is given which of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlpipes.core.asset import Asset, Check, PythonBody
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, did_you_mean
from sqlpipes.core.resource import Resource, ResourceField
from sqlpipes.core.retry import Retry
from sqlpipes.read.braces import Names
from sqlpipes.read.python import ReadResource
from sqlpipes.read.python.found import FoundResource
from sqlpipes.read.resource_config import Said, said_of, strange_fields, strangers, typed_values

Classes = Mapping[str, Sequence[str]]  # the identity of a class -> the names of its resources


@dataclass(frozen=True, slots=True)
class Given:
    """All resources of a project by name, and by the class that they are of."""

    resources: Mapping[str, Resource]
    classes: Classes


def read_resources(
    read: Iterable[ReadResource],
    layers: Sequence[Any],
    names: Names,
    problems: list[Problem],
    *,
    complete: bool,
) -> Given:
    """`layers`: the nodes under `resources:`, from weak to strong. Not `complete`: a file could not be
    imported, so that a name that nobody declares may be its."""
    every = list(read)
    unique, doubled = _unique(every, problems)
    classes: dict[str, list[str]] = {}
    for found in dict.fromkeys((each.found.identity, each.found.name) for each in every):
        classes.setdefault(found[0], []).append(found[1])
    said = said_of(layers, problems)
    if complete:
        problems += strangers(said, list(unique))
    resources = {}
    for name, each in unique.items():
        faults: list[Problem] = []
        own = said.get(name, Said())
        resources[name] = _resource(each, own, classes, list(unique), names, faults)
        problems += faults if name not in doubled else []  # which of the two is meant is not known
    problems += _circles(resources)
    return Given(resources, classes)


def with_given(given: Given, things: Mapping[str, Any], problems: list[Problem]) -> Given:
    """The same with things that somebody has made in place of resources, such as a test."""
    changed: dict[str, Resource] = {}
    for name, thing in things.items():
        if name in given.resources:
            load = partial(partial, _itself, thing)
            changed[name] = replace(
                given.resources[name], load=load, values=dict, fields=(), is_given=True
            )
        else:
            hint = did_you_mean(name, given.resources)
            problems.append(Problem("RES001", f"there is no resource '{name}'", hint=hint))
    return replace(given, resources={**given.resources, **changed}) if changed else given


def _itself(given: Any) -> Any:
    return given


def _unique(
    read: Iterable[ReadResource], problems: list[Problem]
) -> tuple[dict[str, ReadResource], set[str]]:
    """By name, and the names of several. One that several files import is one."""
    unique: dict[str, ReadResource] = {}
    doubled: set[str] = set()
    for each in read:
        first = unique.setdefault(each.found.name, each)
        if first.found.identity != each.found.identity or _at(first.found) != _at(each.found):
            message = f"the resource '{each.found.name}' is defined twice: here and in "
            message += str(_at(first.found))
            hint = "give one of the two a name: @resource(name='...')"
            others = (_at(first.found),)
            problems.append(Problem("DUP003", message, _at(each.found), hint, others=others))
            doubled.add(each.found.name)
    return unique, doubled


def _at(found: FoundResource) -> Location:
    return Location(found.file, *found.at)


def _resource(
    read: ReadResource,
    said: Said,
    classes: Classes,
    known: Sequence[str],
    names: Names,
    problems: list[Problem],
) -> Resource:
    found, faults = read.found, list[Problem]()
    fields = tuple(_field(each, found, classes, known, faults) for each in found.fields)
    faults += strange_fields(found.name, said, fields, found.is_given)
    problems += faults
    values: Callable[[], Mapping[str, Any]] = partial(
        typed_values, found.name, said, fields, names, read.load
    )
    return Resource(
        name=found.name,
        at=_at(found),
        load=read.load,
        values=dict if found.is_given else values,
        fields=fields,
        description=found.description,
        retry=Retry(*found.retry),
        configured=tuple(said.fields),
        missing=said.missing(names.environ),
        is_given=found.is_given,
    )


def _field(
    said: Sequence[Any],
    found: FoundResource,
    classes: Classes,
    known: Sequence[str],
    problems: list[Problem],
) -> ResourceField:
    name, written, required, secret, identity, _, *place = said
    at, needs = Location(*place), None
    if identity:
        needs = _of_class(name, identity, classes, at, problems)
    elif not written and required and name in known and name != found.name:
        needs = name  # a parameter without a type, of a resource's name
    return ResourceField(name, written, at, required, secret, needs)


def _of_class(
    parameter: str, identity: str, classes: Classes, at: Location, problems: list[Problem]
) -> str | None:
    """The resource that a parameter with a resource's class means."""
    names = classes.get(identity, ())
    if len(names) == 1 or parameter in names:
        return parameter if parameter in names else names[0]
    what = identity.rpartition(":")[2]
    if not names:
        message = f"{what} is a resource that nobody declares"
        hint = "list it: Definitions(resources=[...]), or import it into the file"
    else:
        message = f"there are several resources of the class {what}"
        hint = f"call the parameter like one of them: {', '.join(names)}"
    problems.append(Problem("RES006", message, at, hint))
    return None


def _circles(resources: Mapping[str, Resource]) -> list[Problem]:
    """RES007 for resources that wait for each other."""
    found: list[Problem] = []
    done: set[str] = set()

    def follow(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = (*path[path.index(name) :], name)
            if not done & {*circle}:
                message = f"resources need each other in a circle: {' -> '.join(circle)}"
                found.append(Problem("RES007", message, resources[name].at))
            done.update(circle)
            return
        if name in done or name not in resources:
            return
        for other in resources[name].needs.values():
            follow(other, (*path, name))
        done.add(name)

    for name in resources:
        follow(name, ())
    return found


def with_resources(
    assets: Sequence[Asset], checks: Sequence[Check], given: Given, problems: list[Problem]
) -> tuple[list[Asset], list[Check]]:
    """Assets and checks with each parameter that means a resource told from those that mean assets."""
    by_name = {asset.name: asset for asset in assets}
    resolve = _Resolver(by_name, given, problems)
    return [resolve.asset(asset) for asset in assets], [resolve.check(check) for check in checks]


@dataclass(frozen=True, slots=True)
class _Resolver:
    assets: Mapping[str, Asset]
    given: Given
    problems: list[Problem]

    def asset(self, asset: Asset) -> Asset:
        if not isinstance(asset.body, PythonBody):
            return asset
        places = {each.name: each.at for each in asset.depends_on if each.at}
        body = self.body(asset.body, places, asset.at)
        if body is asset.body:
            return asset
        left = (
            d for d in asset.depends_on if d.name not in body.resources or d.name in self.assets
        )
        return replace(asset, body=body, depends_on=tuple(left))

    def check(self, check: Check) -> Check:
        if check.function is None:
            return check
        body = self.body(check.function, {}, check.at or Location("?"))
        if body is check.function:
            return check
        left = (n for n in check.inputs if n not in body.resources or n in self.assets)
        return replace(check, function=body, inputs=tuple(left))

    def body(self, body: PythonBody, places: Mapping[str, Location], at: Location) -> PythonBody:
        found: dict[str, str] = {}
        for parameter, identity in body.resources.items():
            name = _of_class(parameter, identity, self.given.classes, at, self.problems)
            if name is not None:
                found[parameter] = name
        for parameter in body.parameters:
            resource = self.given.resources.get(parameter)
            if resource is None:
                continue
            if parameter in self.assets:
                self.both(parameter, resource, places.get(parameter, at))
            found[parameter] = parameter
        if not found and not body.resources:
            return body
        inputs = tuple(name for name in body.parameters if name not in found)
        return replace(body, parameters=inputs, resources=found)

    def both(self, name: str, resource: Resource, at: Location) -> None:
        asset = self.assets[name]
        message = f"'{name}' is an asset in {asset.at} and a resource in {resource.at}"
        hint = "name the resource's class as the parameter's type, or rename one of the two"
        others = (asset.at, resource.at)
        self.problems.append(Problem("RES005", message, at, hint, others=others))

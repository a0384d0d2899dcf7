"""The standard library's `dataclass`, whose methods are compiled when they are first called.

The standard one writes and compiles six functions for each class as it is imported, half a millisecond in
all. A command has hundreds of classes and uses a few: that was a fifth of what every command cost. Fields,
slots and what asks for them (`fields`, `replace`, `asdict`) are the standard's; only the functions are made
later, with the same meaning. `InitVar` has none here; order, and classes without slots, are the standard's.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    from collections.abc import Callable, Iterable
    from dataclasses import MISSING, Field, FrozenInstanceError, fields
    from reprlib import recursive_repr
    from typing import Any

    Made = type
    Method = Callable[..., Any]

    def dataclass(cls=None, /, *, frozen=False, eq=True, slots=False, **more):
        """As in `dataclasses`."""

        def decorate(cls: type) -> Made:
            if more.keys() - {"kw_only"} or not slots:
                return dataclasses.dataclass(cls, frozen=frozen, eq=eq, slots=slots, **more)
            return _made(cls, frozen, eq, **more)

        return decorate if cls is None else decorate(cls)

    def _made(cls: type, frozen: bool, eq: bool, **more: bool) -> Made:
        if cls.__doc__ is None:
            cls.__doc__ = (
                cls.__name__
            )  # or the standard's asks for the signature of a function to come
        own = dict(cls.__dict__)
        made = dataclasses.dataclass(cls, init=False, repr=False, eq=False, slots=True, **more)
        methods: dict[str, Method] = {
            "__repr__": _repr,
            "__init__": _later("__init__", _init, made),
        }
        if eq:
            methods["__eq__"] = _later("__eq__", _eq, made)
            methods["__hash__"] = _later("__hash__", _hash, made) if frozen else None
        if frozen:
            methods |= {"__setattr__": _setattr, "__delattr__": _delattr}
            methods |= {"__getstate__": _getstate, "__setstate__": _setstate}
        for name, method in methods.items():
            if own.get(name) is None:  # a class with an __eq__ of its own has None for its hash
                setattr(made, name, method)
        return made

    def _later(name: str, make: Callable[[Made], Method], made: Made) -> Method:
        """A method that puts the real one in its place."""

        def first(self, *given, **named):
            real = make(made)
            setattr(made, name, real)
            return real(self, *given, **named)

        first.__name__, first.__qualname__ = name, f"{made.__qualname__}.{name}"
        return first

    def _init(made: Made) -> Method:
        scope: dict[str, Any] = {"MISSING": MISSING}
        listed, named, body = ["self"], [], []
        for each in fields(made):
            name = each.name
            scope[f"set_{name}"] = getattr(
                made, name
            ).__set__  # of the slot: it knows of no freezing
            value = _argument(each, named if each.kw_only else listed, scope)
            if value is not None:
                body.append(f" set_{name}(self, {value})")
        if hasattr(made, "__post_init__"):
            body.append(" self.__post_init__()")
        listed += ["*", *named] if named else []
        return _compiled(made, f"__init__({', '.join(listed)})", body or [" pass"], scope)

    def _argument(each: Field, listed: list[str], scope: dict[str, Any]) -> str | None:
        """Adds the field to the parameters and its default to the scope; what is to be set; None: nothing."""
        name = each.name
        if each.default is not MISSING:
            scope[f"default_{name}"] = each.default
            listed += [f"{name}=default_{name}"] if each.init else []
            return name if each.init else f"default_{name}"
        if each.default_factory is not MISSING:
            scope[f"make_{name}"] = each.default_factory
            listed += [f"{name}=MISSING"] if each.init else []
            made = f"make_{name}()"
            return f"{made} if {name} is MISSING else {name}" if each.init else made
        listed += [name] if each.init else []
        return name if each.init else None

    def _eq(made: Made) -> Method:
        names = [each.name for each in fields(made) if each.compare]
        same = f"  return {_values('self', names)} == {_values('other', names)}"
        body = [" if other.__class__ is self.__class__:", same, " return NotImplemented"]
        return _compiled(made, "__eq__(self, other)", body, {})

    def _hash(made: Made) -> Method:
        known = [e.name for e in fields(made) if (e.compare if e.hash is None else e.hash)]
        return _compiled(made, "__hash__(self)", [f" return hash({_values('self', known)})"], {})

    def _values(who: str, names: Iterable[str]) -> str:
        return f"({''.join(f'{who}.{name}, ' for name in names)})"

    def _compiled(made: Made, head: str, body: list[str], scope: dict[str, Any]) -> Method:
        exec("\n".join([f"def {head}:", *body]), scope)
        name = head.partition("(")[0]
        scope[name].__qualname__ = f"{made.__qualname__}.{name}"
        return scope[name]

    @recursive_repr()
    def _repr(self):
        shown = (f"{e.name}={getattr(self, e.name)!r}" for e in fields(self) if e.repr)
        return f"{self.__class__.__qualname__}({', '.join(shown)})"

    def _setattr(self, name, value):
        _refuse(self, "assign to", name)
        object.__setattr__(self, name, value)

    def _delattr(self, name):
        _refuse(self, "delete", name)
        object.__delattr__(self, name)

    def _refuse(self, what: str, name: str) -> None:
        """A subclass that is no dataclass may have attributes of its own."""
        if "__dataclass_fields__" in type(self).__dict__ or name in self.__dataclass_fields__:
            raise FrozenInstanceError(f"cannot {what} field {name!r}")

    def _getstate(self):
        return [getattr(self, each.name) for each in fields(self)]

    def _setstate(self, state):
        for each, value in zip(fields(self), state, strict=True):
            object.__setattr__(self, each.name, value)

"""A folder -> a Reading. Faults in the user's files are collected; what is sound is read all the same."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from sqlpipes.core.asset import Asset, Check
from sqlpipes.core.config import NOTHING, Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, ProjectError, Severity, did_you_mean
from sqlpipes.core.garbage import resting
from sqlpipes.core.hiding import hidden_in, hidden_in_environ, matches, worth_hiding
from sqlpipes.core.sql import Relation
from sqlpipes.read.braces import Asked
from sqlpipes.read.cache import Cache, open_cache, problems_from_json, save_cache
from sqlpipes.read.checks import distinct
from sqlpipes.read.conditions import with_conditions
from sqlpipes.read.configured import Choice, Configured, configure
from sqlpipes.read.file_inputs import reader_of, with_file_inputs, with_makers
from sqlpipes.read.files import FORMATS, File, one_file, walk_all
from sqlpipes.read.foreign import foreign_snapshots
from sqlpipes.read.marked import Node, node_of
from sqlpipes.read.observers import Observer
from sqlpipes.read.profiles import spoken_elsewhere
from sqlpipes.read.project_file import is_project_file
from sqlpipes.read.properties import Properties, entry_name, has_unit_tests, read_properties
from sqlpipes.read.reading import Model, Reading
from sqlpipes.read.recalled import recalled
from sqlpipes.read.strays import sound_selectors, stray_problems

if TYPE_CHECKING:
    from sqlpipes.core.definitions import Definitions
    from sqlpipes.core.job import Hooks, Job
    from sqlpipes.core.outlet import Outlet
    from sqlpipes.core.sensor import Sensor
    from sqlpipes.core.unit_test import UnitTest
    from sqlpipes.read.python import PythonFile, ReadResource
    from sqlpipes.read.python.found import FoundSql
    from sqlpipes.read.resources import Given

ROOT_FILES = ("selectors.yml", "selectors.yaml", "jobs.yml", "jobs.yaml")
WORTH_A_HELPER = 300  # new queries: it needs as long to begin as reading half of them takes
TEST_DATA = ("tests/fixtures",)  # where samples are looked for, whatever folders hold the checks


def read_project(
    root: str,
    *,
    target: str | None = None,
    profile: str | None = None,
    profiles_dir: str | None = None,
    vars: Mapping[str, Plain] = NOTHING,
    environ: Mapping[str, str],
    cache: bool = True,
    placed: Mapping[str, Relation] | None = None,
    definitions: Definitions | None = None,
    resources: Mapping[str, Any] = NOTHING,
    own_target: bool = False,
    processes: int = 1,
) -> Reading:
    """Read the project in `root`. Faults of its files are in `Reading.problems`, never raised.

    `definitions`: these are the project, and no file of the folder but what configures it.
    `resources`: name -> fields of it, over what configures it, or the thing itself. `own_target`: it is
    built into a DuckDB file of the folder, whatever profiles there are.

    `placed`: asset -> a relation to read it with instead of its own, as if it were written there.

    `processes`: how many may read a project of hundreds of models that nobody has read yet.

    Raises ProjectError when there is no project to speak of: no such folder (PRJ001), no such
    profile (PRF001) or target (PRF002), an output that is wrong (PRF003).
    """
    if not os.path.isdir(root):
        raise ProjectError(Problem("PRJ001", f"there is no folder {root}"))
    root, problems, asked = os.path.abspath(root), list[Problem](), Asked(environ)
    choice = Choice(target, profile, profiles_dir, dict(vars), asked, own_target)
    with resting():
        kept = open_cache(root, enabled=cache)
        stands = configure(root, choice, kept, problems, placed or {})
        work = _Work(root, kept, stands, problems, asked, processes)
        found = (
            work.read_memory(definitions, resources)
            if definitions is not None
            else work.read(resources)
        )
        save_cache(kept, found.secrets)
        work.recalled.save(found.secrets)
        return found


@dataclass(slots=True)
class _Found:
    """What has been read so far."""

    models: list[Model] = field(default_factory=list)
    seeds: list[Asset] = field(default_factory=list)
    sources: list[Asset] = field(default_factory=list)
    python: list[Asset] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    resources: list[ReadResource] = field(default_factory=list)
    observers: list[Observer] = field(default_factory=list)
    unit_tests: list[UnitTest] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    sensors: list[Sensor] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)  # also those that are not enabled


class _Work:
    """The work of `read_project`, in its order. It lives for one call."""

    def __init__(
        self,
        root: str,
        cache: Cache,
        stands: Configured,
        problems: list[Problem],
        environ: Asked,
        processes: int,
    ) -> None:
        self.environ = environ
        self.processes = processes
        self.root = root
        self.cache = cache
        self.config, self.target = stands.config, stands.target
        self.ground, self.templates = stands.ground, stands.templates
        self.resource_layers, self.targets = stands.resources, stands.targets
        self.hooks_node, self.hidden = stands.hooks, stands.hidden
        self.outlet_node = stands.openlineage
        self.problems = problems
        self.recalled = recalled(root, self.ground, cache)
        self.found = _Found()

    def files(self, folders: Iterable[str]) -> list[File]:
        return walk_all(self.root, folders, self.problems)

    def check_files(self) -> list[File]:
        """Files of the check folders, less what stands in a folder `fixtures` that is not listed."""
        found: dict[str, File] = {}
        for folder in self.config.check_paths:
            for file in self.files([folder]):
                if "fixtures" not in file.folder.removeprefix(folder).split("/"):
                    found[file.path] = file
        return list(found.values())

    def read(self, given: Mapping[str, Any]) -> Reading:
        model_files = self.files(self.config.model_paths)
        seed_files = self.files(self.config.seed_paths)
        check_files = self.check_files()
        inside = {file.path for file in (*model_files, *seed_files)}
        properties = self.read_properties(
            [*model_files, *seed_files, *self.yaml_of_tests(check_files)]
        )
        self.read_models(model_files, properties)
        self.read_python(model_files, properties)
        self.read_components(model_files, properties)
        self.read_seeds(seed_files, properties)
        self.read_sources(properties)
        self.read_checks([file for file in check_files if file.path not in inside])
        self.read_unit_tests(properties)
        self.read_jobs(properties)
        self.problems += foreign_snapshots(self.root, inside)
        seeds = {seed.name for seed in self.found.seeds}
        self.problems += stray_problems(properties, self.found.known, seeds)
        return self.reading(properties, given)

    def read_memory(self, definitions: Definitions, given: Mapping[str, Any]) -> Reading:
        from sqlpipes.read.python.memory import read_definitions

        properties = Properties()
        self.take_python(read_definitions(definitions, self.ground), properties)
        self.read_sources(properties)
        self.read_jobs(properties)
        return self.reading(properties, given)

    def read_properties(self, files: Sequence[File]) -> Properties:
        listed = {
            f.path: f for f in files if f.suffix in ("yml", "yaml") and not is_project_file(f)
        }
        for name in ROOT_FILES:
            if name not in listed and (file := one_file(self.root, name)):
                listed[name] = file
        return read_properties(listed.values(), self.cache, self.problems)

    def read_models(self, files: Sequence[File], properties: Properties) -> None:
        entries = _by_name(properties.models)
        with self.helped(files):
            for file in files:
                if file.suffix != "sql":
                    continue
                self.found.known.add(file.stem)
                told = entries.get(file.stem, ())
                found = self.recalled.model(file, told, self.problems)
                model = found or self.read_model(file, told)
                self.found.models += [model] if model else []

    def helped(self, files: Iterable[File]) -> AbstractContextManager[None]:
        new = [file for file in files if file.suffix == "sql" and not self.cache.has(file, "sql")]
        helpers = min(self.processes - 1, len(new) // WORTH_A_HELPER)
        if not helpers:
            return nullcontext()
        from sqlpipes.read.helping import helped

        return helped(new, self.cache, self.templates.dialect, helpers)

    def read_model(self, file: File, told: Sequence[Node]) -> Model | None:
        from sqlpipes.read.models import read_model
        from sqlpipes.read.queries import read_query

        problems: list[Problem] = []
        query = read_query(file, self.cache, self.templates, problems)
        model = read_model(file, query, told, self.ground, problems) if query else None
        if query and model:
            self.recalled.note_model(file, told, query.front, model, problems)
        self.problems += problems
        return model

    def read_python(self, files: Iterable[File], properties: Properties) -> None:
        entries = _by_name(properties.models)
        for file in files:
            if file.suffix != "py" or not _defines_assets(file, self.cache, self.problems):
                continue
            from sqlpipes.read.python import read_python

            self.take_python(read_python(file.absolute, self.ground), properties, entries)

    def take_python(
        self,
        found: PythonFile,
        properties: Properties,
        entries: Mapping[str, list[Node]] = NOTHING,  # type: ignore[assignment]
    ) -> None:
        from sqlpipes.read.python.described import redescribed

        self.problems += found.problems
        self.found.checks += found.checks
        self.found.resources += found.resources
        self.found.sensors += found.sensors
        self.found.observers += found.observers
        self.found.known.update(asset.name for asset in found.assets)
        for query in found.queries:
            self.found.known.add(query.name)
            model = self.made(query, entries.get(query.name, ()))
            self.found.models += [model] if model else []
        for section, entry in found.entries:
            getattr(properties, section).append(entry)
        self.found.python += [
            redescribed(asset, entries[asset.name], self.ground, self.problems)
            if asset.name in entries
            else asset
            for asset in found.assets
        ]

    def read_components(self, files: Sequence[File], properties: Properties) -> None:
        """What components declare is read as what stands in files: functions, queries, entries."""
        if not properties.components:
            return
        from sqlpipes.read.components import catalog_of, read_components
        from sqlpipes.read.components.declaring import declared
        from sqlpipes.read.python.described import redescribed

        self.recalled.only_yaml = False
        catalog = catalog_of(files, self.cache)
        ways = (self.ground, self.cache, self.problems)
        for component in read_components(properties.components, catalog, *ways):
            made = declared(component, self.ground, self.problems)
            self.found.known.update(made.names)
            self.found.secrets += component.secrets
            self.found.checks += made.checks
            for section, entry in made.entries:
                getattr(properties, section).append(entry)
            entries = _by_name(properties.models)
            for asset, over in made.assets:
                told = [*entries.get(asset.name, ()), *over]
                self.found.python.append(
                    redescribed(asset, told, self.ground, self.problems) if told else asset
                )
            for query, over in made.queries:
                model = self.made(query, entries.get(query.name, ()), over)
                self.found.models += [model] if model else []

    def made(
        self, query: FoundSql, entries: Sequence[Node], over: Sequence[Node] = ()
    ) -> Model | None:
        from sqlpipes.read.made import read_made

        ways = (self.cache, self.templates)
        return read_made(query, entries, over, self.ground, *ways, self.problems)

    def read_seeds(self, files: Iterable[File], properties: Properties) -> None:
        entries = _by_name(properties.seeds)
        for file in files:
            if file.suffix in FORMATS:
                self.found.known.add(file.stem)
                told = entries.get(file.stem, ())
                seed = self.recalled.seed(file, told, self.problems) or self.read_seed(file, told)
                self.found.seeds += [seed] if seed else []

    def read_seed(self, file: File, told: Sequence[Node]) -> Asset | None:
        from sqlpipes.read.seeds import read_seed

        problems: list[Problem] = []
        found = read_seed(file, told, self.ground, self.cache, problems)
        self.problems += problems
        if found:
            self.recalled.note_seed(file, found[0], told, found[1], problems)
        return found[1] if found else None

    def read_sources(self, properties: Properties) -> None:
        """After the Python files, which may observe what YAML declares."""
        told, observers = properties.sources, self.found.observers
        if not told and not observers:
            return
        recalled = None if observers else self.recalled.sources(self.root, told, self.problems)
        if recalled is not None:
            self.found.sources += recalled
            return
        from sqlpipes.read.sources import read_sources

        problems: list[Problem] = []
        sources = read_sources(told, self.ground, problems, observers)
        self.found.sources += sources
        self.problems += problems
        if not observers:
            self.recalled.note_sources(self.root, told, sources, problems)

    def read_checks(self, files: Iterable[File]) -> None:
        for file in files:
            if file.suffix == "sql":
                from sqlpipes.read.queries import read_query
                from sqlpipes.read.sql_checks import read_sql_check

                query = read_query(file, self.cache, self.templates, self.problems)
                check = read_sql_check(query, self.ground, self.problems) if query else None
                self.found.checks += [check] if check else []

    def yaml_of_tests(self, files: Iterable[File]) -> list[File]:
        """Of the YAML files in the check folders, which may be anybody's, those with unit tests."""
        found = [
            file for file in files if file.suffix in ("yml", "yaml") and not is_project_file(file)
        ]
        return [file for file in found if has_unit_tests(file, self.cache)]

    def read_unit_tests(self, properties: Properties) -> None:
        if not properties.unit_tests:
            return
        from sqlpipes.read.unit_tests import Fixtures, read_unit_tests

        fixtures = Fixtures(self.root, tuple(self.files((*self.config.check_paths, *TEST_DATA))))
        self.found.unit_tests += read_unit_tests(properties.unit_tests, fixtures, self.problems)

    def read_jobs(self, properties: Properties) -> None:
        if properties.jobs:
            from sqlpipes.read.jobs import read_jobs

            ways = (self.root, self.ground.names, self.problems, self.cache, self.targets)
            self.found.jobs += read_jobs(properties.jobs, *ways)

    def hooks(self) -> Hooks | None:
        if self.hooks_node is None:
            return None
        from sqlpipes.read.jobs import read_hooks

        return read_hooks(self.hooks_node, self.root, self.ground.names, self.problems)

    def outlet(self) -> Outlet | None:
        environ = self.environ.all
        if self.outlet_node is None and not environ.get("OPENLINEAGE_URL"):
            return None
        from sqlpipes.read.openlineage import read_outlet

        names = replace(self.ground.names, environ=self.environ)
        outlet, secrets = read_outlet(self.outlet_node, self.root, names, environ, self.problems)
        self.found.secrets += secrets
        return outlet

    def reading(self, properties: Properties, given: Mapping[str, Any]) -> Reading:
        found = self.found
        every: list[Model | Asset] = [*found.models, *found.python]
        known = [
            *(each.asset for each in found.models),
            *found.python,
            *found.seeds,
            *found.sources,
        ]
        names = frozenset(asset.name.casefold() for asset in known)
        readers = (reader_of(each, self.root, names) for each in every)
        built, implicit = with_file_inputs(readers, found.sources, self.ground)
        sources = with_makers(found.sources, built, self.root)
        assets = [*built, *found.seeds, *sources, *implicit]
        resources = self.resources(given)
        if resources:
            from sqlpipes.read.resources import with_resources

            assets, found.checks = with_resources(assets, found.checks, resources, self.problems)
        selectors, hooks = sound_selectors(properties.selectors, self.problems), self.hooks()
        outlet = self.outlet()
        asked = [*(c for asset in assets for c in asset.checks), *found.checks]
        secrets = self.secrets(assets)
        self.problems += self.unnamed_secrets()
        checks = distinct(asked, self.problems, secrets)
        checks = with_conditions(checks, assets, self.ground, self.cache)
        return Reading(
            root=self.root,
            config=self.config,
            target=self.target,
            assets=tuple(_with_named_checks(assets, checks)),
            checks=tuple(checks),
            selectors={name: node.value for name, node in selectors.items()},
            selector_places={name: node.at for name, node in selectors.items()},
            facts={model.asset.name: model.facts for model in found.models},
            problems=tuple(dict.fromkeys(self.problems)),
            parsed=self.cache.parsed,
            unit_tests=tuple(found.unit_tests),
            resources=resources.resources if resources else {},
            jobs=tuple(found.jobs),
            hooks=hooks,
            sensors=tuple(found.sensors),
            outlet=outlet,
            secrets=secrets,
            spoken=spoken_elsewhere(self.config.dialect, self.target, self.ground.dialects),
        )

    def unnamed_secrets(self) -> Iterator[Problem]:
        """A warning for each name under `secrets:` that is almost one of something."""
        options = [
            target.options for target in (self.target, *self.target.engines.values()) if target
        ]
        known = [*self.environ.names_asked, *self.config.vars, *(k for one in options for k in one)]
        for pattern in self.config.secrets:
            if (
                "*" in pattern
                or pattern in self.environ.all
                or any(matches(n, pattern) for n in known)
            ):
                continue
            if hint := did_you_mean(pattern, known):
                message = f"`secrets` names '{pattern}', and nothing is called so"
                yield Problem("CFG010", message, hint=hint, severity=Severity.WARNING)

    def secrets(self, assets: Iterable[Asset]) -> tuple[str, ...]:
        """Texts to hide, but none that is in a name: what is recorded under it would be lost."""
        config, target = self.config, self.target
        targets = [target, *filter(None, target.engines.values())]
        found = [
            *self.found.secrets,
            *self.hidden,
            *(t for one in targets for t in hidden_in(dict(one.options), named=config.secrets)),
            *hidden_in(dict(config.vars), named=config.secrets),
            *hidden_in(config.state),
            *hidden_in_environ(self.environ.all, self.environ.names_asked, config.secrets),
        ]
        if not found:
            return ()
        names = [config.name, target.name, target.schema, target.engine, target.catalog or ""]
        keys = ("user", "username", "host")
        names += [str(one.options.get(key, "")) for one in targets for key in keys]
        names += [*target.engines, *(one.schema for one in targets)]
        names += [f"{each.name} {each.relation}" for each in assets]
        return worth_hiding(found, names)

    def resources(self, given: Mapping[str, Any]) -> Given | None:
        """None without any, which is the usual case: then nothing is imported for them."""
        if not self.found.resources and not any(self.resource_layers) and not given:
            return None
        from sqlpipes.read.resources import read_resources, with_given

        said: dict[str, Plain] = {k: v for k, v in given.items() if isinstance(v, dict)}
        things = {name: thing for name, thing in given.items() if name not in said}
        complete = not any(problem.code == "PYT001" for problem in self.problems)
        read = read_resources(
            self.found.resources,
            (*self.resource_layers, node_of("", said)),
            self.ground.names,
            self.problems,
            complete=complete,
        )
        return with_given(read, things, self.problems)


def _by_name(entries: Iterable[Node]) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {}
    for entry in entries:
        found.setdefault(entry_name(entry), []).append(entry)
    return found


def _defines_assets(file: File, cache: Cache, problems: list[Problem]) -> bool:
    facts = cache.facts(file, "py", lambda text, path: {"assets": "sqlpipes" in text})
    problems += problems_from_json(facts.get("problems", []))
    return bool(facts.get("assets"))


def _with_named_checks(assets: Sequence[Asset], checks: Sequence[Check]) -> list[Asset]:
    """The assets with their checks under the names that are unique in the project."""
    by_asset: dict[str, list[Check]] = {}
    for check in checks:
        if check.type != "sql":
            by_asset.setdefault(check.asset, []).append(check)
    return [
        replace(asset, checks=named)
        if asset.checks and (named := tuple(by_asset.get(asset.name, ()))) != asset.checks
        else asset
        for asset in assets
    ]

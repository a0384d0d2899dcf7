"""What users write in Python: decorators, partitions and return values, as plain values.

    @asset(...) def f(orders, context)  ->  AssetFunction: still callable, with `.definition`
    @check(...) def g(orders)           ->  CheckFunction: likewise
    @observe(...) def v()               ->  ObserveFunction: likewise; the version of a source
    source("shop", ...)                 ->  Entry: what YAML says under `sources:`
    @op(...)    def h(day)              ->  OpFunction: likewise; in a build its calls are written down
    @resource   class Api / def api()   ->  the class as a dataclass, or ResourceFunction
    Definitions(assets=[f], checks=[g]) ->  an explicit list, instead of all that a module binds
    job("nightly", cron=..., ...)       ->  Entry of `jobs`
    @sensor(...) def k(context)         ->  SensorFunction: likewise; asked now and then what to build
    sql_asset("paid", "select ...")     ->  SqlAsset: a query that is read as a .sql file is
    @component class Feed: ...          ->  a class whose fields a YAML file fills
    entry("sources", "shop", {...})     ->  Entry: what YAML says under that section

Nothing is registered anywhere: `read` imports the user's module and looks for these objects.
"""

from sqlpipes.core.definitions.assets import Out, asset, assets
from sqlpipes.core.definitions.checks import check
from sqlpipes.core.definitions.components import (
    Building,
    ComponentDefinition,
    FieldError,
    component,
    component_of,
)
from sqlpipes.core.definitions.entries import Entry, entry
from sqlpipes.core.definitions.execution import Execution
from sqlpipes.core.definitions.functions import (
    AssetDefinition,
    AssetFunction,
    AssetsFunction,
    CheckDefinition,
    CheckFunction,
    ObserveDefinition,
    ObserveFunction,
    OpDefinition,
    asset_name,
)
from sqlpipes.core.definitions.jobs import job
from sqlpipes.core.definitions.ops import (
    OpFunction,
    Recorder,
    hand_on,
    op,
    recorded_by,
    recorder_here,
)
from sqlpipes.core.definitions.resources import (
    NamedResource,
    ResourceDefinition,
    ResourceFunction,
    resource,
    resource_definition,
)
from sqlpipes.core.definitions.secret import Secret, has_password, named_secret, secrets_in
from sqlpipes.core.definitions.sensors import (
    Look,
    Run,
    SensorDefinition,
    SensorFunction,
    Skip,
    sensor,
)
from sqlpipes.core.definitions.sources import observe, source
from sqlpipes.core.definitions.sql import SqlAsset, sql_asset
from sqlpipes.core.definitions.values import CheckResult, File, Window
from sqlpipes.core.definitions.whole import Definitions
from sqlpipes.core.retry import Retry

__all__ = [
    "AssetDefinition",
    "AssetFunction",
    "AssetsFunction",
    "Building",
    "CheckDefinition",
    "CheckFunction",
    "CheckResult",
    "ComponentDefinition",
    "Definitions",
    "Entry",
    "Execution",
    "FieldError",
    "File",
    "Look",
    "NamedResource",
    "ObserveDefinition",
    "ObserveFunction",
    "OpDefinition",
    "OpFunction",
    "Out",
    "Recorder",
    "ResourceDefinition",
    "ResourceFunction",
    "Retry",
    "Run",
    "Secret",
    "SensorDefinition",
    "SensorFunction",
    "Skip",
    "SqlAsset",
    "Window",
    "asset",
    "asset_name",
    "assets",
    "check",
    "component",
    "component_of",
    "entry",
    "hand_on",
    "has_password",
    "job",
    "named_secret",
    "observe",
    "op",
    "recorded_by",
    "recorder_here",
    "resource",
    "resource_definition",
    "secrets_in",
    "sensor",
    "source",
    "sql_asset",
]

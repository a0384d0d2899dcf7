"""An endpoint that takes lineage events, well or badly; and a reader that takes only what the spec knows."""

from __future__ import annotations

import json
import ssl
import threading
import typing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, get_args, get_origin, get_type_hints

OWN = ("sqlpipes_run", "sqlpipes_step")


class Endpoint:
    """Answers with each of `answers`, and then with 201; not before it `may_answer`."""

    def __init__(self, *answers: int | tuple[int, str], tls: Any = None) -> None:
        self.may_answer = may_answer = threading.Event()
        may_answer.set()
        self.heard: list[tuple[str, str | None, dict[str, Any]]] = []
        left, heard = list(answers), self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard.append((self.path, self.headers["Authorization"], json.loads(body)))
                may_answer.wait()
                answer = left.pop(0) if left else 201
                self.send_response(answer if isinstance(answer, int) else answer[0])
                if not isinstance(answer, int):
                    self.send_header("Location", answer[1])
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass  # whoever asked has gone

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.scheme = "https" if tls else "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for _, _, event in self.heard]

    def stop(self) -> None:
        self.may_answer.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def read_event(event: dict[str, Any]) -> Any:
    """The event as OpenLineage's own client holds it. Fails on what the spec does not know or misses."""
    from openlineage.client import event_v2

    facets = facet_classes()
    said = json.loads(json.dumps(event))
    assert said.pop("schemaURL") == event_v2.RunEvent._get_schema().replace("BaseEvent", "RunEvent")
    run, job = said["run"], said["job"]
    for owner in (run, job, *said["inputs"], *said["outputs"]):
        for key in ("facets", "inputFacets", "outputFacets"):
            for name, facet in owner.get(key, {}).items():
                read_facet(name, facet, facets)
                if name not in OWN:
                    assert key in where(facets[schema_name(facet)]), (name, key)
            owner.pop(key, None)
    made = {
        "run": event_v2.Run(**run),
        "job": event_v2.Job(**job),
        "inputs": [event_v2.InputDataset(**each) for each in said["inputs"]],
        "outputs": [event_v2.OutputDataset(**each) for each in said["outputs"]],
        "eventType": event_v2.RunState(said.pop("eventType")),
    }
    return event_v2.RunEvent(**{**said, **made})


def read_facet(name: str, facet: dict[str, Any], known: dict[str, type]) -> None:
    if name in OWN:
        assert {"_producer", "_schemaURL"} <= facet.keys()
        return
    cls = known[schema_name(facet)]
    assert facet["_schemaURL"] == cls._get_schema(), name
    read(
        cls, {key: value for key, value in facet.items() if key not in ("_producer", "_schemaURL")}
    )


def schema_name(facet: dict[str, Any]) -> str:
    return str(facet["_schemaURL"].rpartition("/")[2])


def where(cls: type) -> tuple[str, ...]:
    """Which sort of facets it may stand among."""
    sorts = [each.__name__ for each in cls.__mro__]
    if "InputDatasetFacet" in sorts:
        return ("inputFacets",)
    return ("outputFacets",) if "OutputDatasetFacet" in sorts else ("facets",)


def read(cls: Any, value: Any) -> Any:
    """The value as that class, with all below it, and nothing that it does not know."""
    if hasattr(cls, "__attrs_attrs__"):
        hints = get_type_hints(cls, localns=vars(typing))
        names = {each.alias: each.name for each in cls.__attrs_attrs__}
        assert value.keys() <= names.keys(), (cls.__name__, value.keys() - names.keys())
        return cls(**{key: read(hints[names[key]], each) for key, each in value.items()})
    if get_origin(cls) is list:
        return [read(get_args(cls)[0], each) for each in value]
    if get_origin(cls) is dict:
        return {key: read(get_args(cls)[1], each) for key, each in value.items()}
    kinds = [kind for kind in get_args(cls) if kind is not type(None)]
    if kinds:
        return read(kinds[0], value)
    if isinstance(cls, type) and cls in (str, int, bool):
        assert type(value) is cls, (cls, value)
    return value


def facet_classes() -> dict[str, type]:
    import openlineage.client.generated as generated

    found: dict[str, type] = {}
    for module in iter_modules(generated.__path__):
        each = import_module(f"openlineage.client.generated.{module.name}")
        found |= {name: cls for name, cls in vars(each).items() if name.endswith("Facet")}
    return found

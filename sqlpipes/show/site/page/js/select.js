// The part of the selection grammar that needs only the graph: names, globs, folders, +, n+, @, and the
// methods below. Space is "or", comma is "and". What it cannot say is an error in words, never no match.
(function (sp) {
  "use strict";
  const STATES = ["current", "stale", "missing", "failed", "running", "in doubt", "external", "inlined"];
  const HERE = ["tag", "owner", "kind", "group", "path", "state", "name", "fqn", "materialized", "engine"];
  const ELSEWHERE = ["column", "config", "file", "package", "resource_type", "result", "selector", "source",
    "source_status", "stale", "test", "test_name", "test_type", "unit_test"];
  const ATOM = /^(@?)(?:(\d*)(\+))?(.*?)(?:(\+)(\d*))?$/s;
  const QUOTED = /^"((?:[^"]|"")*)"$/s;

  function pattern(text, { folders = false, lower = false } = {}) {
    const any = folders ? "[^/]*" : ".*";
    const body = text.replace(/\*\*|[*?]|[.+^${}()|\\\/]|\[[^\]]*\]/g, (found) => {
      if (found === "**") return ".*";
      if (found === "*") return any;
      if (found === "?") return folders ? "[^/]" : ".";
      return found.startsWith("[") ? found : "\\" + found;
    });
    return new RegExp("^" + body + "$", lower ? "i" : "");
  }

  function named(node, text) {
    const fits = text instanceof RegExp ? text : pattern(text);
    if (fits.test(node.name) || (node.relation && fits.test(node.relation))) return true;
    const parts = node.fqn || []; // a beginning of it, with or without the project
    for (const start of [0, 1])
      for (let end = start + 1; end <= parts.length; end += 1)
        if (fits.test(parts.slice(start, end).join("."))) return true;
    return false;
  }

  const inPath = (node, text) => {
    const wanted = text.replace(/\/$/, "");
    return pattern(wanted, { folders: true }).test(node.path) || pattern(wanted + "/**").test(node.path);
  };
  const METHODS = {
    name: named,
    fqn: named,
    path: inPath,
    tag: (node, text) => node.tags.some((tag) => pattern(text).test(tag)),
    group: (node, text) => pattern(text).test(node.group || ""),
    owner: (node, text) => node.owners.some((owner) => pattern(text, { lower: true }).test(owner)),
    kind: (node, text) => [node.kind, ...node.kinds].some((kind) => pattern(text).test(kind)),
    materialized: (node, text) => pattern(text).test(node.materialized),
    engine: (node, text) => pattern(text).test(node.engine || "default"),
    state: (node, text) => node.state === text.replace(/_/g, " "),
  };

  /** What this page cannot say, though `sqlpipes` can; a server is asked then. */
  const beyond = (words) => Object.assign(new Error(words), { isBeyond: true });

  function matcher(text) {
    const own = QUOTED.exec(text);
    if (own) return (node) => named(node, literal(own[1]));
    const [, method, value] = /^([a-z_.]+):(.*)$/s.exec(text) || [];
    if (method === undefined)
      return text.includes("/") || /\.(sql|py|csv|yml|yaml)$/.test(text)
        ? (node) => inPath(node, text) || node.path.endsWith("/" + text) : (node) => named(node, text);
    if (ELSEWHERE.includes(method) || method.startsWith("config."))
      throw beyond(`'${method}:' cannot be asked on this page; sqlpipes ls -s '${text}' can`);
    if (!HERE.includes(method)) throw new Error(`there is no method '${method}:'; there are ${HERE.join(", ")}`);
    if (!value) throw new Error(`'${method}:' wants a value`);
    if (method === "state" && !STATES.includes(value.replace(/_/g, " "))) {
      const other = /^(new|old|modified|unmodified)/.test(value) ? `; sqlpipes ls -s '${text}' can` : "";
      if (other) throw beyond(`'${text}' compares two versions, which this page cannot${other}`);
      throw new Error(`'${value}' is no state; there are ${STATES.join(", ").replace("in doubt", "in_doubt")}`);
    }
    const held = QUOTED.exec(value);
    if (held && ["name", "fqn"].includes(method)) return (node) => named(node, literal(held[1]));
    if (held) throw beyond(`'${text}': what is quoted after '${method}:' cannot be asked on this page; sqlpipes ls -s can`);
    return (node) => METHODS[method](node, value);
  }

  /** Parted at a mark, outside of quotes. */
  function split(text, mark) {
    const found = [""];
    let isQuoted = false;
    for (const letter of text) {
      if (letter === '"') isQuoted = !isQuoted;
      if (!isQuoted && mark.test(letter)) found.push("");
      else found[found.length - 1] += letter;
    }
    return found;
  }

  /** What stands in quotes means itself. */
  const literal = (text) => new RegExp("^" + text.replace(/""/g, '"').replace(/[.*+?^${}()|[\]\\\/]/g, "\\$&") + "$");

  function reach(start, step, depth) {
    const found = new Set(start);
    let ring = [...start];
    for (let i = 0; i < depth && ring.length; i += 1) {
      const beyond = [];
      for (const at of ring)
        for (const other of step[at])
          if (!found.has(other)) {
            found.add(other);
            beyond.push(other);
          }
      ring = beyond;
    }
    return found;
  }

  function atom(text, graph) {
    const [, at, up, hasUp, body, hasDown, down] = ATOM.exec(text);
    if (!body) throw new Error(`'${text}' names nothing`);
    if (at && (hasUp || hasDown)) throw new Error(`'${text}': @ stands alone, without +`);
    const fits = matcher(body);
    const own = graph.nodes.flatMap((node, i) => (fits(node) ? [i] : []));
    if (!own.length) throw new Error(`'${body}' matches no asset`);
    const hops = (said) => (said ? Number(said) : Infinity);
    if (at) return reach(reach(own, graph.readers, Infinity), graph.inputs, Infinity);
    const found = new Set(own);
    if (hasUp) reach(own, graph.inputs, hops(up)).forEach((i) => found.add(i));
    if (hasDown) reach(own, graph.readers, hops(down)).forEach((i) => found.add(i));
    return found;
  }

  /** text -> Set of numbers of nodes; null: everything. Throws Error with what is wrong, in words. */
  function select(text, graph) {
    if (!text.trim()) return null;
    if (text.split('"').length % 2 === 0) throw new Error("a quote is never closed");
    const terms = split(text, /\s/).filter(Boolean);
    const found = new Set();
    for (const term of terms) {
      const sets = split(term, /,/).map((each) => atom(each, graph));
      for (const i of sets[0]) if (sets.every((set) => set.has(i))) found.add(i);
    }
    if (!found.size) throw new Error("no asset matches all of this");
    return found;
  }

  /** The graph document with who reads whom by number, in both directions. */
  function linked(document) {
    const inputs = document.nodes.map(() => []), readers = document.nodes.map(() => []);
    for (const [from, to] of document.edges) {
      inputs[to].push(from);
      readers[from].push(to);
    }
    const number = new Map(document.nodes.map((node, i) => [node.name, i]));
    return { ...document, inputs, readers, number };
  }

  /** {shown: Set or null, wrong: text, isAsked}: by this page alone, or by a server where this page cannot.
   * What was shown stays while a server is asked. */
  function useSelection(graph, text) {
    const [told, setTold] = sp.useState({}), now = sp.useLive("states");
    const own = sp.useMemo(() => {
      try {
        return { shown: select(text, graph), wrong: "" };
      } catch (error) {
        return { shown: null, wrong: error.message, isBeyond: Boolean(error.isBeyond && sp.live.isOn) };
      }
    }, [graph, text, /state:/.test(text) && now.count]);
    sp.useEffect(() => {
      if (!own.isBeyond) return undefined;
      const stop = new AbortController();
      sp.ask("select?" + new URLSearchParams({ select: text }), undefined, stop.signal).then(
        ({ names }) => !stop.signal.aborted && setTold({ text, names, wrong: "" }),
        (error) => !stop.signal.aborted && setTold({ text, names: null, wrong: said(error) }),
      );
      return () => stop.abort();
    }, [own]);
    const answer = sp.useMemo(() => ({
      shown: told.names ? new Set(told.names.map((name) => graph.number.get(name)).filter((i) => i !== undefined)) : null,
      wrong: told.text === text ? told.wrong : "", isAsked: told.text !== text,
    }), [told, graph, text]);
    return own.isBeyond ? answer : own;
  }
  const said = ({ problems, message }) => (problems ? problems.map((each) => each.message + (each.hint ? `; ${each.hint}` : "")).join("\n") : message);

  Object.assign(sp, { select, linked, reach, useSelection });
})(window.sqlpipes);

// Documents by key ("graph", "asset/orders", "run/..."), wherever they come from. Nothing else in the page
// knows: a page that was opened as a file may fetch nothing, so there each document is a script that calls
// `sqlpipes.take`; a server answers with JSON instead and says where in <html data-source="/api">. What a
// server tells later (js/live.js) makes documents old: who shows one is told by `watch`.
window.sqlpipes = (function () {
  "use strict";
  const source = document.documentElement.dataset.source || "files";
  const isServed = source !== "files";
  const kept = new Map(); // key -> promise of its document
  const waiting = new Map(); // key -> what to do when its script calls
  const before = new Map(); // key -> [its tag, its document]: asked anew, it may be the same
  const watchers = new Set();

  function fromFile(key) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      waiting.set(key, resolve);
      script.src = "data/" + key.split("/").map(encodeURIComponent).join("/") + ".js";
      script.onload = () => {
        script.remove();
        if (waiting.delete(key)) reject(new Error("data/" + key + ".js says something else"));
      };
      script.onerror = () => {
        script.remove();
        waiting.delete(key);
        reject(new Error("data/" + key + ".js cannot be read"));
      };
      document.head.append(script);
    });
  }

  async function fromServer(key) {
    const path = key.split("/").map(encodeURIComponent).join("/"), known = before.get(key);
    const headers = { accept: "application/json", ...(known && { "if-none-match": known[0] }) };
    const answer = await fetch(source + "/" + path, { headers }).catch(() => {
      throw new Error("the server does not answer");
    });
    if (answer.status === 304 && known) return known[1];
    if (!answer.ok) throw await faultOf(answer);
    const found = await answer.json();
    const tag = answer.headers.get("etag");
    if (tag) before.set(key, [tag, found]);
    return found;
  }

  /** What a server refused, as an Error with its `problems` and `status`. */
  async function faultOf(answer) {
    const said = await answer.json().catch(() => ({}));
    const problems = Array.isArray(said.problems) && said.problems.length ? said.problems
      : [{ message: `the server answers ${answer.status} ${answer.statusText}`.trim() }];
    return Object.assign(new Error(problems[0].message), { problems, status: answer.status });
  }

  /** A question to the server; `body`: a POST. Throws what `faultOf` makes, or that nobody answers. */
  async function ask(path, body, signal) {
    const post = body !== undefined && {
      method: "POST", body: JSON.stringify(body),
      headers: { "content-type": "application/json", "x-sqlpipes": "1" },
    };
    let answer;
    try {
      answer = await fetch(source + "/" + path, { headers: { accept: "application/json" }, signal, ...post });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw Object.assign(new Error("the server does not answer"), { problems: [{ message: "the server does not answer" }], status: 0 });
    }
    if (!answer.ok) throw await faultOf(answer);
    return answer.json();
  }

  function load(key) {
    if (!kept.has(key)) {
      const found = isServed ? fromServer(key) : fromFile(key);
      found.catch(() => kept.get(key) === found && kept.delete(key)); // it may be there the next time
      kept.set(key, found);
    }
    return kept.get(key);
  }

  function take(key, document) {
    const resolve = waiting.get(key);
    waiting.delete(key);
    if (resolve) resolve(document);
  }

  const tell = (keys) => watchers.forEach((each) => each(keys));

  /** The next `load` of these asks anew; of all without any. "asset/" means all that begin so. */
  function forget(...keys) {
    for (const key of [...kept.keys()]) if (!keys.length || touched(keys, key)) kept.delete(key);
    tell(keys.length ? keys : null);
  }

  /** Whether `watch` has told of this document. */
  const touched = (keys, key) =>
    !keys || keys.some((each) => each === key || (each.endsWith("/") && key.startsWith(each)));

  /** A document that somebody has asked for, with what is known to be new in it: old -> new. */
  function amend(key, change) {
    if (!kept.has(key)) return;
    before.delete(key); // the server's is another one now
    kept.set(key, kept.get(key).then(change));
    kept.get(key).catch(() => {});
    tell([key]);
  }

  /** `told` is called with the keys that are old now, null: all. Gives back what ends it. */
  function watch(told) {
    watchers.add(told);
    return () => watchers.delete(told);
  }

  return { source, isServed, load, take, forget, amend, watch, touched, ask };
})();

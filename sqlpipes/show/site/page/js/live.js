// What a server tells while the page is open: which runs go on, which steps begin and end, what they print,
// which files are broken. Views take it by `useLive(topics)`; documents that it makes old are forgotten or
// amended, so that who shows them draws anew. A page of files has no server: nothing here asks for anything.
(function (sp) {
  "use strict";
  const { useState, useEffect } = sp;
  const root = document.documentElement.dataset;
  const PATIENCE_S = 15; // so long it is reconnecting, and then it is offline
  const UNSEEN_MS = 60000; // a tab that nobody sees gives its connection back: a browser has six a server
  const SETTLE_MS = 1500; // between two looks at the checks of a run that goes on
  const MOST_STEPS = 300; // of a run that is looked at so; the checks of a longer one are seen when it ends
  const BATCH_MS = 80; // so long events are gathered: a fast build has hundreds a second
  const MOST_LINES = 2000; // of a step's output
  const listeners = new Set();

  const live = {
    isOn: Boolean(sp.isServed && root.live),
    isReadOnly: "readOnly" in root,
    link: "connecting", // live, reconnecting, offline, out (the server wants another token)
    runs: new Map(), // doc -> row of a run that goes on
    ended: null, // the row of the newest that ended while the page was open
    builds: new Map(), // id -> what was started from this server
    building: new Map(), // asset -> doc of the run that builds it
    logs: new Map(), // doc of a run -> asset, or "" for the build's own output -> lines
    errors: [], // problems of the project's files
    count: 0, // of times that states have moved
    graph: null, // as the page has it: its nodes take new states in place
  };

  const tell = (topic) => listeners.forEach((each) => each(topic));

  /** Draws anew when one of these topics moves: link, runs, builds, building, logs, errors, states. */
  function useLive(...topics) {
    const [, again] = useState(0);
    useEffect(() => {
      if (!live.isOn) return undefined;
      const told = (topic) => topics.includes(topic) && again((n) => n + 1);
      listeners.add(told);
      return () => listeners.delete(told);
    }, []);
    return live;
  }

  /** The time, every so often while something goes on. */
  function useNow(goesOn, every = 500) {
    const [now, setNow] = useState(Date.now);
    useEffect(() => {
      if (!goesOn) return undefined;
      setNow(Date.now());
      const timer = setInterval(() => setNow(Date.now()), every);
      return () => clearInterval(timer);
    }, [goesOn]);
    return now;
  }

  const docOf = (asset) => {
    const at = live.graph && live.graph.number.get(asset);
    return at === undefined || at === null ? null : "asset/" + live.graph.nodes[at].doc;
  };
  const idOf = (step) => (step.number ? String(step.number) : step.asset + " " + step.begin);
  const goesOn = (step) => step.status === "running" && !step.end;

  /** A step in the place of what was known of it, or as the newest. */
  function withStep(steps, step) {
    const at = steps.findIndex((each) => idOf(each) === idOf(step));
    return at < 0 ? [...steps, step] : steps.map((each, i) => (i === at ? { ...each, ...step } : each));
  }

  const settling = new Set();
  /** What events do not carry, such as checks, is asked for a little later, if anybody looks at the run. */
  function settle(doc) {
    const row = live.runs.get(doc);
    if (settling.has(doc) || (row && row.planned > MOST_STEPS)) return;
    settling.add(doc);
    setTimeout(() => {
      settling.delete(doc);
      sp.forget("run/" + doc);
    }, SETTLE_MS);
  }

  function isBuilding(doc, step) {
    if (goesOn(step)) live.building.set(step.asset, doc);
    else if (live.building.get(step.asset) === doc) live.building.delete(step.asset);
  }

  /** The state of a node as it is drawn: what is being built is running, whatever it was. */
  const stateOf = (node) => (live.building.has(node.name) ? "running" : node.state);

  /** Which steps of a run go on, when its events were missed. */
  const catchUp = (doc) => sp.load("run/" + doc).then((run) => {
    if (!live.runs.has(doc)) return;
    for (const step of run.steps) if (goesOn(step)) live.building.set(step.asset, doc);
    tell("building");
  }, () => {});

  const TAKE = {
    hello({ runs, builds, errors }) {
      tries = lost = 0;
      setLink("live");
      if (runs) live.runs = new Map(runs.map((row) => [row.doc, row]));
      if (builds) live.builds = new Map(builds.map((build) => [build.id, build]));
      if (errors) live.errors = errors;
      live.building.clear();
      live.logs.clear();
      sp.forget();
      live.runs.forEach((_, doc) => catchUp(doc));
      ["runs", "builds", "building", "logs", "errors"].forEach(tell);
    },
    run(row) {
      const isNew = !live.runs.has(row.doc);
      if (row.status === "running") live.runs.set(row.doc, row);
      else {
        live.runs.delete(row.doc);
        live.building.forEach((doc, asset) => doc === row.doc && live.building.delete(asset));
        if (!isNew) live.ended = row;
        sp.forget("run/" + row.doc);
      }
      sp.amend("runs", (found) => {
        const known = found.runs.some((each) => each.doc === row.doc);
        return { ...found, runs: known ? found.runs.map((each) => (each.doc === row.doc ? row : each)) : [row, ...found.runs] };
      });
      sp.amend("run/" + row.doc, (found) => ({ ...found, ...row }));
      tell("runs");
      tell("building");
    },
    step({ run, step }) {
      isBuilding(run, step);
      sp.amend("run/" + run, (found) => ({ ...found, steps: withStep(found.steps, step) }));
      if (!goesOn(step)) {
        settle(run);
        const doc = docOf(step.asset);
        if (doc) sp.forget(doc);
      }
      tell("building");
    },
    log({ run, asset, lines }) {
      if (!live.logs.has(run)) live.logs.set(run, new Map());
      const own = live.logs.get(run), key = asset || "";
      own.set(key, [...(own.get(key) || []), ...lines].slice(-MOST_LINES));
      tell("logs");
    },
    state({ nodes }) {
      sp.amend("graph", (found) => { // in place: boxes that are drawn hold these nodes
        for (const node of found.nodes) if (nodes[node.name]) Object.assign(node, nodes[node.name]);
        live.count += 1;
        queueMicrotask(() => tell("states"));
        return found;
      });
      for (const name of Object.keys(nodes)) {
        const doc = docOf(name);
        if (doc) sp.forget(doc);
      }
    },
    project({ errors }) {
      live.errors = errors || [];
      sp.forget("graph", "search", "asset/");
      tell("errors");
    },
    build(said) {
      live.builds.set(said.id, said);
      tell("builds");
    },
  };

  let stream = null, timer = 0, tries = 0, lost = 0;
  const waiting = [];

  function gathered(name, data) {
    if (!waiting.length) setTimeout(() => waiting.splice(0).forEach(([each, said]) => TAKE[each](said)), BATCH_MS);
    waiting.push([name, data]);
  }

  function setLink(word) {
    if (live.link === word) return;
    live.link = word;
    tell("link");
  }

  function connect() {
    clearTimeout(timer);
    if (stream) stream.close();
    const own = new EventSource(root.live);
    stream = own;
    for (const name of Object.keys(TAKE)) own.addEventListener(name, (event) => gathered(name, JSON.parse(event.data)));
    own.onerror = () => own === stream && away();
  }

  /** By our own clock, as a browser that was refused once does not ask again. */
  function away() {
    const isRefused = stream.readyState === EventSource.CLOSED;
    stream.close();
    stream = null;
    lost = lost || Date.now();
    if (isRefused) find();
    else later(connect);
  }

  function later(next) {
    tries += 1;
    if (live.link !== "out") setLink(Date.now() - lost < PATIENCE_S * 1000 ? "reconnecting" : "offline");
    clearTimeout(timer);
    timer = setTimeout(next, Math.min(300 * 2 ** tries, 5000));
  }

  /** An EventSource does not say why it was refused. */
  async function find() {
    const answer = await fetch(sp.source + "/runs", { headers: { accept: "application/json" } }).catch(() => null);
    if (answer && (answer.status === 401 || answer.status === 403)) setLink("out");
    else if (live.link === "out") setLink("reconnecting");
    later(live.link === "out" ? find : connect);
  }

  let unseen = 0;
  function seen() {
    clearTimeout(unseen);
    if (document.hidden) {
      unseen = setTimeout(() => {
        if (live.runs.size) return seen(); // the title of the tab tells how far it is
        clearTimeout(timer);
        if (stream) stream.close();
        stream = null;
      }, UNSEEN_MS);
    } else if (!stream) {
      tries = 0;
      connect();
    }
  }

  if (live.isOn) {
    connect();
    document.addEventListener("visibilitychange", seen);
    window.addEventListener("pageshow", (event) => event.persisted && connect());
    window.addEventListener("pagehide", () => stream && stream.close());
  }

  Object.assign(sp, { live, useLive, useNow, stateOf, idOf, goesOn });
})(window.sqlpipes);

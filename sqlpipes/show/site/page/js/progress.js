// A build that goes on, wherever it was started: how far it is, how long it takes, and what stops it.
(function (sp) {
  "use strict";
  const { html, useState, useEffect, useRef } = sp;
  const ALIKE = 2; // earlier runs at least, before it is said how long one takes
  const ms = (text) => new Date(text).getTime();

  const elapsed = (row, now) => Math.max(now - ms(row.begin), 0) / 1000;

  /** Seconds that are left, by earlier runs of the same command over as many steps; null: nobody knows. */
  function left(row, runs, now) {
    const alike = runs.filter((run) => run.status === "success" && sp.typed(run.command) === sp.typed(row.command)
      && run.planned === row.planned && run.seconds !== null).map((run) => run.seconds).sort((a, b) => a - b);
    if (alike.length < ALIKE || !row.planned) return null;
    const rest = alike[Math.floor(alike.length / 2)] - elapsed(row, now);
    return rest > 1 ? rest : null;
  }

  const took = (value) => (value < 90 ? `${Math.floor(value)} s` : value < 5400
    ? `${Math.floor(value / 60)} min ${Math.floor(value % 60)} s` : sp.seconds(value));

  function Meter({ row }) {
    const { done = 0, total } = row;
    return html`<div class="meter ${total ? "" : "is-open"}" role="progressbar" aria-label="Steps that are done" aria-valuemin="0"
      aria-valuemax=${total || undefined} aria-valuenow=${total ? done : undefined}><i style=${total ? `width:${Math.min(done / total, 1) * 100}%` : ""}></i></div>`;
  }

  /** "3 of 5 steps · 12 s · about 20 s left" */
  function Told({ row }) {
    const now = sp.useNow(true, 1000), [found] = sp.useDocument("runs");
    const rest = left(row, found ? found.runs : [], now), { done = 0, total } = row;
    return html`<span class="told">${total ? html`<b>${sp.count(done)}</b> of ${sp.plural(total, "step")}` : sp.plural(done, "step") + " done"}
      <span class="quiet">${took(elapsed(row, now))}${rest !== null && html`<span title="As long as the runs of the same command before it">, about ${took(rest)} left</span>`}</span></span>`;
  }

  const mine = (doc) => [...sp.live.builds.values()].find((build) => build.run === doc && build.status === "running");
  const hrefOf = (row) => "#/run/" + encodeURIComponent(row.id);

  /** On the page of all runs, above those that have ended. */
  function LiveRuns() {
    const { runs } = sp.useLive("runs", "builds", "building");
    if (!runs.size) return null;
    return html`<section class="going" aria-label="Going on now">${[...runs.values()].map((row) => html`<article key=${row.doc}>
      <div class="going-head"><${sp.State} word="running" /><a href=${hrefOf(row)}><code>${sp.typed(row.command)}</code></a>
        ${row.job && html`<span class="tag">${row.job}</span>`}<${Told} row=${row} /><${Stop} doc=${row.doc} /></div>
      <${Meter} row=${row} /><${Doing} doc=${row.doc} /></article>`)}</section>`;
  }

  /** The steps that are under way, by name; `pick` shows one of them. */
  function Doing({ doc, pick }) {
    const names = [...sp.useLive("building").building].filter(([, run]) => run === doc).map(([name]) => name);
    return html`<p class="small quiet doing">${names.length ? html`now: ${names.slice(0, 6).map((name, i) => html`${i ? ", " : ""}${pick
      ? html`<button class="end" onClick=${() => pick(name)}>${name}</button>` : html`<a href=${sp.assetHref(name)}>${name}</a>`}`)}
      ${names.length > 6 && ` and ${names.length - 6} more`}` : "between two steps"}</p>`;
  }

  /** In the header: that a build goes on, wherever one is. */
  function Building() {
    const { runs, ended } = sp.useLive("runs"), [shown, show] = useState(null);
    useEffect(() => {
      if (!ended) return undefined;
      show(ended);
      const timer = setTimeout(() => show(null), 8000);
      return () => clearTimeout(timer);
    }, [ended]);
    const row = [...runs.values()][0];
    if (row) {
      const said = row.total ? `${row.done || 0} of ${row.total}` : String(row.done || 0);
      return html`<a class="busy" href=${runs.size > 1 ? "#/runs" : hrefOf(row)} title="Follow it">
        <i class="spin" aria-hidden="true"></i><span><b class="word">${runs.size > 1 ? `${runs.size} builds` : "Building"} </b>${said.replace(" of ", "/")}</span><span class="hidden"> steps done</span></a>`;
    }
    return shown && html`<a class="busy ${sp.tone(shown.status)} is-over" href=${hrefOf(shown)}><i aria-hidden="true">${sp.SIGNS[shown.status]}</i><span>${OVER[shown.status] || shown.status}</span></a>`;
  }
  const OVER = { success: "built", error: "failed", fail: "failed", warn: "built, with warnings" };

  const LINKS = {
    connecting: ["connecting", "Connecting to the server"],
    live: ["live", "What changes is shown at once"],
    reconnecting: ["reconnecting", "The server was lost: trying again"],
    offline: ["offline", "The server does not answer; what is shown may be old. It is tried again and again"],
    out: ["locked out", "The server wants another token: open the address that `sqlpipes ui` prints"],
  };
  function Link() {
    const { link, isOn } = sp.useLive("link");
    if (!isOn) return null;
    const [word, about] = LINKS[link];
    return html`<span class="link link-${link}" role="status" title=${about}><i aria-hidden="true"></i><span>${word}</span><span class="hidden">: ${about}</span></span>`;
  }

  /** A question with two answers, the safe one first. */
  function Sure({ title, yes, no, act, close, children }) {
    const dialog = useRef(null);
    useEffect(() => {
      const before = document.activeElement;
      dialog.current.showModal();
      return () => before && before.isConnected && before.focus();
    }, []);
    return html`<dialog class="sure" ref=${dialog} aria-labelledby="sure-title" onClose=${close}><h2 id="sure-title">${title}</h2>${children}
      <p class="buttons"><button class="soft" autofocus onClick=${close}>${no}</button><button class="danger" onClick=${act}>${yes}</button></p></dialog>`;
  }

  /** Only for what was started from this server. */
  function Stop({ doc }) {
    sp.useLive("builds");
    const [asked, ask] = useState(false), [said, say] = useState("");
    const build = mine(doc);
    useEffect(() => {
      if (!build) { ask(false); say(""); }
    }, [!build]);
    if (!build || sp.live.isReadOnly) return null;
    const act = () => {
      ask(false);
      say("stopping …");
      sp.ask(`builds/${encodeURIComponent(build.id)}/stop`, {}).catch((error) => say(error.message));
    };
    return html`<span class="stopping">${said ? html`<span class="quiet small" role="status">${said}</span>`
      : html`<button class="soft stop" onClick=${() => ask(true)}>Stop…</button>`}
      ${asked && html`<${Sure} title="Stop this build?" yes="Stop the build" no="Let it go on" act=${act} close=${() => ask(false)}>
        <p>Steps that are done stay. What is under way is taken back, and the next build goes on from there.</p><//>`}</span>`;
  }

  /** Text that grows: it shows its end, until somebody scrolls up to read. */
  function Tail({ text, label }) {
    const element = useRef(null), sticks = useRef(true);
    useEffect(() => {
      if (sticks.current && element.current) element.current.scrollTop = element.current.scrollHeight;
    }, [text]);
    const scrolled = ({ target }) => {
      sticks.current = target.scrollHeight - target.scrollTop - target.clientHeight < 24;
    };
    return html`<pre class="log" ref=${element} tabindex="0" role="log" aria-label=${label} onScroll=${scrolled}>${text}</pre>`;
  }

  Object.assign(sp, { Meter, Told, LiveRuns, Doing, Building, Live: Link, Stop, Sure, Tail, elapsed, buildOf: mine });
})(window.sqlpipes);

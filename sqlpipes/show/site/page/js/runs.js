// The runs, and one of them: a Gantt of its steps, why each ran, what it said.
(function (sp) {
  "use strict";
  const { html, useState } = sp;
  const ms = (text) => new Date(text).getTime();

  const Counts = ({ of }) => html`<span class="counts">${Object.entries(of).map(([word, count]) =>
    html`<span class=${sp.tone(word)} title=${word}><i aria-hidden="true">${sp.SIGNS[word] || "○"}</i>${count}<span class="hidden"> ${word}</span></span>`)}</span>`;

  function Runs() {
    const [found, error] = sp.useDocument("runs"), { runs: live } = sp.useLive("runs");
    const over = found ? found.runs.filter((run) => !live.has(run.doc)) : [];
    if (error) return html`<main class="page" id="main"><h1>Runs</h1><${sp.Fault} error=${error} /></main>`;
    return html`<main class="page" id="main"><header class="head"><h1>Runs</h1><p class="buttons"><${sp.PlanButton} /></p></header>
      <${sp.LiveRuns} />
      ${!found ? html`<${sp.Loading} />` : !over.length && !live.size ? html`<p class="quiet">Nothing was run yet: <code>sqlpipes build</code></p>`
        : html`<ul class="list runs">${over.map((run) => html`<li key=${run.id}>
          <a href="#/run/${encodeURIComponent(run.id)}"><b>${sp.minute(run.begin)}</b></a><${sp.State} word=${run.status} />
          <span class="about"><code title=${run.command}>${sp.typed(run.command)}</code>${run.job && html` <span class="tag">${run.job}</span>`}</span>
          <span class="ends"><${Counts} of=${run.counts} /><span class="quiet nowrap">${sp.seconds(run.seconds)}</span></span></li>`)}</ul>`}
    </main>`;
  }

  /** From when to when; a run that goes on ends now. */
  function span(run, now) {
    const begin = Math.min(ms(run.begin), ...run.steps.map((step) => ms(step.begin)));
    const ends = run.steps.map((step) => (step.end ? ms(step.end) : ms(step.begin)));
    return [begin, Math.max(run.end ? ms(run.end) : now || begin, begin + 1, ...ends)];
  }

  function Gantt({ run, now, chosen, choose }) {
    const [begin, end] = span(run, now), whole = end - begin;
    const marks = [0, 0.25, 0.5, 0.75, 1];
    return html`<div class="gantt">
      <div class="ruler" aria-hidden="true"><span></span><div>${marks.map((at) => html`<i style="left:${at * 100}%">${sp.seconds((whole * at) / 1000)}</i>`)}</div></div>
      <ol>${run.steps.map((step) => {
        const id = sp.idOf(step), isLive = Boolean(now) && sp.goesOn(step), isOpen = chosen === id;
        const left = ((ms(step.begin) - begin) / whole) * 100;
        const took = step.end ? ms(step.end) - ms(step.begin) : step.seconds === null ? Math.max(end - ms(step.begin), 0) : 0;
        const width = Math.min(Math.max((took / whole) * 100, 0.4), 100 - left);
        return html`<li key=${id} id="step-${id}"><button aria-expanded=${isOpen ? "true" : "false"} class="${sp.tone(step.status)} ${isLive ? "is-live" : ""}" onClick=${() => choose(isOpen ? null : id)}>
          <span class="who"><i class="sign" aria-hidden="true">${sp.SIGNS[step.status] || "○"}</i><b>${step.asset}</b>${step.slices && html` <small>${step.slices}</small>`}<span class="hidden"> ${step.status} </span></span>
          <span class="lane"><i class="bar-of" style="left:${left}%;width:${width}%"></i><small style=${left + width > 82 ? `right:${100.6 - left}%` : `left:${left + width + 0.6}%`}>${sp.seconds(took / 1000)}</small></span>
        </button>${isOpen && html`<${StepMore} run=${run} step=${step} />`}</li>`;
      })}</ol></div>`;
  }

  /** What it said: of a step that goes on, as it is told. */
  function Log({ run, step }) {
    const { logs } = sp.useLive("logs"), told = logs.get(run.doc) && logs.get(run.doc).get(step.asset);
    const text = step.log || (told || []).join("\n");
    if (!text && sp.goesOn(step)) return html`<p class="quiet small">It has said nothing yet.</p>`;
    return text && html`<details open><summary>Log</summary><${sp.Tail} text=${text} label="Log of ${step.asset}" /></details>`;
  }

  function StepMore({ run, step }) {
    const checks = run.checks.filter((check) => check.asset === step.asset);
    const bad = checks.filter((check) => check.status !== "success");
    const logged = Object.entries(step.logged);
    return html`<div class="more">
      <p><a href=${sp.assetHref(step.asset)}>${step.asset}</a> · ${step.action}${step.rows !== null && ` · ${sp.plural(step.rows, "row")}`}${step.bytes !== null && ` · ${sp.size(step.bytes)}`} ${step.seconds !== null && ` · ${sp.seconds(step.seconds)}`}</p>
      ${step.reasons.length > 0 && html`<p><b>Why it ran:</b> ${step.reasons.join("; ")}</p>`}
      ${step.because && html`<p><b>Why it was left out:</b> ${step.because}</p>`}
      ${step.problems.map((problem) => html`<pre class="problem">${problem}</pre>`)}
      ${checks.length > 0 && html`<p>${sp.plural(checks.length - bad.length, "check")} passed${bad.length > 0 && `, ${bad.length} not`}</p>`}
      ${bad.map((check) => html`<p class="small"><${sp.State} word=${check.status} /> ${check.check}: ${check.message || sp.plural(check.failures, "row")}</p>`)}
      ${logged.length > 0 && html`<dl class="facts logged">${logged.map(([key, value]) => html`<div><dt>${key}</dt><dd><${sp.Value} of=${value} /></dd></div>`)}</dl>`}
      ${step.ops.length > 0 && html`<ul class="ops">${step.ops.map(([name, status, took, depth, message]) => html`<li style="--depth:${depth}">
        <${sp.State} word=${status} /> ${name} <span class="quiet">${sp.seconds(took)} ${message}</span></li>`)}</ul>`}
      <${Log} run=${run} step=${step} />
      ${step.statements.length > 0 && html`<details><summary>${sp.plural(step.statements.length, "statement")}</summary>
        <${sp.Code} text=${step.statements.join(";\n\n")} label="Statements of ${step.asset}" /></details>`}</div>`;
  }

  /** What the build itself prints, when it was started from this server. */
  function Output({ run }) {
    const { logs } = sp.useLive("logs", "builds"), build = sp.buildOf(run.doc);
    const own = [...sp.live.builds.values()].find((each) => each.run === run.doc);
    const lines = (logs.get(run.doc) && logs.get(run.doc).get("")) || (own && own.lines) || [];
    if (!lines.length) return null;
    return html`<details class="output" open=${Boolean(build)}><summary>What the build prints</summary><${sp.Tail} text=${lines.join("\n")} label="What the build prints" /></details>`;
  }

  const NOT_DONE = new Set(["error", "fail", "skipped", "interrupted", "cancelled"]);

  function Run({ id }) {
    const [head] = sp.useDocument("runs"), { runs } = sp.useLive("runs", "builds");
    const row = [...runs.values()].find((each) => each.id === id);
    const known = row || (head && head.runs.find((run) => run.id === id));
    const [found, error] = sp.useDocument(known ? "run/" + known.doc : null);
    const [chosen, choose] = useState(null);
    const now = sp.useNow(Boolean(row)), run = found && row ? { ...found, ...row } : found;
    const pick = (name) => {
      const step = run.steps.find((each) => each.asset === name && sp.goesOn(each));
      if (!step) return;
      choose(sp.idOf(step));
      setTimeout(() => document.getElementById("step-" + sp.idOf(step))?.scrollIntoView({ block: "center" }), 60);
    };
    const title = html`<h1>Run <small>${id}</small></h1>`;
    if (head && !known) return html`<main class="page" id="main">${title}<p>It is not among the newest runs that this page has. <code>sqlpipes runs show ${id}</code> tells it.</p></main>`;
    if (error) return html`<main class="page" id="main">${title}<${sp.Fault} error=${error} /></main>`;
    if (!run) return html`<main class="page" id="main">${title}<${sp.Loading} /></main>`;
    const failed = [...new Set(run.steps.filter((step) => NOT_DONE.has(step.status)).map((step) => step.asset))];
    return html`<main class="page wide" id="main">
      <header class="head"><div>${title}<p class="chips"><${sp.State} word=${run.status} /><code title=${run.command}>${sp.typed(run.command)}</code></p></div>
        <p class="buttons">${row ? html`<${sp.Stop} doc=${row.doc} />` : failed.length > 0 && html`<${sp.PlanButton} start=${{ select: failed.map(sp.selecting).join(" ") }} word="Plan what failed…" />`}</p></header>
      ${row && html`<div class="going"><article><div class="going-head"><${sp.Told} row=${row} /></div><${sp.Meter} row=${row} /><${sp.Doing} doc=${row.doc} pick=${pick} /></article></div>`}
      <dl class="facts inline">
        <div><dt>Begun</dt><dd>${sp.minute(run.begin)}</dd></div>${!row && html`<div><dt>Took</dt><dd>${sp.seconds(run.seconds) || "not ended"}</dd></div>`}
        <div><dt>Target</dt><dd>${run.target}</dd></div><div><dt>Steps</dt><dd><${Counts} of=${run.counts} /></dd></div>
        <div><dt>Were current</dt><dd>${sp.count(run.current)}</dd></div>
        ${run.job && html`<div><dt>Job</dt><dd>${run.job}</dd></div>`}${run.commit && html`<div><dt>Commit</dt><dd><code>${run.commit.slice(0, 10)}</code></dd></div>`}</dl>
      ${run.steps.length ? html`<${Gantt} run=${run} now=${row ? now : 0} chosen=${chosen} choose=${choose} />`
        : html`<p class="quiet">${row ? "No step has begun yet." : "Nothing had to run."}</p>`}
      <${Output} run=${run} />
      <p class="hidden" role="status">${row ? "" : `ended: ${run.status}`}</p>
    </main>`;
  }

  Object.assign(sp, { Runs, Run });
})(window.sqlpipes);

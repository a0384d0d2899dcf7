// Plan and build from the page: what is selected -> what `sqlpipes plan` says of it -> a build of the same.
(function (sp) {
  "use strict";
  const { html, useState, useEffect, useRef } = sp;
  const MOST = 150; // steps that are listed
  const WAIT_MS = 350; // after the last letter that was typed
  const OPTION = /^--/; // a problem of an option names it in the place of a file

  const body = ({ select, exclude, partitions, full }) => ({
    select: select.trim(), exclude: exclude.trim(), partitions: partitions.trim(), full_refresh: full,
  });

  const quoted = (text) => (/^[\w+@.:,/*=-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`);
  /** The same in a terminal. */
  const command = (of) => ["sqlpipes build", of.select && `-s ${quoted(of.select)}`, of.exclude && `--exclude ${quoted(of.exclude)}`,
    of.partitions && `--partition ${quoted(of.partitions)}`, of.full_refresh && "--full-refresh"].filter(Boolean).join(" ");

  /** Opens it from anywhere: {select, name}. */
  const plan = (start) => window.dispatchEvent(new CustomEvent("sqlpipes-plan", { detail: start }));

  const PlanButton = ({ start = {}, soft = true, word = "Plan…" }) => sp.live.isOn && html`<button class=${soft ? "soft plan" : "button plan"}
    title="What a build would do, and why" onClick=${() => plan(start)}>${word}</button>`;

  /** [plan, problems, whether it is asked for]; asked anew a moment after `of` has changed. */
  function usePlan(of, { errors, ended }) {
    const [found, setFound] = useState({}), text = JSON.stringify(of);
    useEffect(() => {
      const stop = new AbortController();
      setFound((was) => ({ ...was, isAsked: true }));
      const timer = setTimeout(() => sp.ask("plan", of, stop.signal).then(
        (value) => !stop.signal.aborted && setFound({ value, text }),
        (error) => !stop.signal.aborted && setFound({ problems: error.problems || [{ message: error.message }], status: error.status, text }),
      ), found.text ? WAIT_MS : 0);
      return () => {
        clearTimeout(timer);
        stop.abort();
      };
    }, [text, errors, ended]);
    return found;
  }

  const why = (reason) => reason.why + (reason.detail ? `: ${reason.detail}` : "");

  const Step = ({ of }) => html`<tr><th scope="row">${of.asset}</th><td class="nowrap">${of.action}</td>
    <td>${of.slices !== "all" && html`<span class="ranges">${of.slices.length > 90 ? of.slices.slice(0, 90) + "…" : of.slices}</span> <small class="quiet nowrap">${sp.plural(of.slice_count, "slice")}</small>`}</td>
    <td class="quiet">${of.reasons.map((reason) => html`<div>${why(reason)}${reason.slices && reason.slices !== of.slices && reason.slices !== "all" ? html` <small>(${reason.slices.slice(0, 60)})</small>` : ""}</div>`)}</td></tr>`;

  function Steps({ of }) {
    const { steps } = of;
    return html`${steps.length > 0 && html`<table class="steps"><thead><tr><th scope="col">Asset</th><th scope="col">What</th><th scope="col">Slices</th><th scope="col">Why</th></tr></thead>
        <tbody>${steps.slice(0, MOST).map((step) => html`<${Step} of=${step} />`)}</tbody></table>`}
      ${steps.length > MOST && html`<p class="quiet">and ${sp.plural(steps.length - MOST, "more step")}</p>`}
      ${of.spared.length > 0 && html`<h3>Spared, with the proof</h3><ul class="spared">${of.spared.slice(0, MOST).map((each) => html`<li><b>${each.asset}</b>
        ${each.slices !== "all" && html` <span class="ranges">${each.slices.slice(0, 60)}</span>`} <span class="quiet">${each.proof}</span></li>`)}</ul>`}
      ${of.current.length > 0 && html`<details open=${!steps.length && of.current.length < 12}><summary>${of.current.length} current already</summary><p class="small">${of.current.slice(0, 200).join(", ")}${of.current.length > 200 ? " …" : ""}</p></details>`}
      ${of.unit_tests.length > 0 && html`<p class="small quiet">${sp.plural(of.unit_tests.length, "unit test")} first: ${of.unit_tests.slice(0, 5).join(", ")}${of.unit_tests.length > 5 ? " …" : ""}</p>`}`;
  }

  const Field = ({ name, label, hint, wrong, ...rest }) => html`<div class="field ${wrong.length ? "is-wrong" : ""}"><label><span>${label}</span>
    <input type="text" name=${name} spellcheck=${false} autocomplete="off" autocapitalize="off" aria-invalid=${wrong.length ? "true" : "false"} aria-describedby="${name}-says" ...${rest} /></label>
    <small id="${name}-says" class=${wrong.length ? "is-bad" : "quiet"}>${wrong.length ? wrong.map((each) => html`<span>${each.message}${each.hint && html`<br />${each.hint}`}</span>`) : hint}</small></div>`;

  const SCOPES = [["Only it", (n) => n], ["With what it reads", (n) => "+" + n], ["With what reads it", (n) => n + "+"], ["Both", (n) => `+${n}+`]];

  function Scope({ name, select, choose }) {
    return html`<div class="scopes" role="group" aria-label="How far around ${name}">${SCOPES.map(([word, of]) => html`<button type="button" aria-pressed=${select.trim() === of(sp.selecting(name)) ? "true" : "false"}
      onClick=${() => choose(of(sp.selecting(name)))}>${word}</button>`)}</div>`;
  }

  /** Of what is written anew, what nobody can bring back by another build may be lost. */
  const Warning = ({ steps }) => html`<div class="note warning" role="alert"><b>Everything selected is written anew from nothing</b>, also what is current${steps
    ? html`: ${sp.plural(steps.length, "relation")}` : ""}. Rows that incremental assets and snapshots gathered, and that their inputs no longer have, are gone for good.</div>`;

  /** From "Build" to the first sign of the run: 202 and an id, or why not. */
  function useStart(of, close) {
    const [state, setState] = useState({}), { builds } = sp.useLive("builds", "runs");
    const build = state.id !== undefined ? builds.get(state.id) : undefined;
    const start = () => {
      setState({ isStarting: true });
      sp.ask("builds", of).then(
        ({ id }) => setState({ isStarting: true, id }),
        (error) => setState({ problems: error.problems || [{ message: error.message }], status: error.status }),
      );
    };
    useEffect(() => {
      const row = build && build.run && [...sp.live.runs.values()].find((each) => each.doc === build.run);
      if (row) {
        close();
        sp.go("/run/" + encodeURIComponent(row.id));
      } else if (build && build.run && build.status !== "running")
        sp.load("runs").then(({ runs }) => {
          const ended = runs.find((each) => each.doc === build.run);
          close();
          sp.go(ended ? "/run/" + encodeURIComponent(ended.id) : "/runs");
        });
    });
    const isOver = build && build.status !== "running";
    return { start, reset: () => setState({}), isStarting: Boolean(state.isStarting && !isOver), problems: state.problems || [], status: state.status, build: isOver && !build.run ? build : null };
  }

  const ENDS = { ok: "It ended: there was nothing to do.", stopped: "It was stopped before its first step.", failed: "It could not begin." };
  const Ended = ({ of }) => html`<div class="note"><b>${ENDS[of.status] || of.status}</b></div>
    ${(of.lines || []).length > 0 && html`<pre class="log" tabindex="0" role="region" aria-label="What the build printed">${of.lines.join("\n")}</pre>`}`;

  function Refused({ of, status, word }) {
    const { runs } = sp.live;
    return html`<div class="fault" role="alert">${(status === 409 || word) && html`<b>${status === 409 ? "Another build is under way." : word}</b>`}
      <${sp.Problems} of=${of} />
      ${status === 409 && runs.size > 0 && html`<p><a href="#/run/${encodeURIComponent([...runs.values()][0].id)}">Follow it</a></p>`}</div>`;
  }

  function Plan({ start, close }) {
    const dialog = useRef(null);
    const [of, setOf] = useState({ select: start.select || "", exclude: "", partitions: start.partitions || "", full: false });
    const wish = body(of), change = (patch) => { setOf({ ...of, ...patch }); run.reset(); };
    const live = sp.useLive("link", "errors", "runs"), { link, isReadOnly } = live;
    const { value, problems = [], status, isAsked } = usePlan(wish, live);
    const run = useStart(wish, close);
    useEffect(() => {
      const before = document.activeElement;
      dialog.current.showModal();
      return () => before && before.isConnected && before.focus();
    }, []);
    const own = (option) => problems.filter((each) => each.file === option);
    const rest = problems.filter((each) => !OPTION.test(each.file || ""));
    const count = value && !problems.length ? value.steps.length : 0;
    const can = count > 0 && !isAsked && !run.isStarting && !isReadOnly && link === "live";
    const submit = (event) => {
      event.preventDefault();
      if (can) run.start();
    };
    const keys = (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && submit(event);
    const field = (key) => ({ name: key, value: of[key], onInput: (event) => change({ [key]: event.target.value }) });
    return html`<dialog class="planning" ref=${dialog} aria-labelledby="plan-title" onClose=${close} onKeyDown=${keys}
      onClick=${(event) => event.target.closest("a") && close()}>
      <form class="inner" method="dialog" onSubmit=${submit}>
      <header><h2 id="plan-title">${isReadOnly ? "Plan" : "Plan and build"}</h2><button type="button" class="close" aria-label="Close" onClick=${close}>×</button></header>
      <div class="asks">
        ${start.name && html`<${Scope} name=${start.name} select=${of.select} choose=${(select) => change({ select })} />`}
        <${Field} ...${field("select")} label="Assets" placeholder="all of them" hint="+x with what it reads, x+ with what reads it, tag:x" wrong=${own("--select")} autofocus />
        <div class="row"><${Field} ...${field("exclude")} label="Leave out" placeholder="nothing" hint="in the same grammar" wrong=${own("--exclude")} />
        <${Field} ...${field("partitions")} label="Slices" placeholder="all that need it" hint="2024-01-31, 2024-01 or A..B (without B)" wrong=${own("--partition")} /></div>
        <label class="tick"><input type="checkbox" checked=${of.full} onChange=${(event) => change({ full: event.target.checked })} /> Full refresh: write everything selected anew</label>
        ${of.full && html`<${Warning} steps=${value && !isAsked ? value.steps : null} />`}
      </div>
      <div class="says-plan" tabindex="0" role="region" aria-label="The plan" aria-busy=${isAsked ? "true" : "false"}>
        <div class="asking" aria-hidden="true">${isAsked && html`<i></i>`}</div>
        ${run.problems.length > 0 && html`<${Refused} of=${run.problems} status=${run.status} word="The build was refused." />`}
        ${run.build && html`<${Ended} of=${run.build} />`}
        ${rest.length > 0 && html`<${Refused} of=${rest} status=${status} />`}
        ${value && !problems.length && html`<${Notes} of=${value.notes} /><${Steps} of=${value} />`}
        ${problems.length > rest.length && !rest.length && html`<p class="quiet">Mend what is marked above to see the plan.</p>`}
        ${!value && !problems.length && html`<p class="quiet" role="status">looking …</p>`}
      </div>
      <footer><p role="status"><b>${isAsked && !value ? "" : problems.length ? "It cannot be planned like this" : count ? sp.plural(count, "step") : "Nothing has to run"}</b>
          <code class="command" title="The same in a terminal">${command(wish)}</code></p>
        <p class="buttons"><button type="button" class="soft" onClick=${close}>Close</button>
          ${!isReadOnly && html`<button type="submit" class=${of.full ? "danger" : "button"} disabled=${!can}>${run.isStarting ? "Starting …" : of.full ? (count ? `Write ${count} anew` : "Write anew") : "Build"}</button>`}</p></footer>
      </form></dialog>`;
  }

  const Notes = ({ of }) => (of.length ? html`<ul class="note notes">${of.map((each) => html`<li>${each}</li>`)}</ul>` : null);

  Object.assign(sp, { Plan, PlanButton, plan });
})(window.sqlpipes);

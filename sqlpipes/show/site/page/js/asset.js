// One asset in full, and the list of all of them.
(function (sp) {
  "use strict";
  const { html, useState } = sp;
  const WROTE = new Set(["success", "warn"]);

  const Section = ({ id, title, more, children }) => html`<section class="part" id=${id} aria-labelledby="${id}-title">
    <h2 id="${id}-title">${title}${more ? html` <small>${more}</small>` : null}</h2>${children}</section>`;

  const Names = ({ names, none }) => (names.length
    ? html`<ul class="names">${names.map((name) => html`<li><a href=${sp.assetHref(name)}>${name}</a></li>`)}</ul>`
    : html`<p class="quiet small">${none}</p>`);

  function Facts({ of }) {
    const rows = [
      ["Owner", of.owners.join(", ")], ["Group", of.group], ["Tags", of.tags.length > 0 && html`<span class="tags">${of.tags.map((tag) =>
        html`<a class="tag" href=${sp.graphHref({ select: "tag:" + tag })}>${tag}</a>`)}</span>`],
      ["Made with", of.kinds.join(", ")], ["Table", of.relation && html`<code>${of.relation}</code>`],
      ["File", html`<code>${of.path}</code>`], ["Slices", of.partition && `by ${of.partition}`],
      ["Builds itself", of.auto], ["Written", of.written_at && sp.minute(of.written_at)],
      ...Object.entries(of.links).map(([name, url]) => ["Link", html`<${sp.Link} to=${url}>${name}<//>`]),
      ...Object.entries(of.meta).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
    ].filter(([, value]) => value);
    return html`<dl class="facts">${rows.map(([word, value]) => html`<div><dt>${word}</dt><dd>${value}</dd></div>`)}</dl>`;
  }

  /** How a column comes from another; a click marks the expression in the SQL below. */
  const How = ({ edge, of }) => (sp.isMarked(of.name, edge) && of.sql.written
    ? html`<a class="how how-${edge.kind}" href=${sp.markHref(of.name, edge)} title="${edge.expression}: show it in the SQL">${edge.kind.replace("_", " ")}</a>`
    : html`<span class="how how-${edge.kind}">${edge.kind.replace("_", " ")}</span>`);

  function Columns({ of, chosen }) {
    const checks = new Map();
    for (const check of of.checks)
      for (const column of check.columns) checks.set(column.toLowerCase(), [...(checks.get(column.toLowerCase()) || []), check]);
    const sources = (name) => of.edges.filter((edge) => edge.column !== null && edge.column.toLowerCase() === name.toLowerCase());
    if (!of.columns.length) return html`<p class="quiet">No columns are known: build it, or declare them.</p>`;
    return html`${!of.complete && html`<p class="note">Not all is known of where these columns come from.</p>`}
      <div class="scroll" tabindex="0" role="region" aria-label="Columns"><table class="columns-table">
      <thead><tr><th scope="col">Column</th><th scope="col">Type</th><th scope="col">Comes from</th><th scope="col">About</th></tr></thead>
      <tbody>${of.columns.map((column) => html`<tr class=${column.name === chosen ? "is-chosen" : ""}>
        <th scope="row"><a href=${sp.graphHref({ at: of.name, column: column.name })} title="Light up its path through the graph">${column.name}</a>
          ${(checks.get(column.name.toLowerCase()) || []).map((check) => html`<span class="check ${sp.tone(check.status)}"
            title="${check.name}: ${check.status || "not run yet"}">${check.type.replace(/_/g, " ")}</span>`)}</th>
        <td><code>${(column.type || "").toLowerCase()}</code></td>
        <td>${sources(column.name).slice(0, 6).map((edge) => html`<div class="source"><a href=${edge.source === sp.ANY ? sp.assetHref(edge.asset)
          : sp.graphHref({ at: edge.asset, column: edge.source })}>${edge.asset}${edge.source === sp.ANY ? ` (${sp.nameOf(sp.ANY, edge)})` : "." + edge.source}</a> <${How} edge=${edge} of=${of} /></div>`)}</td>
        <td>${column.description}${column.inherited_from && html`<small class="quiet"> from ${column.inherited_from}</small>`}</td></tr>`)}
      </tbody></table></div>`;
  }

  function Checks({ of }) {
    if (!of.checks.length) return html`<p class="quiet">It has no checks.</p>`;
    return html`<ul class="checks">${of.checks.map((check) => html`<li>
      <${sp.State} word=${check.status === "success" ? "passed" : check.status || "not run"} />
      <div><b>${check.name.startsWith(of.name + ".") ? check.name.slice(of.name.length + 1) : check.name}</b>
        ${check.severity === "warning" && html` <small class="quiet">only warns</small>`}
        ${check.description && html`<p class="small">${check.description}</p>`}
        ${check.status !== "success" && check.status && html`<p class="small">${check.message || sp.plural(check.failures, "bad row")}</p>`}
        ${check.sample && check.status !== "success" && html`<details><summary>A few of the bad rows</summary>
          <div class="scroll" tabindex="0" role="region" aria-label="Bad rows of ${check.name}"><table class="plain"><thead><tr>${check.sample.columns.map((n) => html`<th scope="col">${n}</th>`)}</tr></thead>
          <tbody>${check.sample.rows.map((row) => html`<tr>${row.map((v) => html`<td>${v === null ? html`<i class="quiet">null</i>` : v}</td>`)}</tr>`)}</tbody></table></div></details>`}
      </div>
      ${check.results.length > 0 && html`<${sp.Dots} results=${check.results} name=${check.name} />`}</li>`)}</ul>`;
  }

  /** Where an edge's expression stands in the text as it is written: {line, column, length}, or null. */
  function markOf(of, said) {
    const [line, column, length] = (said || "").split(".").map(Number);
    return length > 0 && of.sql.written ? { line, column, length } : null;
  }

  function Sql({ of, mark }) {
    const [written, line, language] = of.sql.written || ["", 1, "text"];
    const tabs = [["written", "As written", written && [written, line, language]],
      ["compiled", "As it would run now", of.sql.compiled && [of.sql.compiled, 1, "sql"]],
      ["ran", "As it ran last", of.sql.ran.length > 0 && [of.sql.ran.map((s) => s.trim().replace(/;?$/, ";")).join("\n\n"), 1, "sql"]],
    ].filter(([, , text]) => text);
    const [chosen, choose] = useState("");
    sp.useEffect(() => {
      if (!mark) return;
      choose("written");
      setTimeout(() => document.querySelector("#sql mark")?.scrollIntoView({ block: "center" }), 60);
    }, [mark && [mark.line, mark.column, mark.length].join()]);
    if (!tabs.length) return null;
    const [key, title, text] = tabs.find(([name]) => name === chosen) || tabs[0];
    return html`<${Section} id="sql" title=${language === "python" ? "Code" : "SQL"}>
      <div class="tabs" role="group" aria-label="Which text">${tabs.map(([name, word]) => html`<button aria-pressed=${name === key ? "true" : "false"}
        onClick=${() => choose(name)}>${word}</button>`)}
        ${key === "ran" && html`<a class="quiet small" href="#/run/${encodeURIComponent(of.sql.ran_in)}">run ${of.sql.ran_in}</a>`}</div>
      <${sp.Code} text=${text[0]} line=${text[1]} language=${text[2]} label=${title} mark=${key === "written" ? mark : null} /><//>`;
  }

  function History({ of }) {
    if (!of.history.length) return html`<p class="quiet">It was never built.</p>`;
    const steps = of.history.filter((step) => WROTE.has(step.status) || step.status === "error" || step.status === "fail");
    const point = (key) => (step) => ({ at: step.at, value: step[key], label: step.slices, bad: !WROTE.has(step.status) });
    const rows = steps.filter((step) => step.rows !== null), took = steps.filter((step) => step.seconds !== null);
    const newest = [...of.history].reverse();
    return html`<div class="charts">
        <${sp.Bars} name="Rows written" points=${rows.map(point("rows"))} text=${sp.count} />
        <${sp.Bars} name="Seconds" points=${took.map(point("seconds"))} text=${sp.seconds} /></div>
      <div class="scroll" tabindex="0" role="region" aria-label="Builds"><table class="plain wide"><thead><tr><th scope="col">When</th><th scope="col">How</th>
        <th scope="col">What</th><th scope="col" class="right">Rows</th><th scope="col" class="right">Took</th><th scope="col">Why</th></tr></thead>
        <tbody>${newest.slice(0, 30).map((step) => html`<tr><td class="nowrap"><a href="#/run/${encodeURIComponent(step.run)}">${sp.minute(step.at)}</a></td>
          <td><${sp.State} word=${step.status} /></td><td>${step.action}${step.slices && html` <small class="quiet">${step.slices}</small>`}</td>
          <td class="right">${sp.count(step.rows)}</td><td class="right nowrap">${sp.seconds(step.seconds)}</td>
          <td class="quiet small">${step.reasons.join("; ")}</td></tr>`)}</tbody></table></div>`;
  }

  function Asset({ graph, name, column, mark }) {
    const at = graph.number.get(name);
    const [of, error] = sp.useDocument(at === undefined ? null : "asset/" + graph.nodes[at].doc);
    if (at === undefined) return html`<main class="page" id="main"><h1>There is no asset '${name}'</h1><p><a href="#/assets">All assets</a></p></main>`;
    if (error) return html`<main class="page" id="main"><h1>${name}</h1><${sp.Fault} error=${error} /></main>`;
    if (!of) return html`<main class="page" id="main"><h1>${name}</h1><${sp.Loading} /></main>`;
    const logged = Object.entries(of.logged);
    return html`<main class="page" id="main">
      <header class="head"><div><h1>${of.name}</h1>
        <p class="chips"><${sp.State} word=${sp.stateOf(of)} /><${sp.Kind} of=${of} /></p><${sp.Going} name=${of.name} /></div>
        <p class="buttons"><a class="button" href=${sp.graphHref({ at: of.name })}>In the graph</a>
          <a class="button soft" href=${sp.graphHref({ at: of.name, select: `+${sp.selecting(of.name)}+` })}>Only its lineage</a>
          <${sp.PlanButton} start=${{ select: sp.selecting(of.name), name: of.name }} /></p></header>
      ${of.description && html`<${sp.Prose} text=${of.description} />`}
      ${of.reasons.length > 0 && html`<div class="note"><b>The next build runs it:</b> ${of.reasons.join("; ")}</div>`}
      <div class="split"><${Facts} of=${of} />
        <div class="flow"><div><h3>Reads</h3><${Names} names=${of.inputs} none="nothing" /></div>
          <div><h3>Read by</h3><${Names} names=${of.readers} none="nothing" /></div></div></div>
      <${Section} id="columns" title="Columns" more=${of.columns.length || ""}><${Columns} of=${of} chosen=${column} /><//>
      ${of.slices && html`<${Section} id="slices" title="Slices"><${sp.Slices} of=${of.slices} /><//>`}
      <${Section} id="checks" title="Checks" more=${of.checks.length || ""}><${Checks} of=${of} /><//>
      <${Sql} of=${of} mark=${markOf(of, mark)} />
      ${logged.length > 0 && html`<${Section} id="logged" title="Logged by its newest build">
        <dl class="facts logged">${logged.map(([key, value]) => html`<div><dt>${key}</dt><dd><${sp.Value} of=${value} /></dd></div>`)}</dl><//>`}
      <${Section} id="history" title="Builds" more=${of.history.length || ""}><${History} of=${of} /><//>
    </main>`;
  }

  function Assets({ graph, query, setQuery }) {
    const text = query.select || "";
    const { shown, wrong, isAsked } = sp.useSelection(graph, text);
    sp.useLive("states", "building");
    const nodes = graph.nodes.filter((_, i) => !shown || shown.has(i));
    const folders = new Map();
    for (const node of [...nodes].sort((a, b) => (a.name < b.name ? -1 : 1))) folders.set(node.folder, [...(folders.get(node.folder) || []), node]);
    return html`<main class="page" id="main"><header class="head"><h1>Assets <small>${nodes.length}</small></h1>
      <label class="filter ${wrong ? "is-wrong" : ""}"><span class="hidden">Filter assets</span>
        <input type="search" value=${text} placeholder="name, +name+, tag:x, owner:x, state:stale" spellcheck=${false} aria-invalid=${wrong ? "true" : "false"}
          onInput=${(event) => setQuery({ select: event.target.value })} /></label><${sp.PlanButton} start=${{ select: text.trim() }} word=${text.trim() ? "Plan these…" : "Plan…"} /></header>
      <p class=${wrong ? "fault" : isAsked ? "quiet" : "hidden"} role="status">${wrong || isAsked && "asking the server …" || sp.plural(nodes.length, "asset")}</p>
      ${[...folders].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([folder, own]) => html`<section class="part"><h2>${folder} <small>${own.length}</small></h2>
        <ul class="list">${own.map((node) => html`<li><a href=${sp.assetHref(node.name)}><b>${node.name}</b></a>
          <span class="about">${node.about}</span><span class="ends"><${sp.Kind} of=${node} /><${sp.State} word=${sp.stateOf(node)} /></span></li>`)}</ul></section>`)}
    </main>`;
  }

  Object.assign(sp, { Asset, Assets, Section });
})(window.sqlpipes);

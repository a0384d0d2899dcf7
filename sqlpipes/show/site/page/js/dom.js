// Words, numbers, times and small parts that every view uses.
(function (sp) {
  "use strict";
  const { html, useState, useEffect, useRef, useMemo } = window.htmPreact;

  /** [document or null, error or null]; the document of the newest key. What is shown stays until what has
   * taken its place is here. */
  function useDocument(key) {
    const [found, setFound] = useState({ key: null });
    useEffect(() => {
      if (key === null) return undefined;
      let alive = true, asked = 0;
      const ask = () => {
        const own = (asked += 1);
        const say = (more) => alive && own === asked && setFound((was) =>
          (was.key === key && was.value !== undefined && was.value === more.value ? was
            : was.key === key && was.value && more.error && sp.isServed ? was : { key, ...more }));
        sp.load(key).then((value) => say({ value }), (error) => say({ error }));
      };
      const ends = sp.watch((keys) => sp.touched(keys, key) && ask());
      ask();
      return () => {
        alive = false;
        ends();
      };
    }, [key]);
    return found.key === key ? [found.value ?? null, found.error ?? null] : [null, null];
  }

  const number = new Intl.NumberFormat("en");
  const count = (value) => (value === null || value === undefined ? "" : number.format(value));
  const plural = (value, word) => `${count(value)} ${word}${value === 1 ? "" : "s"}`;

  function seconds(value) {
    if (value === null || value === undefined) return "";
    if (value < 10) return value.toFixed(2) + " s";
    if (value < 90) return value.toFixed(1) + " s";
    if (value < 5400) return Math.round(value / 60) + " min";
    return (value / 3600).toFixed(1) + " h";
  }

  function size(value) {
    if (value === null || value === undefined) return "";
    const units = ["B", "kB", "MB", "GB", "TB"];
    let at = 0;
    while (value >= 1000 && at < units.length - 1) {
      value /= 1000;
      at += 1;
    }
    return at ? `${value.toFixed(1)} ${units[at]}` : `${value} B`;
  }

  const two = (value) => String(value).padStart(2, "0");
  /** In the reader's own zone. */
  function minute(text) {
    if (!text) return "";
    const at = new Date(text);
    const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
  }

  const go = (route) => {
    location.hash = route;
  };
  const part = encodeURIComponent;
  const assetHref = (name, column) =>
    `#/asset/${part(name)}` + (column ? `/column/${part(column)}` : "");
  /** A name as a selection, whatever is in it. */
  const selecting = (name) => (/^[\w$.-]+$/.test(name) && !/\.(sql|py|csv|parquet|json|ya?ml)$/.test(name) ? name : `fqn:"${name.replace(/"/g, '""')}"`);
  const graphHref = (query) => {
    const said = Object.entries(query).filter(([, value]) => value);
    return "#/graph" + (said.length ? "?" + new URLSearchParams(said) : "");
  };

  /** Whether an edge's expression stands in the text of its asset, and not in a file that it takes in. */
  function isMarked(asset, edge) {
    const graph = sp.live.graph, at = graph ? graph.number.get(asset) : undefined;
    return Boolean(at !== undefined && edge.at && edge.at.length && edge.at.file === graph.nodes[at].path);
  }
  const markHref = (asset, edge) => `#/asset/${part(asset)}?mark=${edge.at.line}.${edge.at.column}.${edge.at.length}`;

  /** What was typed. Where the project is, is left out: this page is about one. */
  const typed = (command) => command.replace(/ --project-dir[= ]('[^']*'|\S+)/, "");

  /** A state in words and colour, with a shape of its own. */
  const SIGNS = {
    current: "●", built: "●", success: "●", passed: "●",
    stale: "◐", warn: "▲", missing: "○", external: "◇", inlined: "◌",
    failed: "✕", fail: "✕", error: "✕", "in doubt": "?", interrupted: "?",
    running: "▶", skipped: "–", cancelled: "–", queued: "…", split: "⋯",
  };
  const tone = (word) => "tone-" + String(word || "none").replace(/\s/g, "-");
  const State = ({ word }) =>
    html`<span class="state ${tone(word)}"><i aria-hidden="true">${SIGNS[word] || "○"}</i>${word}</span>`;

  const Kind = ({ of }) =>
    html`<span class="kind kind-${of.kind}">${of.kind === "sql" || of.kind === "python"
      ? `${of.kind} ${of.materialized}` : of.kind}</span>`;

  const Loading = () => html`<p class="quiet pad" role="status">loading …</p>`;
  const Fault = ({ error }) =>
    html`<p class="fault" role="alert">This part of the page cannot be read: ${error.message}</p>`;

  const WEB = /^(https?:|mailto:)/i;
  /** Only what leads to the web is a link: any other scheme might do something. */
  const Link = ({ to, children }) =>
    WEB.test(to) ? html`<a href=${to} rel="noreferrer noopener">${children}</a>`
      : html`<span>${children} <code>${to}</code></span>`;

  const INLINE = /(`[^`\n]+`|\*\*[^*\n]+\*\*|https?:\/\/[^\s<>)"']+)/g;
  function words(line) {
    return line.split(INLINE).map((piece) => {
      if (/^`.+`$/.test(piece)) return html`<code>${piece.slice(1, -1)}</code>`;
      if (/^\*\*.+\*\*$/.test(piece)) return html`<strong>${piece.slice(2, -2)}</strong>`;
      if (/^https?:/.test(piece)) return html`<${Link} to=${piece}>${piece}<//>`;
      return piece;
    });
  }
  /** Paragraphs, lists, `code`, **bold** and addresses of a description; all else is text as it is. */
  function Prose({ text }) {
    const blocks = text.trim().split(/\n\s*\n/);
    return html`<div class="prose">${blocks.map((block) => {
      const lines = block.split("\n");
      if (lines.every((line) => /^\s*[-*] /.test(line)))
        return html`<ul>${lines.map((line) => html`<li>${words(line.replace(/^\s*[-*] /, ""))}</li>`)}</ul>`;
      return html`<p>${words(lines.join("\n"))}</p>`;
    })}</div>`;
  }

  /** A value that a build logged, as what it is. */
  function Value({ of }) {
    const { type, value } = of;
    if (type === "number") return html`<b>${count(value)}</b>`;
    if (type === "url") return html`<${Link} to=${String(value)}>${value}<//>`;
    if (type === "table" && Array.isArray(value)) return html`<${Rows} rows=${value} />`;
    if (type === "markdown") return html`<${Prose} text=${String(value)} />`;
    const text = typeof value === "string" ? value : JSON.stringify(value, null, 1);
    return text && text.includes("\n") ? html`<pre>${text}</pre>` : html`<span>${text}</span>`;
  }
  function Rows({ rows }) {
    const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    const cell = (value) => (value === null || value === undefined ? "" : String(value));
    return html`<div class="scroll" tabindex="0" role="region" aria-label="Logged rows"><table class="plain">
      <thead><tr>${names.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
      <tbody>${rows.slice(0, 50).map((row) => html`<tr>${names.map((n) => html`<td>${cell(row[n])}</td>`)}</tr>`)}</tbody>
    </table></div>`;
  }

  Object.assign(sp, {
    html, useState, useEffect, useRef, useMemo, useDocument,
    count, plural, seconds, size, minute, go, assetHref, graphHref, selecting, typed, markHref, isMarked, SIGNS, tone,
    State, Kind, Loading, Fault, Link, Prose, Value,
  });
})(window.sqlpipes);

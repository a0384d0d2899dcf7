// Small charts as SVG, and the picture of slices. Each says in words what it shows, too.
(function (sp) {
  "use strict";
  const { html } = sp;
  const WIDE = 320, HIGH = 64;

  /** points: [{at, value, label, bad}], oldest first. */
  function Bars({ points, name, text }) {
    const shown = points.slice(-40), top = Math.max(...shown.map((p) => p.value), 0) || 1;
    const step = WIDE / Math.max(shown.length, 12), last = shown[shown.length - 1];
    if (!last) return null;
    return html`<figure class="chart">
      <figcaption><span>${name}</span><b>${text(last.value)}</b></figcaption>
      <svg viewBox="0 0 ${WIDE} ${HIGH}" preserveAspectRatio="none" role="img"
        aria-label="${name} of the last ${shown.length} builds, newest ${text(last.value)}, at most ${text(top)}">
        ${shown.map((point, i) => {
          const height = Math.max((point.value / top) * (HIGH - 4), 1.5);
          return html`<rect class=${point.bad ? "bad" : ""} x=${i * step + 1} y=${HIGH - height} width=${Math.max(step - 2, 1)} height=${height} rx="1.5">
            <title>${sp.minute(point.at)}: ${text(point.value)}${point.label ? "\n" + point.label : ""}</title></rect>`;
        })}
      </svg></figure>`;
  }

  /** A dot a result, the newest at the right. results: [[at, status, failures, run]] */
  const Dots = ({ results, name }) => html`<span class="dots" role="img"
    aria-label="${name}: the last ${Math.min(results.length, 20)} results, ${results.slice(-20).filter((r) => r[1] !== "success").length} of them not passed">
    ${results.slice(-20).map(([at, status, failures]) =>
      html`<i class=${sp.tone(status)} title="${sp.minute(at)}: ${status}${failures ? `, ${sp.plural(failures, "row")}` : ""}"></i>`)}</span>`;

  const STATES = { f: "failed", d: "in doubt", r: "running", m: "missing", s: "stale", b: "built", " ": "" };

  /** The same rows and cells as `sqlpipes status` draws. */
  function Cells({ picture }) {
    const heads = new Map(picture.heads);
    const most = Math.max(...picture.rows.map(([, cells]) => cells.length), 0);
    const gap = (i) => (picture.block && i && i % picture.block === 0 ? "gap" : "");
    const bad = picture.rows.flatMap(([label, cells]) => (/[fdms]/.test(cells) ? [label] : []));
    return html`<div class="scroll" tabindex="0" role="region" aria-label="Slices">
      <div class="cells" role="img" aria-label="${picture.rows.length} rows of slices; ${bad.length
        ? `not all built in ${bad.slice(0, 5).join(", ")}${bad.length > 5 ? " and more" : ""}` : "all are built"}">
      ${heads.size > 0 && html`<div class="row heads"><span></span>${Array.from({ length: most }, (_, i) =>
        html`<i class=${gap(i)}>${heads.get(i) || ""}</i>`)}</div>`}
      ${picture.rows.map(([label, cells]) => html`<div class="row"><span>${label}</span>${[...cells].map((letter, i) =>
        html`<i class="${gap(i)} ${STATES[letter] ? "cell " + sp.tone(STATES[letter]) : ""}" title=${STATES[letter] && `${label}, ${nearest(heads, i)}: ${STATES[letter]}`}></i>`)}</div>`)}
      </div></div>`;
  }
  /** Which cell of its row it is, counted as the heads do where they stand close enough to say so. */
  function nearest(heads, i) {
    const before = [...heads].filter(([at]) => at <= i).pop();
    const number = before && /^\d+$/.test(before[1]) && heads.size > 1 ? Number(before[1]) : null;
    const next = [...heads].find(([at]) => at > (before ? before[0] : 0));
    const even = number !== null && next && Number(next[1]) - number === next[0] - before[0];
    return even ? String(number + i - before[0]) : `cell ${i + 1}`;
  }

  function Slices({ of }) {
    if (!of.count) return html`<p class="quiet">no slices yet</p>`;
    return html`<p>${sp.plural(of.count, "slice")} of <code>${of.columns.join(", ")}</code> by ${of.by}.
        ${of.picture && html`<span class="quiet"> ${of.picture.caption}</span>`}</p>
      ${of.picture && html`<${Cells} picture=${of.picture} />`}
      ${of.values && html`<ul class="values">${of.values.map(([key, letter]) =>
        html`<li class=${sp.tone(STATES[letter])} title=${STATES[letter]}><i aria-hidden="true">${sp.SIGNS[STATES[letter]]}</i>${key}<span class="hidden">, ${STATES[letter]}</span></li>`)}</ul>`}
      <table class="plain wide"><thead><tr><th scope="col">State</th><th scope="col" class="right">Slices</th><th scope="col">Which</th></tr></thead>
        <tbody>${of.states.map((each) => html`<tr><td><${sp.State} word=${each.state} /></td><td class="right">${sp.count(each.count)}</td>
          <td><span class="ranges">${each.ranges.slice(0, 12).join(", ")}${each.ranges.length + each.more > 12
            ? ` and ${sp.count(each.ranges.length + each.more - 12)} more` : ""}</span>
            ${each.reasons.map((reason) => html`<div class="quiet small">${reason}</div>`)}</td></tr>`)}</tbody></table>`;
  }

  Object.assign(sp, { Bars, Dots, Slices });
})(window.sqlpipes);

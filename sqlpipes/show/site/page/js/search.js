// Search over everything, by keyboard: / or Ctrl-K opens it, arrows choose, Enter goes there.
(function (sp) {
  "use strict";
  const { html, useState, useEffect, useRef, useMemo } = sp;
  const MOST = 40;

  /** Every thing that can be found: [kind, title, text that is searched too, address]. */
  function things(found, runs) {
    const list = [];
    for (const [name, about, columns, checks, words] of found.assets) {
      list.push(["asset", name, about + " " + words, sp.assetHref(name), about]);
      for (const [column, said] of columns)
        list.push(["column", `${name}.${column}`, said, sp.graphHref({ at: name, column }), said]);
      for (const check of checks) list.push(["check", check, "", sp.assetHref(name) + "?to=checks", ""]);
    }
    for (const run of runs) list.push(["run", run.id, run.command, "#/run/" + encodeURIComponent(run.id), `${run.status}: ${sp.typed(run.command)}`]);
    return list.map(([kind, title, text, href, about]) => ({ kind, title, href, about, low: title.toLowerCase(), text: text.toLowerCase() }));
  }

  const BEFORE = { asset: 0, column: 6, check: 8, run: 8 };
  function rank(thing, words) {
    let points = BEFORE[thing.kind] + thing.title.length / 50;
    for (const word of words) {
      const at = thing.low.indexOf(word);
      if (thing.low === word) points -= 10;
      else if (at === 0) points += 0;
      else if (at > 0) points += /[._\-\s]/.test(thing.low[at - 1]) ? 2 : 5;
      else if (thing.text.includes(word)) points += 12;
      else return null;
    }
    return points;
  }

  function best(list, text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return list.filter((thing) => thing.kind === "asset").slice(0, 12);
    const found = [];
    for (const thing of list) {
      const points = rank(thing, words);
      if (points !== null) found.push([points, thing]);
    }
    return found.sort((a, b) => a[0] - b[0]).slice(0, MOST).map(([, thing]) => thing);
  }

  function Search({ close }) {
    const [found, error] = sp.useDocument("search");
    const [runs] = sp.useDocument("runs");
    const [text, setText] = useState(""), [at, setAt] = useState(0);
    const dialog = useRef(null), list = useRef(null);
    const all = useMemo(() => (found ? things(found, runs ? runs.runs : []) : []), [found, runs]);
    const hits = useMemo(() => best(all, text), [all, text]);
    useEffect(() => {
      const before = document.activeElement;
      dialog.current.showModal();
      return () => before && before.focus && before.focus();
    }, []);
    useEffect(() => {
      const chosen = list.current && list.current.children[at];
      if (chosen) chosen.scrollIntoView({ block: "nearest" });
    }, [at, hits]);
    const open = (hit) => {
      close();
      sp.go(hit.href.slice(1));
    };
    const keys = (event) => {
      const moves = { ArrowDown: 1, ArrowUp: -1 };
      if (event.key in moves) setAt((at + moves[event.key] + hits.length) % Math.max(hits.length, 1));
      else if (event.key === "Enter" && hits[at]) open(hits[at]);
      else if (event.key === "Escape") close(); // a field of this type would only empty itself
      else return;
      event.preventDefault();
    };
    return html`<dialog class="search" ref=${dialog} aria-label="Search" onClose=${close}
      onClick=${(event) => event.target === dialog.current && close()}>
      <div class="inner"><input type="search" role="combobox" aria-expanded="true" aria-controls="hits" aria-label="Search assets, columns, checks and runs"
        aria-activedescendant=${hits[at] ? "hit-" + at : undefined} autofocus placeholder="Search assets, columns, checks, runs …" value=${text}
        spellcheck=${false} autocomplete="off" onKeyDown=${keys} onInput=${(event) => { setText(event.target.value); setAt(0); }} />
      ${error && html`<${sp.Fault} error=${error} />`}
      <ul id="hits" role="listbox" aria-label="Found" ref=${list}>${hits.map((hit, i) => html`<li id="hit-${i}" role="option" key=${hit.kind + hit.title}
        aria-selected=${i === at ? "true" : "false"} onClick=${() => open(hit)} onPointerMove=${() => i !== at && setAt(i)}>
        <span class="what what-${hit.kind}">${hit.kind}</span><b>${hit.title}</b><span class="about">${hit.about}</span></li>`)}</ul>
      ${text && found && !hits.length && html`<p class="quiet pad" role="status">nothing has these words</p>`}
      <p class="help quiet small" aria-hidden="true"><kbd>↑</kbd><kbd>↓</kbd> choose <kbd>↵</kbd> open <kbd>esc</kbd> close</p></div></dialog>`;
  }

  sp.Search = Search;
})(window.sqlpipes);

// The graph: a canvas, what floats above it (filter, folding, colours, legend, zoom), and a panel about what is
// chosen. All that is chosen stands in the address: #/graph?select=+orders&by=folder&colour=kind&at=orders&column=net
(function (sp) {
  "use strict";
  const { html, useState, useEffect, useRef, useMemo } = sp;
  const COLOURS = [["state", "State"], ["kind", "Kind"], ["owner", "Owner"], ["folder", "Folder"], ["group", "Group"]];
  const MANY = 400; // assets, from which on the graph begins folded
  const FOLDS = [["none", "Every asset"], ["folder", "By folder"], ["group", "By group"]];
  const narrow = () => window.innerWidth < 760;

  /** The way of a column, when one is asked for. */
  function usePath(graph, asset, column) {
    const [path, setPath] = useState(null);
    useEffect(() => {
      let alive = true;
      if (asset && column)
        sp.columnPath(graph, asset, column).then((found) => alive && setPath(found), () => alive && setPath(null));
      else setPath(null);
      return () => {
        alive = false;
      };
    }, [graph, asset, column]);
    return column && path && path.asset === asset && path.column === column ? path : null;
  }

  function labelOf(box, path) {
    if (box.fold) {
      const { members, label } = box.fold, behind = members.filter((node) => !["current", "external", "inlined"].includes(sp.stateOf(node)));
      return [label, sp.plural(members.length, "asset") + (behind.length ? ` · ${behind.length} not current` : "")];
    }
    const { node } = box, columns = path && path.columns.get(node.name);
    if (columns) return [node.name, [...columns].join(", "), true];
    const kind = ["sql", "python"].includes(node.kind) ? node.materialized : node.kind;
    return [node.name, `${kind} · ${sp.stateOf(node)}${node.failing ? ` · ${sp.plural(node.failing, "failing check")}` : ""}`];
  }

  function colourOf(box, colour, names) {
    if (!box.fold) return names.get(sp.wordOf(box.node, colour));
    if (colour === "state") return names.get(sp.worst(box.fold.members));
    const words = new Set(box.fold.members.map((node) => sp.wordOf(node, colour)));
    return words.size === 1 ? names.get([...words][0]) : "--hue-none";
  }

  /** What is lit: around an asset its whole past and future; of a column its way. */
  function marksOf(graph, made, at, path) {
    const box = (name) => made.byName.get(name);
    if (path) {
      const hops = [...path.up, ...path.down].map(({ from, to, edge }) => ({ from: box(from.asset), to: box(to.asset), edge }));
      const found = hops.filter((hop) => hop.from && hop.to && hop.from !== hop.to);
      const pairs = new Map(found.map((hop) => [hop.from.id + "\u0000" + hop.to.id, hop]));
      return {
        marked: new Set([...path.columns.keys()].map(box).filter(Boolean).map((each) => each.id)),
        lit: ([a, b]) => pairs.has(a.id + "\u0000" + b.id),
        words: [...pairs.values()].map(({ from, to, edge }) => ({ from, to, text: sp.said(edge), short: edge.kind.replace("_", " ") })),
      };
    }
    if (!at || !graph.number.has(at)) return { marked: null, lit: null, words: [] };
    const self = [graph.number.get(at)];
    const near = new Set([...sp.reach(self, graph.inputs, Infinity), ...sp.reach(self, graph.readers, Infinity)]);
    const ids = [...near].map((i) => box(graph.nodes[i].name)).filter(Boolean).map((each) => each.id);
    return { marked: new Set(ids), lit: null, words: [] };
  }

  function Graph({ graph, query, setQuery }) {
    const element = useRef(null), canvas = useRef(null), fitted = useRef(""), revealed = useRef("");
    const [open, setOpen] = useState(() => new Set());
    const [text, setText] = useState(query.select || "");
    const isLarge = useMemo(() => graph.nodes.length > MANY && new Set(graph.nodes.map((node) => node.folder)).size > 1, [graph]);
    const by = query.by || (isLarge && !query.select && !query.at ? "folder" : "none"), colour = query.colour || "state", at = query.at || "";
    const path = usePath(graph, at, query.column || "");
    const { shown, wrong, isAsked } = sp.useSelection(graph, query.select || "");
    const { count: moved } = sp.useLive("states", "building");
    const going = graph.nodes.filter((node) => sp.stateOf(node) === "running").map((node) => node.name).join("\n");
    const [picked, setPicked] = useState(() => new Set());
    const only = path && query.only ? new Set([...path.columns.keys()].map((name) => graph.number.get(name))) : shown;
    const made = useMemo(() => sp.picture(graph, { shown: only, by: by === "none" || (path && query.only) ? "" : by, open,
      across: path && query.only ? 230 : undefined }),
      [graph, shown, by, open, path, query.only]);
    const words = useMemo(() => sp.legend(graph.nodes.filter((_, i) => !shown || shown.has(i)), colour), [graph, shown, colour, moved, going]);
    const chosen = at && made.byName.get(at);
    useEffect(() => setText(query.select || ""), [query.select]);
    useEffect(() => {
      const timer = setTimeout(() => text.trim() !== (query.select || "") && setQuery({ select: text.trim() }), 250);
      return () => clearTimeout(timer);
    }, [text]);

    const act = useRef({});
    act.current = {
      pick: (box, isMore) => {
        if (isMore && sp.live.isOn) return box && setPicked(toggled(picked, box.fold ? box.fold.members.map((node) => node.name) : [box.node.name]));
        if (!box) setQuery({ at: "", column: "", only: "" });
        else if (box.fold) setOpen(new Set([...open, box.fold.label]));
        else setQuery({ at: box.node.name, column: "", only: "", by: query.by || (by === "none" ? "" : by) });
      },
      open: (box) => box.node && sp.go(sp.assetHref(box.node.name).slice(1)),
    };
    useEffect(() => {
      canvas.current = new sp.Canvas(element.current, {
        pick: (box, isMore) => act.current.pick(box, isMore), open: (box) => act.current.open(box),
      });
      sp.canvas = canvas.current; // for a look from outside, as the browser tests take
      return () => canvas.current.close();
    }, []);
    const margin = () => (narrow() ? [112, 14, chosen ? window.innerHeight * 0.42 : 60, 14] : [84, chosen ? 392 : 40, 64, 40]);
    const fitAll = (focus = null) => canvas.current.fit(path ? made.boxes.filter((box) => marks.marked.has(box.id)) : made.boxes, 1, margin(), focus);
    const marks = marksOf(graph, made, at, path);
    useEffect(() => {
      const names = new Map(words.map(([word, name]) => [word, name]));
      canvas.current.show({
        picture: made,
        colours: new Map(made.boxes.map((box) => [box.id, colourOf(box, colour, names)])),
        labels: new Map(made.boxes.map((box) => [box.id, labelOf(box, path)])),
        chosen: chosen ? chosen.id : null,
        pulsing: new Set(going ? going.split("\n").map((name) => made.byName.get(name)).filter(Boolean).map((box) => box.id) : []),
        picked: new Set([...picked].map((name) => made.byName.get(name)).filter(Boolean).map((box) => box.id)),
        ...marks,
      });
      const now = [query.select, by, [...open], path ? path.asset + "." + path.column : "", query.only].join("|");
      if (fitted.current !== now) {
        const first = !fitted.current;
        fitted.current = now;
        if (first && at && !path) {
          canvas.current.fit(made.boxes.filter((box) => marks.marked && marks.marked.has(box.id)), 1, margin(), chosen);
        } else fitAll(path && chosen);
      } else if (chosen && revealed.current !== at) canvas.current.reveal(chosen);
      revealed.current = at;
    }, [made, words, colour, at, path, moved, going, picked]);

    return html`<section class="graph" aria-label="Graph of assets">
      <canvas ref=${element} tabindex="0" role="application" onKeyDown=${(event) => keys(event, graph, made, at, setQuery, canvas.current)}
        aria-label="Graph of ${sp.plural(made.boxes.length, "box")}. Arrow keys go along the lines, enter opens, plus and minus zoom."></canvas>
      <div class="bar">
        <label class="filter ${wrong ? "is-wrong" : ""}">
          <span class="hidden">Filter assets</span>
          <input type="search" value=${text} placeholder="Filter: name, +name+, tag:x, state:stale"
            spellcheck=${false} autocomplete="off" aria-invalid=${wrong ? "true" : "false"} aria-describedby="filter-says"
            onInput=${(event) => setText(event.target.value)} />
        </label>
        <${Choice} label="Fold" options=${FOLDS} value=${by} onChange=${(value) => { setOpen(new Set()); setQuery({ by: value }); }} />
        <${Choice} label="Colour" options=${COLOURS} value=${colour} onChange=${(value) => setQuery({ colour: value === "state" ? "" : value })} />
        ${open.size > 0 && html`<button class="soft" onClick=${() => setOpen(new Set())}>Fold all</button>`}
        ${picked.size > 0 ? html`<span class="picked"><b>${picked.size}</b> picked <${sp.PlanButton} start=${{ select: [...picked].map(sp.selecting).join(" ") }} />
          <button class="close" aria-label="Pick none" onClick=${() => setPicked(new Set())}>×</button></span>`
          : html`<${sp.PlanButton} start=${{ select: query.select || "" }} word=${query.select ? "Plan these…" : "Plan…"} />`}
      </div>
      <p class="says ${wrong ? "is-wrong" : isAsked ? "is-asked" : "hidden"}" id="filter-says" role="status">
        ${wrong || isAsked && "asking the server …" || `${shown ? shown.size : graph.nodes.length} of ${sp.plural(graph.nodes.length, "asset")} shown`}</p>
      <ul class="legend" aria-label="Colours">
        ${words.slice(0, 10).map(([word, name, count]) => html`<li><i style=${`background:var(${name})`}></i>${word}<b>${count}</b></li>`)}
        ${words.length > 10 && html`<li>and ${words.length - 10} more</li>`}
      </ul>
      <div class="zoom" role="group" aria-label="Zoom">
        <button aria-label="Zoom in" onClick=${() => canvas.current.zoom(1.3)}>+</button>
        <button aria-label="Zoom out" onClick=${() => canvas.current.zoom(1 / 1.3)}>−</button>
        <button aria-label="Show all" title="Show all" onClick=${() => fitAll()}>⤢</button>
      </div>
      ${at && graph.number.has(at) && (query.column
        ? html`<${PathPanel} path=${path} asset=${at} column=${query.column} only=${query.only} setQuery=${setQuery} />`
        : html`<${AssetPanel} graph=${graph} node=${graph.nodes[graph.number.get(at)]} setQuery=${setQuery} picked=${picked}
            toggle=${() => setPicked(toggled(picked, [at]))} />`)}
      <p class="hidden" role="status">${chosen && chosen.node ? `${chosen.node.name}, ${sp.stateOf(chosen.node)}` : ""}</p>
    </section>`;
  }

  const Choice = ({ label, options, value, onChange }) => html`<label class="choice"><span aria-hidden="true">${label}</span>
    <select aria-label=${label} value=${value} onChange=${(event) => onChange(event.target.value)}>
      ${options.map(([key, word]) => html`<option value=${key} selected=${key === value}>${word}</option>`)}
    </select></label>`;

  function keys(event, graph, made, at, setQuery, canvas) {
    const steps = { ArrowLeft: graph.inputs, ArrowRight: graph.readers };
    const here = graph.number.get(at);
    if (event.key === "+" || event.key === "=") canvas.zoom(1.2);
    else if (event.key === "-") canvas.zoom(1 / 1.2);
    else if (event.key === "Enter" && at) sp.go(sp.assetHref(at).slice(1));
    else if (event.key === "Escape") setQuery({ at: "", column: "", only: "" });
    else if (event.key.startsWith("Arrow")) {
      const inSight = (i) => made.byName.has(graph.nodes[i].name);
      const next = here === undefined ? graph.nodes.findIndex((_, i) => inSight(i))
        : steps[event.key] ? steps[event.key][here].find(inSight) : beside(made, at, event.key === "ArrowDown" ? 1 : -1, graph);
      if (next !== undefined && next >= 0) setQuery({ at: graph.nodes[next].name, column: "", only: "" });
    } else return;
    event.preventDefault();
  }

  /** The next box above or below in the same layer. */
  function beside(made, at, way, graph) {
    const own = made.byName.get(at);
    if (!own) return undefined;
    const near = made.boxes.filter((box) => box.node && box.x === own.x && (box.y - own.y) * way > 0);
    near.sort((a, b) => (a.y - b.y) * way);
    return near.length ? graph.number.get(near[0].node.name) : undefined;
  }

  const Close = ({ setQuery }) => html`<button class="close" aria-label="Close the panel"
    onClick=${() => setQuery({ at: "", column: "", only: "" })}>×</button>`;

  /** All of them, or none of them if they were in it. */
  const toggled = (set, names) => {
    const next = new Set(set), isIn = names.every((name) => set.has(name));
    names.forEach((name) => (isIn ? next.delete(name) : next.add(name)));
    return next;
  };

  /** A step that builds it right now, and where to follow it. */
  function Going({ name }) {
    const { building, runs } = sp.useLive("building", "runs"), row = runs.get(building.get(name));
    return row ? html`<p class="small now"><i class="spin" aria-hidden="true"></i>being built: <a href="#/run/${encodeURIComponent(row.id)}">follow it</a></p>` : null;
  }

  function AssetPanel({ graph, node, setQuery, picked, toggle }) {
    const [found] = sp.useDocument("asset/" + node.doc);
    const i = graph.number.get(node.name);
    return html`<aside class="panel" aria-label="About ${node.name}">
      <${Close} setQuery=${setQuery} />
      <h2><a href=${sp.assetHref(node.name)}>${node.name}</a></h2>
      <p class="chips"><${sp.State} word=${sp.stateOf(node)} /><${sp.Kind} of=${node} /></p>
      <${Going} name=${node.name} />
      ${node.why && html`<p class="quiet small">${node.why}</p>`}
      ${node.about && html`<p>${node.about}</p>`}
      <p class="quiet small">reads ${graph.inputs[i].length} · read by ${graph.readers[i].length}${node.owners.length
        ? ` · ${node.owners.join(", ")}` : ""}</p>
      <p class="buttons"><a class="button" href=${sp.assetHref(node.name)}>Open</a>
        <button class="soft" onClick=${() => setQuery({ select: `+${sp.selecting(node.name)}+` })}>Only its lineage</button>
        <${sp.PlanButton} start=${{ select: sp.selecting(node.name), name: node.name }} />
        ${sp.live.isOn && html`<button class="soft" aria-pressed=${picked.has(node.name) ? "true" : "false"} title="Pick several, to plan them together (or shift and click)"
          onClick=${toggle}>${picked.has(node.name) ? "Picked" : "Pick"}</button>`}</p>
      ${found && found.columns.length > 0 && html`<h3>Columns <small>choose one to light up its path</small></h3>
        <ul class="columns">${found.columns.map((column) => html`<li><button
          onClick=${() => setQuery({ column: column.name })}><span>${column.name}</span><code>${(column.type || "").toLowerCase()}</code></button></li>`)}</ul>`}
    </aside>`;
  }

  const End = ({ at, edge, setQuery }) => html`<button class="end" onClick=${() => setQuery({ at: at.asset, column: at.column === sp.ANY ? "" : at.column })}>
    <span>${at.asset}</span>${at.column === sp.ANY ? ` (${sp.nameOf(at.column, edge)})` : html`.<b>${at.column}</b>`}</button>`;

  /** What it is made by; a click shows where that stands in the SQL. */
  const Expression = ({ edge, asset }) => (!edge.expression ? null : sp.isMarked(asset, edge)
    ? html`<a class="expression" href=${sp.markHref(asset, edge)} title="Show it in the SQL of ${asset}"><code>${edge.expression}</code></a>`
    : html`<code class="expression">${edge.expression}</code>`);

  const Hops = ({ title, hops, far, setQuery, none }) => html`<h3>${title}</h3>
    ${hops.length ? html`<ol class="hops">${hops.slice(0, 60).map((hop) => html`<li style=${`--depth:${Math.min(hop.depth - 1, 5)}`}>
      <${End} at=${hop[far]} edge=${hop.edge} setQuery=${setQuery} />
      <span class="how how-${hop.edge.kind}">${hop.edge.kind.replace("_", " ")}</span>
      ${far === "from" && hop.depth > 1 && html`<small class="quiet">into ${hop.to.asset}.${sp.nameOf(hop.to.column, hop.edge)}</small>`}
      ${far === "to" && hop.depth > 1 && html`<small class="quiet">from ${hop.from.asset}.${sp.nameOf(hop.from.column, hop.edge)}</small>`}
      <${Expression} edge=${hop.edge} asset=${hop.to.asset} /></li>`)}
      ${hops.length > 60 && html`<li class="quiet">and ${hops.length - 60} more</li>`}</ol>`
      : html`<p class="quiet small">${none}</p>`}`;

  function PathPanel({ path, asset, column, only, setQuery }) {
    return html`<aside class="panel" aria-label="Path of ${asset}.${column}">
      <${Close} setQuery=${setQuery} />
      <h2><a href=${sp.assetHref(asset)}>${asset}</a>.${column}</h2>
      ${!path ? html`<${sp.Loading} />` : !path.known ? html`<p class="fault">'${asset}' has no column '${column}' that is known.</p>
        <p class="buttons"><button class="soft" onClick=${() => setQuery({ column: "", only: "" })}>Its columns</button></p>` : html`
        <p class="buttons"><button class="soft" aria-pressed=${only ? "true" : "false"}
          onClick=${() => setQuery({ only: only ? "" : "1" })}>${only ? "In the whole graph" : "Only this path"}</button>
          <button class="soft" onClick=${() => setQuery({ column: "", only: "" })}>The asset</button></p>
        <${Hops} title="Comes from" hops=${path.up} far="from" setQuery=${setQuery} none="no column that is known" />
        <${Hops} title="Goes into" hops=${path.down} far="to" setQuery=${setQuery} none="no column" />
        ${path.rows.length > 0 && html`<h3>Rows decided by</h3><ul class="hops">${path.rows.map((edge) => html`<li>
          <${End} at=${{ asset: edge.asset, column: edge.source }} edge=${edge} setQuery=${setQuery} />
          <span class="how">${edge.kind.replace("_", " ")}</span>
          <${Expression} edge=${edge} asset=${asset} /></li>`)}</ul>`}`}
    </aside>`;
  }

  sp.Graph = Graph;
  sp.Going = Going;
})(window.sqlpipes);

// The shell: the address says what is shown; the header leads there.
(function (sp) {
  "use strict";
  const { html, useState, useEffect } = sp;
  const { render } = window.htmPreact;

  /** "#/asset/orders?to=checks" -> {parts: ["asset", "orders"], query: {to: "checks"}} */
  function route() {
    const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
    const plain = (text) => {
      try {
        return decodeURIComponent(text);
      } catch (error) {
        return text;
      }
    };
    return { parts: path.split("/").filter(Boolean).map(plain), query: Object.fromEntries(new URLSearchParams(query)) };
  }

  function useRoute() {
    const [at, setAt] = useState(route);
    useEffect(() => {
      const moved = () => setAt(route());
      window.addEventListener("hashchange", moved);
      return () => window.removeEventListener("hashchange", moved);
    }, []);
    return at;
  }

  /** Some keys of the query: what is chosen goes into the history, what is typed takes the old one's place. */
  function setQuery(at, patch) {
    const said = Object.entries({ ...at.query, ...patch }).filter(([, value]) => value);
    const path = at.parts.map(encodeURIComponent).join("/") || "graph";
    const next = "#/" + path + (said.length ? "?" + new URLSearchParams(said) : "");
    if (next === location.hash) return;
    if ("at" in patch || "column" in patch) location.hash = next;
    else {
      history.replaceState(null, "", next);
      window.dispatchEvent(new HashChangeEvent("hashchange"));
    }
  }

  const dark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };

  function Theme() {
    const [isDark, setDark] = useState(dark);
    useEffect(() => {
      const system = matchMedia("(prefers-color-scheme: dark)"), turned = () => setDark(dark());
      system.addEventListener("change", turned);
      return () => system.removeEventListener("change", turned);
    }, []);
    const turn = () => {
      document.documentElement.dataset.theme = isDark ? "light" : "dark";
      try {
        localStorage.setItem("sqlpipes-theme", document.documentElement.dataset.theme);
      } catch (error) {
        // a browser that keeps nothing turns it for this once
      }
      setDark(!isDark);
      window.dispatchEvent(new Event("sqlpipes-theme"));
    };
    return html`<button class="icon" aria-label=${isDark ? "Light colours" : "Dark colours"} title=${isDark ? "Light colours" : "Dark colours"} onClick=${turn}>
      <svg viewBox="0 0 20 20" aria-hidden="true">${isDark
        ? html`<circle cx="10" cy="10" r="3.6" /><path d="M10 2v2M10 16v2M2 10h2M16 10h2M4.3 4.3l1.4 1.4M14.3 14.3l1.4 1.4M4.3 15.7l1.4-1.4M14.3 5.7l1.4-1.4" />`
        : html`<path d="M16.5 12A7 7 0 0 1 8 3.5a7 7 0 1 0 8.500 8.500z" />`}</svg></button>`;
  }

  const PAGES = [["graph", "Graph"], ["assets", "Assets"], ["runs", "Runs"]];

  function Header({ graph, here, search }) {
    return html`<header class="top"><a class="skip" href="#main" onClick=${(event) => {
        event.preventDefault();
        const main = document.querySelector("#main, .graph canvas");
        if (main) { main.tabIndex = main.tabIndex < 0 ? -1 : 0; main.focus(); }
      }}>To the content</a>
      <a class="brand" href="#/graph"><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" /><path d="M9 10h4c3 0 3 6 6 6h4M9 22h4c3 0 3-6 6-6" />
        <circle cx="8" cy="10" r="2.6" /><circle cx="8" cy="22" r="2.6" /><circle cx="24" cy="16" r="2.6" /></svg>
        <b>${graph ? graph.project : "sqlpipes"}</b>${graph && graph.target !== "default" && html`<span class="target">${graph.target}</span>`}</a>
      <nav aria-label="Pages">${PAGES.map(([key, word]) => html`<a href="#/${key}" aria-current=${here === key ? "page" : undefined}>${word}</a>`)}</nav>
      <${sp.Building} />
      <button class="find" onClick=${search} aria-label="Search (press / or Ctrl-K)" aria-keyshortcuts="/ Control+K"><svg viewBox="0 0 20 20" aria-hidden="true"><circle cx="9" cy="9" r="5.5" /><path d="M13 13l4 4" /></svg>
        <span>Search</span><kbd>/</kbd></button><${sp.Live} /><${Theme} /></header>`;
  }

  const HERE = { asset: "assets", assets: "assets", run: "runs", runs: "runs" };

  function View({ graph, at }) {
    const [page, name, , column] = at.parts, change = (patch) => setQuery(at, patch);
    if (page === "asset") return html`<${sp.Asset} key=${name} graph=${graph} name=${name} column=${column} mark=${at.query.mark} />`;
    if (page === "assets") return html`<${sp.Assets} graph=${graph} query=${at.query} setQuery=${change} />`;
    if (page === "runs") return html`<${sp.Runs} />`;
    if (page === "run") return html`<${sp.Run} key=${name} id=${name} />`;
    return html`<${sp.Graph} graph=${graph} query=${at.query} setQuery=${change} />`;
  }

  const typing = (element) => element.closest && element.closest("input, textarea, select, [contenteditable]");

  function App() {
    const [document_, error] = sp.useDocument("graph");
    const [graph, setGraph] = useState(null);
    const [searching, setSearching] = useState(false), [planning, setPlanning] = useState(null);
    const { runs } = sp.useLive("states", "runs", "errors");
    const at = useRoute(), page = at.parts[0] || "graph";
    useEffect(() => {
      if (!document_) return;
      sp.live.graph = sp.linked(document_);
      setGraph(sp.live.graph);
    }, [document_]);
    useEffect(() => {
      const planned = (event) => setPlanning(event.detail);
      window.addEventListener("sqlpipes-plan", planned);
      return () => window.removeEventListener("sqlpipes-plan", planned);
    }, []);
    const going = [...runs.values()][0], far = going ? `▶ ${going.done || 0}${going.total ? "/" + going.total : ""} · ` : "";
    useEffect(() => {
      const what = at.parts[1] || (PAGES.find(([key]) => key === page) || ["", "Graph"])[1];
      document.title = far + (graph ? `${what} · ${graph.project}` : "sqlpipes");
    }, [at.parts.join("/"), graph, far]);
    useEffect(() => {
      if (page !== "graph") window.scrollTo(0, 0);
      const part = at.query.to;
      if (part) setTimeout(() => document.getElementById(part)?.scrollIntoView(), 150);
    }, [at.parts.join("/"), Boolean(graph)]);
    useEffect(() => {
      const keys = (event) => {
        const asked = (event.key === "/" && !typing(event.target)) || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey));
        if (!asked) return;
        event.preventDefault();
        setSearching(true);
      };
      window.addEventListener("keydown", keys);
      return () => window.removeEventListener("keydown", keys);
    }, []);
    return html`<${Header} graph=${graph} here=${HERE[page] || "graph"} search=${() => setSearching(true)} /><${sp.Banner} />
      ${error ? html`<main class="page" id="main"><${sp.Fault} error=${error} /></main>` : graph ? html`<${View} graph=${graph} at=${at} />` : html`<${sp.Loading} />`}
      ${graph && page !== "graph" && !sp.live.isOn && html`<footer class="foot quiet small">As it stood ${sp.minute(graph.at)} · sqlpipes ${graph.sqlpipes}</footer>`}
      ${planning && html`<${sp.Plan} start=${planning} close=${() => setPlanning(null)} />`}
      ${searching && html`<${sp.Search} close=${() => setSearching(false)} />`}`;
  }

  document.getElementById("app").textContent = "";
  render(html`<${App} />`, document.getElementById("app"));
})(window.sqlpipes);

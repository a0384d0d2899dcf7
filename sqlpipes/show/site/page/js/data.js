// Documents by key ("graph", "asset/orders", "run/..."), wherever they come from. Nothing else in the page
// knows: a page that was opened as a file may fetch nothing, so there each document is a script that calls
// `sqlpipes.take`; a server answers with JSON instead and says where in <html data-source="/api">.
window.sqlpipes = (function () {
  "use strict";
  const source = document.documentElement.dataset.source || "files";
  const kept = new Map(); // key -> promise of its document
  const waiting = new Map(); // key -> what to do when its script calls

  function fromFile(key) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      waiting.set(key, resolve);
      script.src = "data/" + key.split("/").map(encodeURIComponent).join("/") + ".js";
      script.onload = () => {
        script.remove();
        if (waiting.delete(key)) reject(new Error("data/" + key + ".js says something else"));
      };
      script.onerror = () => {
        script.remove();
        waiting.delete(key);
        reject(new Error("data/" + key + ".js cannot be read"));
      };
      document.head.append(script);
    });
  }

  async function fromServer(key) {
    const path = key.split("/").map(encodeURIComponent).join("/");
    const answer = await fetch(source + "/" + path, { headers: { accept: "application/json" } });
    if (!answer.ok) throw new Error(key + ": " + answer.status + " " + answer.statusText);
    return answer.json();
  }

  function load(key) {
    if (!kept.has(key)) {
      const found = source === "files" ? fromFile(key) : fromServer(key);
      found.catch(() => kept.delete(key)); // it may be there the next time
      kept.set(key, found);
    }
    return kept.get(key);
  }

  function take(key, document) {
    const resolve = waiting.get(key);
    waiting.delete(key);
    if (resolve) resolve(document);
  }

  /** The next `load` of these asks anew; of all without any. */
  function forget(...keys) {
    if (keys.length) keys.forEach((key) => kept.delete(key));
    else kept.clear();
  }

  return { source, load, take, forget };
})();

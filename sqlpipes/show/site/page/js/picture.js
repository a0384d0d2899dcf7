// Graph + what is chosen -> the boxes and lines that are drawn, with their places. Nothing is drawn here.
(function (sp) {
  "use strict";

  /** Boxes: {id, node | fold: {label, members}, x, y}; links: [from box, to box, heights on the way]; byName: asset -> box.
   *
   * shown: Set of numbers or null; by: "", "folder" or "group"; open: Set of labels that are unfolded. */
  function picture(graph, { shown = null, by = "", open = new Set(), across } = {}) {
    const numbers = graph.nodes.map((_, i) => i).filter((i) => !shown || shown.has(i));
    const whole = !by && numbers.length === graph.nodes.length;
    const boxOf = new Map(), boxes = new Map();
    for (const i of numbers) {
      const node = graph.nodes[i];
      const label = by && (by === "group" ? node.group || "no group" : node.folder);
      const id = label && !open.has(label) ? "fold:" + label : node.name;
      if (!boxes.has(id)) boxes.set(id, id === node.name ? { id, node } : { id, fold: { label, members: [] } });
      if (boxes.get(id).fold) boxes.get(id).fold.members.push(node);
      boxOf.set(i, boxes.get(id));
    }
    const links = new Map();
    for (const [from, to, bends] of graph.edges) {
      const [a, b] = [boxOf.get(from), boxOf.get(to)];
      if (a && b && a !== b) links.set(a.id + "\u0000" + b.id, [a, b, whole ? bends : undefined]);
    }
    const step = put([...boxes.values()], [...links.values()], graph, whole, across);
    const byName = new Map([...boxOf].map(([i, box]) => [graph.nodes[i].name, box]));
    return { boxes: [...boxes.values()], links: [...links.values()], byName, size: graph.box, step };
  }

  /** Gives every box its place; how far one layer is from the next. */
  function put(boxes, links, graph, whole, across) {
    if (whole) {
      for (const box of boxes) Object.assign(box, { x: box.node.x, y: box.node.y });
      return graph.step;
    }
    const pairs = links.map(([a, b]) => [a.id, b.id]);
    const { places, bends, step } = sp.layered(boxes.map((box) => box.id), pairs, graph.box, across);
    for (const box of boxes) Object.assign(box, places.get(box.id));
    for (const link of links) link[2] = bends.get(link[0].id + "\u0000" + link[1].id);
    return step;
  }

  /** The box around boxes: [left, top, right, bottom]. */
  function bounds(boxes, [width, height]) {
    if (!boxes.length) return [0, 0, width, height];
    const low = (of) => boxes.reduce((found, box) => Math.min(found, of(box)), Infinity);
    const high = (of) => boxes.reduce((found, box) => Math.max(found, of(box)), -Infinity);
    return [low((b) => b.x), low((b) => b.y), high((b) => b.x) + width, high((b) => b.y) + height];
  }

  const WORST = ["failed", "in doubt", "running", "missing", "stale", "current", "inlined", "external"];
  const PALETTE = 10; // colours of words that have none of their own

  /** What a node is coloured by, as a word. */
  function wordOf(node, colour) {
    if (colour === "owner") return node.owners[0] || "no owner";
    return colour === "folder" ? node.folder : colour === "group" ? node.group || "no group"
      : colour === "kind" ? node.kind : sp.stateOf(node);
  }

  /** [[word, name of a CSS colour, count]]: states and kinds have colours of their own, the most frequent
   * others get one of ten, what is left is grey. */
  function legend(nodes, colour) {
    const counts = new Map();
    for (const node of nodes) counts.set(wordOf(node, colour), (counts.get(wordOf(node, colour)) || 0) + 1);
    const words = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    if (colour === "state") words.sort((a, b) => WORST.indexOf(a[0]) - WORST.indexOf(b[0]));
    return words.map(([word, count], i) => {
      if (colour === "state") return [word, "--state-" + word.replace(/\s/g, "-"), count];
      if (colour === "kind") return [word, "--kind-" + word, count];
      return [word, i < PALETTE && !word.startsWith("no ") ? "--hue-" + i : "--hue-none", count];
    });
  }

  const worst = (nodes) => nodes.map(sp.stateOf).sort((a, b) => WORST.indexOf(a) - WORST.indexOf(b))[0];

  Object.assign(sp, { picture, bounds, legend, wordOf, worst });
})(window.sqlpipes);

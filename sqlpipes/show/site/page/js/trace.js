// A column's way through the graph, hop by hop, from the edges that every asset's document has.
// The same rules as sqlpipes/core/lineage/trace.py.
(function (sp) {
  "use strict";
  const ANY = "*";
  const same = (one, other) => one.toLowerCase() === other.toLowerCase();
  const key = (asset, column) => asset + "\u0000" + column.toLowerCase();

  function touches(edge, column) {
    if (edge.source === ANY) return edge.kind === "unknown" || column === ANY;
    return column === ANY || same(edge.source, column);
  }
  const gives = (edge, column) => column === ANY || edge.column === ANY || same(edge.column, column);

  async function documentOf(graph, name) {
    const at = graph.number.get(name);
    return at === undefined ? null : sp.load("asset/" + graph.nodes[at].doc);
  }

  async function sources(graph, at) {
    const found = await documentOf(graph, at.asset);
    return (found ? found.edges : [])
      .filter((edge) => edge.column !== null && gives(edge, at.column))
      .map((edge) => ({ from: { asset: edge.asset, column: edge.source }, to: at, edge }));
  }

  async function uses(graph, at) {
    const readers = graph.readers[graph.number.get(at.asset)] || [];
    const found = await Promise.all(readers.map((i) => documentOf(graph, graph.nodes[i].name)));
    return found.flatMap((reader) => reader.edges
      .filter((edge) => edge.column !== null && edge.asset === at.asset && touches(edge, at.column))
      .map((edge) => ({ from: at, to: { asset: reader.name, column: edge.column }, edge })));
  }

  async function walk(graph, start, step, far) {
    const seen = new Set([key(start.asset, start.column)]), links = [];
    let ring = [start];
    for (let depth = 1; ring.length; depth += 1) {
      const found = (await Promise.all(ring.map((at) => step(graph, at)))).flat();
      ring = [];
      for (const link of found) {
        links.push({ ...link, depth });
        const end = link[far];
        if (!seen.has(key(end.asset, end.column))) {
          seen.add(key(end.asset, end.column));
          ring.push(end);
        }
      }
    }
    return links;
  }

  /** {asset, column, up, down, rows, columns}: `up` and `down` are hops, `rows` decides which rows there are,
   * `columns` is asset -> Set of its columns on the way. */
  async function columnPath(graph, asset, column) {
    const start = { asset, column };
    const [own, up, down] = await Promise.all([
      documentOf(graph, asset), walk(graph, start, sources, "from"), walk(graph, start, uses, "to"),
    ]);
    const columns = new Map([[asset, new Set([column])]]);
    for (const { from, to, edge } of [...up, ...down])
      for (const end of [from, to]) {
        if (!columns.has(end.asset)) columns.set(end.asset, new Set());
        columns.get(end.asset).add(nameOf(end.column, edge));
      }
    const rows = (own ? own.edges : []).filter((edge) => edge.column === null);
    const known = !own || own.columns.some((each) => same(each.name, column));
    return { asset, column, up, down, rows, columns, known };
  }

  /** "*" of an edge in words: its rows, or one of its columns, nobody knows which. */
  const nameOf = (column, edge) => (column !== ANY ? column : edge.kind === "unknown" ? "any column" : "rows");

  const PLAIN = new Set(["copied", "star", "renamed"]);
  /** What a hop does, in words: "computed: amount / 1.19". */
  const said = (edge) => edge.kind.replace("_", " ") +
    (edge.expression && !PLAIN.has(edge.kind) ? ": " + edge.expression : "");

  Object.assign(sp, { columnPath, said, nameOf, ANY });
})(window.sqlpipes);

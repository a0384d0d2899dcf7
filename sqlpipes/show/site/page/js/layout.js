// The same method as sqlpipes/show/site/layout.py, for a part of the graph or one with folded boxes.
// names: boxes in any order; edges: [from, to] of names; circles are cut where they close.
(function (sp) {
  "use strict";
  const ACROSS = 100, DOWN = 18, APART = 56, SWEEPS = 8, GRID = 6;

  function ordered(names, parents) {
    const done = new Map(), order = [];
    for (const first of names) {
      if (done.has(first)) continue;
      const stack = [[first, 0]];
      done.set(first, false);
      while (stack.length) {
        const top = stack[stack.length - 1];
        const read = parents.get(top[0]);
        if (top[1] === read.length) {
          stack.pop();
          done.set(top[0], true);
          order.push(top[0]);
          continue;
        }
        const next = read[top[1]];
        if (done.get(next) === false) read.splice(top[1], 1); // closes a circle
        else {
          top[1] += 1;
          if (!done.has(next)) {
            done.set(next, false);
            stack.push([next, 0]);
          }
        }
      }
    }
    return order;
  }

  function rising(values) {
    const pools = [];
    for (const value of values) {
      let mean = value, size = 1;
      while (pools.length && pools[pools.length - 1][0] > mean) {
        const [before, count] = pools.pop();
        mean = (before * count + mean * size) / (count + size);
        size += count;
      }
      pools.push([mean, size]);
    }
    return pools.flatMap(([mean, size]) => Array(size).fill(mean));
  }

  function sweep(layer, y, sides, step) {
    const wanted = new Map();
    for (const name of layer) {
      const near = sides.flatMap((side) => side.get(name).map((other) => y.get(other)));
      wanted.set(name, near.length ? near.reduce((a, b) => a + b, 0) / near.length : y.get(name));
    }
    layer.sort((a, b) => wanted.get(a) - wanted.get(b) || y.get(a) - y.get(b));
    const flat = rising(layer.map((name, i) => wanted.get(name) - i * step));
    layer.forEach((name, i) => y.set(name, flat[i] + i * step));
  }

  function place(names, parents, children, [width, height]) {
    const depth = new Map();
    for (const name of names) {
      depth.set(name, Math.max(-1, ...parents.get(name).map((p) => depth.get(p))) + 1);
    }
    for (const name of names) {
      if (!parents.get(name).length && children.get(name).length)
        depth.set(name, Math.min(...children.get(name).map((c) => depth.get(c))) - 1);
    }
    const layers = [];
    for (const name of names) (layers[depth.get(name)] ||= []).push(name);
    const step = height + DOWN, y = new Map();
    const there = layers.filter(Boolean);
    for (const layer of there) layer.forEach((name, i) => y.set(name, i * step));
    for (let i = 0; i < SWEEPS; i += 1) {
      const sides = i >= SWEEPS - 2 ? [parents, children] : [i % 2 ? children : parents];
      for (const layer of i % 2 ? [...there].reverse() : there) sweep(layer, y, sides, step);
    }
    return names.map((name) => [name, depth.get(name) * (width + ACROSS), y.get(name)]);
  }

  function parts(names, parents, children) {
    const seen = new Set(), found = [];
    for (const first of names) {
      if (seen.has(first)) continue;
      const todo = [first], part = new Set(todo);
      seen.add(first);
      while (todo.length) {
        const at = todo.pop();
        for (const other of [...parents.get(at), ...children.get(at)])
          if (!seen.has(other)) {
            seen.add(other);
            part.add(other);
            todo.push(other);
          }
      }
      found.push(names.filter((name) => part.has(name)));
    }
    return found.sort((a, b) => b.length - a.length);
  }

  /** name -> {x, y} */
  function layered(names, edges, box) {
    const parents = new Map(names.map((name) => [name, []]));
    for (const [from, to] of edges)
      if (from !== to && parents.has(from) && parents.has(to) && !parents.get(to).includes(from))
        parents.get(to).push(from);
    const order = ordered(names, parents);
    const children = new Map(names.map((name) => [name, []]));
    for (const name of order) for (const parent of parents.get(name)) children.get(parent).push(name);
    const found = new Map(), alone = [];
    let top = 0;
    for (const part of parts(order, parents, children)) {
      if (part.length === 1) {
        alone.push(part[0]);
        continue;
      }
      const placed = place(part, parents, children, box);
      const low = Math.min(...placed.map(([, , y]) => y));
      for (const [name, x, y] of placed) found.set(name, { x, y: y - low + top });
      top += Math.max(...placed.map(([, , y]) => y)) - low + box[1] + APART;
    }
    alone.forEach((name, i) =>
      found.set(name, { x: (i % GRID) * (box[0] + DOWN), y: top + Math.floor(i / GRID) * (box[1] + DOWN) }));
    return found;
  }

  sp.layered = layered;
})(window.sqlpipes);

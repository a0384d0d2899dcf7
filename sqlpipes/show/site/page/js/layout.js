// The same method as sqlpipes/show/site/layout.py, for a part of the graph or one with folded boxes.
// names: boxes in any order; edges: [from, to] of names; circles are cut where they close.
(function (sp) {
  "use strict";
  const ACROSS = 84, DOWN = 22, LANE = 16, APART = 56, SWEEPS = 10, GRID = 6, MOST_LANES = 4, WIDER = 0.02, WIDEST = 560;

  function ordered(names, parents) {
    const done = new Map(), order = [];
    for (const first of names) {
      if (done.has(first)) continue;
      const stack = [[first, 0]];
      done.set(first, false);
      while (stack.length) {
        const top = stack[stack.length - 1], read = parents.get(top[0]);
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

  /** Upper edges of boxes and middles of lanes, none over another, near to what is wanted. */
  function stack(layer, wanted, height) {
    let at = 0;
    const offsets = layer.map((node) => {
      const here = at + (node.lane ? LANE / 2 : 0);
      at += node.lane ? LANE : height + DOWN;
      return here;
    });
    rising(wanted.map((one, i) => one - offsets[i])).forEach((one, i) => {
      layer[i].y = one + offsets[i];
    });
  }

  function sweep(layer, sides, height) {
    for (const node of layer) {
      const near = sides.flatMap((side) => node[side]);
      node.wanted = near.length ? near.reduce((sum, other) => sum + other.y, 0) / near.length : node.y;
    }
    layer.sort((a, b) => a.wanted - b.wanted || a.y - b.y);
    stack(layer, layer.map((node) => node.wanted), height);
  }

  function depths(names, parents, children) {
    const depth = new Map();
    for (const name of names) depth.set(name, Math.max(-1, ...parents.get(name).map((p) => depth.get(p))) + 1);
    for (const name of names)
      if (!parents.get(name).length && children.get(name).length)
        depth.set(name, Math.min(...children.get(name).map((c) => depth.get(c))) - 1);
    return depth;
  }

  /** name -> {y, layer, lanes}: `lanes` are those of its edges, by layer. */
  function place(names, parents, children, height) {
    const depth = depths(names, parents, children), nodes = new Map(), layers = [];
    const put = (node) => {
      (layers[node.layer] ||= []).push(node);
      return node;
    };
    for (const name of names) nodes.set(name, put({ layer: depth.get(name), up: [], down: [], lanes: new Map() }));
    const ends = names.map((name) => Math.max(-1, ...children.get(name).map((c) => depth.get(c))));
    const lanes = names.reduce((sum, name, i) => sum + Math.max(ends[i] - depth.get(name) - 1, 0), 0);
    if (lanes <= MOST_LANES * names.length)
      names.forEach((name, i) => {
        let before = nodes.get(name);
        for (let layer = depth.get(name) + 1; layer < ends[i]; layer += 1) {
          const lane = put({ layer, up: [before], down: [], lane: true });
          before.down.push(lane);
          nodes.get(name).lanes.set(layer, lane);
          before = lane;
        }
      });
    for (const name of names)
      for (const parent of parents.get(name)) {
        const own = nodes.get(name), side = nodes.get(parent).lanes.get(own.layer - 1) || nodes.get(parent);
        own.up.push(side);
        side.down.push(own);
      }
    const there = layers.filter(Boolean);
    for (const layer of there) stack(layer, layer.map(() => 0), height);
    for (let i = 0; i < SWEEPS; i += 1) {
      const sides = i >= SWEEPS - 2 ? ["up", "down"] : [i % 2 ? "down" : "up"];
      for (const layer of i % 2 ? [...there].reverse() : there) sweep(layer, sides, height);
    }
    return nodes;
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

  function linked(names, edges) {
    const parents = new Map(names.map((name) => [name, []]));
    for (const [from, to] of edges)
      if (from !== to && parents.has(from) && parents.has(to) && !parents.get(to).includes(from)) parents.get(to).push(from);
    const order = ordered(names, parents), children = new Map(names.map((name) => [name, []]));
    for (const name of order) for (const parent of parents.get(name)) children.get(parent).push(name);
    return { order, parents, children };
  }

  /** {places: name -> {x, y}, bends: "from\0to" -> heights at which the edge passes the layers between, step} */
  function layered(names, edges, [width, height], across = ACROSS) {
    const { order, parents, children } = linked(names, edges);
    const places = new Map(), bends = new Map(), alone = [];
    let top = 0;
    for (const part of parts(order, parents, children)) {
      if (part.length === 1) {
        alone.push(part[0]);
        continue;
      }
      const nodes = place(part, parents, children, height);
      const all = [...nodes.values()].flatMap((node) => [node, ...node.lanes.values()]);
      const low = all.reduce((found, node) => Math.min(found, node.y), Infinity) - top;
      for (const name of part) {
        const own = nodes.get(name);
        places.set(name, { layer: own.layer, y: own.y - low });
        for (const parent of parents.get(name)) {
          const from = nodes.get(parent), way = [];
          for (let layer = from.layer + 1; layer < own.layer; layer += 1) way.push(from.lanes.get(layer));
          if (way.length && way.every(Boolean)) bends.set(parent + "\u0000" + name, way.map((lane) => lane.y - low));
        }
      }
      top = part.reduce((found, name) => Math.max(found, places.get(name).y), 0) + height + APART;
    }
    const step = width + Math.min(Math.max(across, top * WIDER), WIDEST);
    for (const place of places.values()) place.x = place.layer * step;
    alone.forEach((name, i) =>
      places.set(name, { x: (i % GRID) * (width + DOWN), y: top + Math.floor(i / GRID) * (height + DOWN) }));
    return { places, bends, step };
  }

  sp.layered = layered;
})(window.sqlpipes);

// A picture on a canvas: pan and zoom by mouse, wheel, touch and keys. Only what is in sight is drawn, and
// less of it from far away: names below the first of these scales, second lines below the other.
(function (sp) {
  "use strict";
  const BEAT_MS = 70, NAMES = 0.34, LINES = 0.56, LEAST = 0.04, MOST = 2.5, EDGE_WORDS = 0.6, READABLE = 0.6;
  const FONT = '"Inter", system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

  class Canvas {
    /** say: {pick(box|null, whether one more), open(box)} */
    constructor(element, say) {
      this.element = element;
      this.paper = element.getContext("2d");
      this.say = say;
      this.view = { x: 0, y: 0, scale: 1 };
      this.scene = { picture: null, colours: new Map(), marked: null, chosen: null, labels: new Map(), lit: null };
      this.pointers = new Map();
      this.frames = 0; // drawn so far: the browser tests measure it
      this.wanted = 0;
      this.widths = new Map();
      this.ends = new AbortController();
      this.listen();
      this.watch = new ResizeObserver(() => this.resize());
      this.watch.observe(element);
      this.resize();
    }

    close() {
      this.ends.abort();
      clearTimeout(this.beats);
      this.watch.disconnect();
      cancelAnimationFrame(this.wanted);
    }

    show(scene) {
      Object.assign(this.scene, scene);
      this.theme();
      this.beat();
    }

    /** Draws on while something pulses, a few times a second; with a still ring where motion is not wanted. */
    beat() {
      clearTimeout(this.beats);
      this.isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
      if (!this.scene.pulsing || !this.scene.pulsing.size || this.isStill) return;
      this.beats = setTimeout(() => {
        if (!document.hidden) this.draw();
        this.beat();
      }, BEAT_MS);
    }

    /** Colours are those of the style sheet, asked for anew when the theme may have moved. */
    theme() {
      const style = getComputedStyle(this.element);
      const names = ["--ink", "--quiet", "--card", "--line", "--edge", "--accent", "--paper", "--faint", "--state-running"];
      this.ink = Object.fromEntries(names.map((name) => [name.slice(2), style.getPropertyValue(name).trim()]));
      this.paint = new Map();
      for (const name of new Set(this.scene.colours.values()))
        this.paint.set(name, style.getPropertyValue(name).trim() || this.ink.quiet);
      this.draw();
    }

    resize() {
      const { clientWidth, clientHeight } = this.element;
      this.ratio = window.devicePixelRatio || 1;
      this.element.width = Math.max(1, Math.round(clientWidth * this.ratio));
      this.element.height = Math.max(1, Math.round(clientHeight * this.ratio));
      if (this.unseen && clientWidth) this.fit(...this.unseen);
      this.draw();
    }

    /** Bring boxes into sight, with room at the sides for what floats above the canvas. */
    fit(boxes, most = 1, margin = [24, 24, 24, 24], chosen = null) {
      const { clientWidth: width, clientHeight: height } = this.element;
      this.unseen = width ? null : [boxes, most, margin, chosen];
      if (!width) return;
      const [left, top, right, bottom] = sp.bounds(boxes, this.scene.picture.size);
      const [up, beside, down, before] = margin;
      const roomX = Math.max(width - before - beside, 40), roomY = Math.max(height - up - down, 40);
      const scale = Math.min(most, Math.max(LEAST, Math.min(roomX / (right - left), roomY / (bottom - top))));
      this.view = {
        scale,
        x: before + (roomX - (right - left) * scale) / 2 - left * scale,
        y: up + (roomY - (bottom - top) * scale) / 2 - top * scale,
      };
      if (chosen && scale < READABLE) this.center(chosen, READABLE, margin);
      this.draw();
    }

    /** A box in the middle of what is free, at a scale that can be read. */
    center(box, scale, [up, beside, down, before]) {
      const [w, h] = this.scene.picture.size, { clientWidth: width, clientHeight: height } = this.element;
      this.view = {
        scale,
        x: before + (width - before - beside) / 2 - (box.x + w / 2) * scale,
        y: up + (height - up - down) / 2 - (box.y + h / 2) * scale,
      };
    }

    zoom(factor, x = this.element.clientWidth / 2, y = this.element.clientHeight / 2) {
      const scale = Math.min(MOST, Math.max(LEAST, this.view.scale * factor)), by = scale / this.view.scale;
      this.view = { scale, x: x - (x - this.view.x) * by, y: y - (y - this.view.y) * by };
      this.draw();
    }

    move(x, y) {
      this.view = { ...this.view, x: this.view.x + x, y: this.view.y + y };
      this.draw();
    }

    /** Moves the view so that a box is in sight, and not more. */
    reveal(box) {
      const { x, y, scale } = this.view, [w, h] = this.scene.picture.size, room = 40;
      const left = box.x * scale + x, top = box.y * scale + y;
      const dx = Math.max(room - left, Math.min(0, this.element.clientWidth - room - (left + w * scale)));
      const dy = Math.max(room - top, Math.min(0, this.element.clientHeight - room - (top + h * scale)));
      this.move(dx, dy);
    }

    boxAt(x, y) {
      const { scale } = this.view, [w, h] = this.scene.picture.size;
      const px = (x - this.view.x) / scale, py = (y - this.view.y) / scale;
      return this.scene.picture.boxes.find((b) => px >= b.x && px <= b.x + w && py >= b.y && py <= b.y + h) || null;
    }

    listen() {
      const on = (name, does, options) =>
        this.element.addEventListener(name, does, { signal: this.ends.signal, ...options });
      on("wheel", (event) => {
        event.preventDefault();
        if (event.ctrlKey || !event.shiftKey)
          this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.offsetX, event.offsetY);
        else this.move(-event.deltaY, 0);
      }, { passive: false });
      on("pointerdown", (event) => {
        this.element.setPointerCapture(event.pointerId);
        this.pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
        this.dragged = 0;
      });
      on("pointermove", (event) => this.drag(event));
      const up = (event) => {
        const was = this.pointers.delete(event.pointerId);
        if (event.type === "pointerup" && was && this.dragged < 6 && !this.pointers.size)
          this.say.pick(this.boxAt(event.offsetX, event.offsetY), event.shiftKey || event.ctrlKey || event.metaKey);
      };
      on("pointerup", up);
      on("pointercancel", up);
      on("dblclick", (event) => {
        const box = this.boxAt(event.offsetX, event.offsetY);
        if (box) this.say.open(box);
      });
      window.addEventListener("sqlpipes-theme", () => this.theme(), { signal: this.ends.signal });
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.theme(), { signal: this.ends.signal });
    }

    drag(event) {
      const before = this.pointers.get(event.pointerId);
      if (!before) {
        const over = this.scene.picture && this.boxAt(event.offsetX, event.offsetY);
        this.element.style.cursor = over ? "pointer" : "grab";
        return;
      }
      const now = [event.offsetX, event.offsetY];
      this.pointers.set(event.pointerId, now);
      const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
      this.dragged += Math.abs(dx) + Math.abs(dy);
      if (this.pointers.size === 1) {
        this.move(dx, dy);
        return;
      }
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const far = (at) => Math.hypot(at[0] - other[0], at[1] - other[1]) || 1;
      this.zoom(far(now) / far(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
      this.move(dx / 2, dy / 2);
    }

    draw() {
      if (!this.wanted)
        this.wanted = requestAnimationFrame(() => {
          this.wanted = 0;
          this.paintAll();
        });
    }

    paintAll() {
      const { picture } = this.scene, { paper, ratio, view } = this;
      if (!picture || !this.ink) return;
      paper.setTransform(ratio, 0, 0, ratio, 0, 0);
      paper.clearRect(0, 0, this.element.clientWidth, this.element.clientHeight);
      paper.translate(view.x, view.y);
      paper.scale(view.scale, view.scale);
      const seen = {
        left: -view.x / view.scale, top: -view.y / view.scale,
        right: (this.element.clientWidth - view.x) / view.scale,
        bottom: (this.element.clientHeight - view.y) / view.scale,
      };
      this.paintLinks(picture, seen);
      const [w, h] = picture.size;
      for (const box of picture.boxes)
        if (box.x < seen.right && box.x + w > seen.left && box.y < seen.bottom && box.y + h > seen.top)
          this.paintBox(box, w, h);
      this.paintWords(picture);
      this.frames += 1;
    }

    paintLinks(picture, seen) {
      const { marked, lit } = this.scene, bright = [], { paper, view } = this;
      paper.lineWidth = Math.max(1.2, 0.6 / view.scale);
      paper.strokeStyle = this.ink.edge;
      paper.globalAlpha = marked ? 0.28 : 1;
      paper.beginPath();
      for (const link of picture.links) {
        const isLit = lit ? lit(link) : marked && marked.has(link[0].id) && marked.has(link[1].id);
        if (isLit) bright.push(link);
        else this.curve(link, picture.size, seen);
      }
      paper.stroke();
      paper.globalAlpha = 1;
      if (!bright.length) return;
      paper.lineWidth = Math.max(2.2, 1.2 / view.scale);
      paper.strokeStyle = this.ink.accent;
      paper.beginPath();
      for (const link of bright) this.curve(link, picture.size, seen);
      paper.stroke();
    }

    curve([from, to, bends], [w, h], seen) {
      const x1 = from.x + w, y1 = from.y + h / 2, x2 = to.x, y2 = to.y + h / 2;
      const ys = bends ? [y1, y2, ...bends] : [y1, y2];
      if (Math.max(x1, x2) < seen.left - 80 || Math.min(x1, x2) > seen.right + 80) return;
      if (Math.max(...ys) < seen.top || Math.min(...ys) > seen.bottom) return;
      if (x2 <= from.x) { // back to where it came from, as between folded boxes
        const low = Math.max(from.y, to.y) + h + 46;
        this.paper.moveTo(from.x + w / 2, from.y + h);
        this.paper.bezierCurveTo(from.x + w / 2, low, to.x + w / 2, low, to.x + w / 2, to.y + h);
        return;
      }
      this.paper.moveTo(x1, y1);
      if (this.view.scale < 0.12) this.paper.lineTo(x2, y2);
      else if (bends) this.through(x1, y1, bends, x2, y2, w);
      else this.swing(x1, y1, x2, y2);
    }

    swing(x1, y1, x2, y2) {
      const bend = Math.max(30, Math.abs(x2 - x1) / 2);
      this.paper.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
    }

    /** Level where it passes a layer, swinging in the room between two. */
    through(x1, y1, bends, x2, y2, w) {
      const { step } = this.scene.picture;
      let x = x1, y = y1;
      for (const height of bends) {
        const left = x + (step - w);
        this.swing(x, y, left, height);
        this.paper.lineTo(left + w, height);
        [x, y] = [left + w, height];
      }
      this.swing(x, y, x2, y2);
    }

    paintBox(box, w, h) {
      const { paper, ink, view, scene } = this, { scale } = view;
      const dim = scene.marked && !scene.marked.has(box.id);
      const colour = this.paint.get(scene.colours.get(box.id)) || ink.quiet;
      paper.globalAlpha = dim ? 0.3 : 1;
      if (scale < NAMES) {
        paper.fillStyle = colour;
        paper.fillRect(box.x, box.y, w, h);
        this.rings(box, w, h);
        paper.globalAlpha = 1;
        return;
      }
      if (box.fold) {
        paper.fillStyle = ink.card;
        paper.strokeStyle = ink.line;
        this.shape(box.x + 5, box.y + 5, w, h, true);
      }
      paper.fillStyle = ink.card;
      paper.strokeStyle = ink.line;
      paper.lineWidth = 1;
      this.shape(box.x, box.y, w, h, true);
      paper.fillStyle = colour;
      paper.beginPath();
      paper.roundRect(box.x, box.y, 6, h, [8, 0, 0, 8]);
      paper.fill();
      this.rings(box, w, h);
      this.text(box, w, h, scale);
      paper.globalAlpha = 1;
    }

    shape(x, y, w, h, edge) {
      this.paper.beginPath();
      this.paper.roundRect(x, y, w, h, 8);
      this.paper.fill();
      if (edge) this.paper.stroke();
    }

    /** Around what is chosen, what is picked, and what is being built. */
    rings(box, w, h) {
      const { chosen, picked, pulsing } = this.scene, { paper, ink, view } = this;
      if (pulsing && pulsing.has(box.id)) {
        const wave = this.isStill ? 0.6 : (1 + Math.sin(performance.now() / 320)) / 2, alpha = paper.globalAlpha;
        paper.globalAlpha = alpha * (0.25 + 0.5 * wave);
        this.ring(box, w, h, 3 + 3 * wave, ink["state-running"], Math.max(3, 2 / view.scale));
        paper.globalAlpha = alpha;
      }
      if (picked && picked.has(box.id)) {
        paper.setLineDash([6, 4]);
        this.ring(box, w, h, 4, ink.accent, Math.max(2, 1.5 / view.scale));
        paper.setLineDash([]);
      }
      if (chosen === box.id) this.ring(box, w, h, 2, ink.accent, Math.max(2.5, 2 / view.scale));
    }

    ring(box, w, h, away, colour, width) {
      this.paper.strokeStyle = colour;
      this.paper.lineWidth = width;
      this.paper.beginPath();
      this.paper.roundRect(box.x - away, box.y - away, w + 2 * away, h + 2 * away, 8 + away);
      this.paper.stroke();
    }

    text(box, w, h, scale) {
      const { paper, ink } = this;
      const words = this.scene.labels.get(box.id) || [box.id, ""];
      const two = scale >= LINES && words[1];
      paper.textBaseline = "middle";
      paper.fillStyle = ink.ink;
      paper.font = `${box.fold ? 600 : 550} ${scale < LINES ? 18 : 14.5}px ${FONT}`;
      paper.fillText(this.cut(words[0], w - 26, paper.font), box.x + 16, box.y + (two ? h * 0.34 : h / 2));
      if (!two) return;
      paper.fillStyle = words[2] ? ink.accent : ink.quiet;
      paper.font = `${words[2] ? 600 : 450} 12px ${FONT}`;
      paper.fillText(this.cut(words[1], w - 26, paper.font), box.x + 16, box.y + h * 0.7);
    }

    /** Names end in an ellipsis where there is no room; each is measured once. */
    cut(text, room, font) {
      const key = font + room + text;
      let found = this.widths.get(key);
      if (found === undefined) {
        found = text;
        while (found.length > 1 && this.paper.measureText(found + (found === text ? "" : "…")).width > room)
          found = found.slice(0, -1);
        found = found === text ? text : found + "…";
        this.widths.set(key, found);
      }
      return found;
    }

    /** The height at which a line is half way through the last gap before its end. */
    beforeEnd(from, to, h, { links }) {
      const link = links.find(([a, b]) => a === from && b === to), end = to.y + h / 2;
      const before = link && link[2] ? link[2][link[2].length - 1] : from.y + h / 2;
      return (before + end) / 2;
    }

    /** What a hop of a column's way does, in the middle of its line. */
    paintWords(picture) {
      const { words } = this.scene, { paper, ink, view } = this;
      if (!words || !words.length || view.scale < EDGE_WORDS) return;
      const [w, h] = picture.size, isNarrow = picture.step - w < 150;
      paper.font = `${isNarrow ? 10.5 : 12}px ${FONT}`;
      paper.textBaseline = "middle";
      for (const { from, to, text, short } of words) {
        const room = Math.max(picture.step - w - 18, 50);
        const said = this.cut(isNarrow ? short : text, room, paper.font), width = paper.measureText(said).width + 14;
        const x = to.x - (picture.step - w) / 2 - width / 2, y = this.beforeEnd(from, to, h, picture);
        paper.fillStyle = ink.paper;
        paper.strokeStyle = ink.accent;
        paper.lineWidth = 1;
        paper.beginPath();
        paper.roundRect(x, y - 11, width, 22, 11);
        paper.fill();
        paper.stroke();
        paper.fillStyle = ink.ink;
        paper.fillText(said, x + 7, y + 0.5);
      }
    }
  }

  sp.Canvas = Canvas;
})(window.sqlpipes);

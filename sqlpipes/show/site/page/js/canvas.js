// A picture on a canvas: pan and zoom by mouse, wheel, touch and keys. Only what is in sight is drawn.
// js/boxes.js paints the boxes and their words.
(function (sp) {
  "use strict";
  const BEAT_MS = 70, LEAST = 0.04, MOST = 2.5, READABLE = 0.6;

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
  }

  Object.assign(Canvas.prototype, sp.painting);
  sp.Canvas = Canvas;
})(window.sqlpipes);

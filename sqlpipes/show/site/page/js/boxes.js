// How boxes, what stands in them, and the words on lines are painted: methods of the canvas. From far away there
// are fewer of them: names begin at the first of these scales, second lines at the other.
(function (sp) {
  "use strict";
  const NAMES = 0.34, LINES = 0.56, EDGE_WORDS = 0.6;
  const FONT = '"Inter", system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

  sp.painting = {
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
    },

    shape(x, y, w, h, edge) {
      this.paper.beginPath();
      this.paper.roundRect(x, y, w, h, 8);
      this.paper.fill();
      if (edge) this.paper.stroke();
    },

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
    },

    ring(box, w, h, away, colour, width) {
      this.paper.strokeStyle = colour;
      this.paper.lineWidth = width;
      this.paper.beginPath();
      this.paper.roundRect(box.x - away, box.y - away, w + 2 * away, h + 2 * away, 8 + away);
      this.paper.stroke();
    },

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
    },

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
    },

    /** The height at which a line is half way through the last gap before its end. */
    beforeEnd(from, to, h, { links }) {
      const link = links.find(([a, b]) => a === from && b === to), end = to.y + h / 2;
      const before = link && link[2] ? link[2][link[2].length - 1] : from.y + h / 2;
      return (before + end) / 2;
    },

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
    },
  };
})(window.sqlpipes);

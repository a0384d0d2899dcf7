// SQL and Python with a few colours and line numbers. Text in, spans out; nothing of it is ever markup.
(function (sp) {
  "use strict";
  const { html, useState } = sp;
  const WORDS = new Set(("select from where group by having order limit offset qualify window with as join left right full inner " +
    "outer cross lateral on using and or not in is null like ilike between case when then else end union all except intersect distinct " +
    "create replace table view insert into values delete update set merge matched begin commit rollback over partition rows range " +
    "unbounded preceding following current row cast asc desc exists true false interval filter recursive pivot unpivot any asof positional").split(" "));
  const PYTHON = new Set(("def return if elif else for while in not and or import from as class with yield lambda None True False try " +
    "except finally raise pass async await is del global nonlocal assert break continue").split(" "));
  const TOKENS = {
    sql: /(--[^\n]*|\/\*[\s\S]*?\*\/|\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}|\{#[\s\S]*?#\})|('(?:[^']|'')*')|("(?:[^"]|"")*")|(\b\d+(?:\.\d+)?\b)|([A-Za-z_]\w*)|([\s\S])/g,
    python: /(#[^\n]*|"""[\s\S]*?"""|'''[\s\S]*?''')|('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")|(\0)|(\b\d+(?:\.\d+)?\b)|(@?[A-Za-z_]\w*)|([\s\S])/g,
  };

  function pieces(text, language) {
    const found = [], known = language === "python" ? PYTHON : WORDS;
    let plain = "";
    const put = (kind, piece) => {
      if (!kind) plain += piece;
      else {
        if (plain) found.push(["", plain]);
        plain = "";
        found.push([kind, piece]);
      }
    };
    for (const [piece, remark, string, , number, word] of text.matchAll(TOKENS[language] || TOKENS.sql)) {
      if (remark) put(/^\{/.test(remark) ? "jinja" : "remark", piece);
      else if (string) put("string", piece);
      else if (number) put("number", piece);
      else if (word && (known.has(language === "python" ? word : word.toLowerCase()) || word[0] === "@")) put("word", piece);
      else put("", piece);
    }
    if (plain) found.push(["", plain]);
    return found;
  }

  /** Where a place of the file lies in a text that begins at `first`: [from, to], or null. Columns and lengths
   * count characters as Python does, which are not always those of a script. */
  function spanOf(text, first, { line, column, length }) {
    const lines = text.split("\n"), at = line - first;
    if (at < 0 || at >= lines.length) return null;
    const from = lines.slice(0, at).reduce((sum, each) => sum + each.length + 1, 0) + [...lines[at]].slice(0, column - 1).join("").length;
    return [from, from + [...text.slice(from)].slice(0, length).join("").length];
  }

  /** The pieces cut where the mark begins and ends: [[kind, piece, whether it is marked]]. */
  function marked(found, [from, to]) {
    let at = 0;
    return found.flatMap(([kind, piece]) => {
      const begin = at, end = (at += piece.length);
      const cuts = [begin, ...[from, to].filter((cut) => cut > begin && cut < end), end];
      return cuts.slice(1).map((cut, i) => [kind, piece.slice(cuts[i] - begin, cut - begin), cuts[i] >= from && cut <= to]);
    });
  }

  const Piece = ({ kind, text }) => (kind ? html`<span class="t-${kind}">${text}</span>` : text);

  /** Neighbours that are marked stand in one <mark>. */
  function drawn(found) {
    const out = [];
    for (const [kind, piece, isMarked] of found) {
      const last = out[out.length - 1];
      if (isMarked && Array.isArray(last)) last.push([kind, piece]);
      else out.push(isMarked ? [[kind, piece]] : html`<${Piece} kind=${kind} text=${piece} />`);
    }
    return out.map((each) => (Array.isArray(each) ? html`<mark>${each.map(([kind, piece]) => html`<${Piece} kind=${kind} text=${piece} />`)}</mark>` : each));
  }

  function Code({ text, language = "sql", line = 1, label, mark }) {
    const [copied, setCopied] = useState(false);
    text = text.replace(/\s+$/, "");
    const lines = text.split("\n").length;
    const copy = () => navigator.clipboard.writeText(text).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    }, () => {});
    const span = mark && spanOf(text, line, mark);
    const long = text.length > 60000;
    return html`<div class="code">
      ${navigator.clipboard && html`<button class="copy" onClick=${copy}>${copied ? "copied" : "copy"}</button>`}
      <div class="scroll" tabindex="0" role="region" aria-label=${label}>
        <pre class="numbers" aria-hidden="true">${Array.from({ length: lines }, (_, i) => line + i).join("\n")}</pre>
        <pre class="text">${long ? text : drawn(span ? marked(pieces(text, language), span) : pieces(text, language))}</pre>
      </div></div>`;
  }

  sp.Code = Code;
})(window.sqlpipes);

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

  function Code({ text, language = "sql", line = 1, label }) {
    const [copied, setCopied] = useState(false);
    text = text.replace(/\s+$/, "");
    const lines = text.split("\n").length;
    const copy = () => navigator.clipboard.writeText(text).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    }, () => {});
    const long = text.length > 60000;
    return html`<div class="code">
      ${navigator.clipboard && html`<button class="copy" onClick=${copy}>${copied ? "copied" : "copy"}</button>`}
      <div class="scroll" tabindex="0" role="region" aria-label=${label}>
        <pre class="numbers" aria-hidden="true">${Array.from({ length: lines }, (_, i) => line + i).join("\n")}</pre>
        <pre class="text">${long ? text : pieces(text, language).map(([kind, piece]) =>
          (kind ? html`<span class="t-${kind}">${piece}</span>` : piece))}</pre>
      </div></div>`;
  }

  sp.Code = Code;
})(window.sqlpipes);

// What is wrong in the project's files, for as long as it is: what is shown below is the last that was right.
(function (sp) {
  "use strict";
  const { html, useState } = sp;
  const FEW = 3;

  const place = (problem) => (problem.file ? [problem.file, problem.line, problem.column].filter(Boolean).join(":") : "");

  /** One problem, as the terminal tells it. */
  const Problem = ({ of }) => html`<li class="trouble">${place(of) && html`<code class="place">${place(of)}</code> `}
    ${of.code && html`<b class="code-of">${of.code}</b> `}<span>${of.message}</span>${of.hint && html`<small class="hint">hint: ${of.hint}</small>`}</li>`;

  const Problems = ({ of }) => html`<ul class="troubles">${of.map((each) => html`<${Problem} of=${each} />`)}</ul>`;

  function Banner() {
    const { errors, link } = sp.useLive("errors", "link"), [all, setAll] = useState(false);
    if (link === "out") return html`<section class="banner" role="alert" aria-label="Locked out"><p><b>The server wants another token.</b>
      Open the address that <code>sqlpipes ui</code> printed when it was started; what is shown here is old.</p></section>`;
    if (!errors.length) return null;
    const shown = all ? errors : errors.slice(0, FEW);
    return html`<section class="banner" role="alert" aria-label="Problems in the project's files">
      <p><b>${errors.length === 1 ? "A problem" : sp.plural(errors.length, "problem")} in the project's files.</b> What is shown is the project as it was before.</p>
      <${Problems} of=${shown} />
      ${errors.length > FEW && html`<button class="soft" aria-expanded=${all ? "true" : "false"} onClick=${() => setAll(!all)}>${all ? "Fewer" : `All ${errors.length}`}</button>`}</section>`;
  }

  Object.assign(sp, { Banner, Problems, placeOf: place });
})(window.sqlpipes);

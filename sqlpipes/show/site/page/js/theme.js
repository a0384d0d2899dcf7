// Before anything is drawn, so that a dark page does not flash. A file of its own, as a server forbids
// scripts that stand in the page.
(function () {
  "use strict";
  try {
    const chosen = localStorage.getItem("sqlpipes-theme");
    if (chosen) document.documentElement.dataset.theme = chosen;
  } catch (error) {
    // a browser that keeps nothing follows the system
  }
})();

(function () {
  "use strict";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  // A browser may forbid a local file to remember anything; the button works all the same.
  function remembered() {
    try { return localStorage.getItem("ansicht"); } catch (error) { return null; }
  }
  function remember(theme) {
    try { localStorage.setItem("ansicht", theme); } catch (error) { return; }
  }
  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  }
  if (["dark", "light"].includes(remembered())) root.dataset.theme = remembered();

  function sortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const numeric = head.classList.contains("n");
        const before = head.getAttribute("aria-sort");
        const down = before ? before === "ascending" : numeric;
        const key = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent;
        const rows = [...body.rows].sort((one, other) => {
          const a = key(one), b = key(other);
          if (a === "" || b === "") return (a === "") - (b === "");
          const order = numeric ? a - b : a.localeCompare(b, "de", { numeric: true });
          return down ? -order : order;
        });
        body.replaceChildren(...rows);
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
      });
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    const theme = document.getElementById("theme");
    const label = () => { theme.textContent = isDark() ? "Helle Ansicht" : "Dunkle Ansicht"; };
    theme.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      remember(root.dataset.theme);
      label();
    });
    system.addEventListener("change", label);
    label();
    document.getElementById("print").addEventListener("click", () => print());
    document.querySelector(".tools").hidden = false;
    const contents = document.querySelector(".contents details");
    if (contents && matchMedia("(max-width: 60rem)").matches) contents.open = false;
    document.querySelectorAll("table.sortable").forEach(sortable);
  });
})();

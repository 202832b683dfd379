"use strict";
// The page says everything without this script; it adds searching, sorting, copying, and how old the page is.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const at = (id) => document.getElementById(id);

  for (const box of all(".controls")) box.hidden = false;

  // Checks: those that fail, those that match.
  const onlyFailing = at("only-failing");
  if (onlyFailing) {
    const search = at("check-search");
    const filter = () => {
      const words = search.value.trim().toLowerCase();
      let shown = 0;
      for (const suite of all("details.suite")) {
        const head = suite.querySelector("summary").textContent.toLowerCase();
        let here = 0;
        for (const row of all("tbody tr", suite)) {
          const found = head.includes(words) || row.textContent.toLowerCase().includes(words);
          row.hidden = (onlyFailing.checked && row.dataset.state !== "fail") || !found;
          here += !row.hidden;
        }
        suite.hidden = here === 0;
        if (here && (onlyFailing.checked || words)) suite.open = true;
        for (const others of all("details.others", suite)) {
          others.hidden = !all("tbody tr", others).some((row) => !row.hidden);
          if (words) others.open = true;
        }
        shown += here;
      }
      at("check-count").textContent = onlyFailing.checked || words ? `${shown} shown` : "";
      at("no-check").hidden = shown > 0;
    };
    onlyFailing.addEventListener("change", filter);
    search.addEventListener("input", filter);
  }

  // Catalog: search, and sort by any column.
  const events = at("events");
  if (events) {
    const search = at("event-search");
    search.addEventListener("input", () => {
      const words = search.value.trim().toLowerCase();
      let shown = 0;
      for (const row of events.tBodies[0].rows) {
        row.hidden = !row.textContent.toLowerCase().includes(words);
        shown += !row.hidden;
      }
      at("event-count").textContent = words ? `${shown} shown` : "";
      at("no-event").hidden = shown > 0;
    });
    const value = (row, column) => {
      const cell = row.cells[column];
      return "v" in cell.dataset ? Number(cell.dataset.v) : cell.textContent.trim();
    };
    const order = (a, b) =>
      typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en");
    all("th", events.tHead).forEach((head, column) => {
      if ("unsorted" in head.dataset) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const body = events.tBodies[0];
        const before = head.getAttribute("aria-sort");
        // Numbers begin with the greatest, words with the first.
        const first = body.rows.length && "v" in body.rows[0].cells[column].dataset ? "descending" : "ascending";
        const other = before === "ascending" ? "descending" : "ascending";
        const direction = before ? other : first;
        for (const one of all("th", events.tHead)) one.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", direction);
        const sign = direction === "ascending" ? 1 : -1;
        body.append(...[...body.rows].sort((a, b) => sign * order(value(a, column), value(b, column))));
      });
    });
  }

  if (navigator.clipboard) {
    for (const button of all("button.copy")) {
      button.hidden = false;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(button.previousElementSibling.textContent);
        button.textContent = "Copied";
        setTimeout(() => (button.textContent = "Copy"), 1500);
      });
    }
  }

  const age = at("age");
  const hours = (Date.now() - Date.parse(age.dataset.at)) / 3.6e6;
  if (hours >= 48) age.textContent = `, ${Math.floor(hours / 24)} days ago`;
  else if (hours >= 1) age.textContent = `, ${Math.floor(hours)} ${hours < 2 ? "hour" : "hours"} ago`;
  else age.textContent = ", less than an hour ago";

  addEventListener("beforeprint", () => all("details").forEach((one) => (one.open = true)));
})();

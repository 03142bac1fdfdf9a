// Draws the page's charts, sorts its tables and opens its folds for paper.
// Put here what happens in the browser. Keep markup and words out (page.html.j2).
// Charts are drawn one after the other, so that the page responds meanwhile. `ast` evaluates Vega's expressions
// without eval, which the page's content security policy forbids. All of it has a scope of its own, since the bundled
// libraries stand in the same script and use every short name.
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);

  const draw = async (place) => {
    place.dataset.state = "drawn";
    try {
      await vegaEmbed(place, charts[place.dataset.chart],
        {mode: "vega-lite", renderer: "svg", actions: false, ast: true});
    } catch (error) {
      place.textContent = "This chart could not be drawn: " + error;
    }
  };

  // In a closed fold a chart has no width.
  const drawOpen = async (root) => {
    for (const place of root.querySelectorAll("[data-chart]:not([data-state])")) {
      if (!place.closest("details:not([open])")) await draw(place);
    }
  };

  document.addEventListener("toggle", (event) => drawOpen(event.target), true);

  const leaf = (table) => table.tHead && table.tHead.rows[table.tHead.rows.length - 1];
  const at = (row, column) => {
    let before = 0;
    for (const cell of row.cells) {
      if (before === column) return cell;
      before += cell.colSpan;
      if (before > column) return null;
    }
    return null;
  };
  const worth = (cell) => {
    if (cell.dataset.value === undefined) return cell.textContent.trim().toLowerCase();
    const number = Number(cell.dataset.value);
    return cell.dataset.value === "" || Number.isNaN(number) ? null : number;
  };
  const compare = (one, other) =>
    typeof one === "number" && typeof other === "number" ? one - other
      : String(one).localeCompare(String(other), "en", {numeric: true});

  const sort = (table, heading, column) => {
    const down = heading.getAttribute("aria-sort") === "ascending";
    for (const other of leaf(table).cells) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    for (const body of table.tBodies) {
      const keyed = [...body.rows].filter((row) => !row.classList.contains("group")).map((row, index) => {
        const cell = at(row, column);
        return {row, index, key: cell && cell.colSpan === 1 ? worth(cell) : null};
      });
      keyed.sort((one, other) => {
        if (one.key === null || other.key === null) return (one.key === null) - (other.key === null) || one.index - other.index;
        return (down ? -1 : 1) * compare(one.key, other.key) || one.index - other.index;
      });
      body.append(...keyed.map((one) => one.row));
    }
  };

  for (const table of document.querySelectorAll("table")) {
    if (!leaf(table)) continue;
    let column = 0;
    for (const heading of leaf(table).cells) {
      const mine = column;
      column += heading.colSpan;
      if (heading.colSpan > 1 || !heading.textContent.trim()) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      heading.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => sort(table, heading, mine));
    }
  }

  const reveal = () => {
    const place = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let fold = place && place.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  };
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details:not([open]):not(.sql)")) { fold.open = true; fold.dataset.printed = ""; }
  });
  addEventListener("afterprint", () => {
    for (const fold of document.querySelectorAll("details[data-printed]")) { fold.open = false; delete fold.dataset.printed; }
  });

  (async () => {
    reveal();
    await drawOpen(document);
    document.body.dataset.drawn = "yes";
  })();
})();

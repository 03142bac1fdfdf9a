// Sorts the page's tables and unfolds what a link leads to.
// Put here what happens in the browser. Keep markup and words out (the templates beside this file).
(() => {
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
  reveal();
})();

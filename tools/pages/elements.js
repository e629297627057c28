// Elements of pages. Text goes in as text: nothing that a provider sent is ever markup.

export function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const time = (at) => (at ? make("time", { datetime: at }, at.replace("T", " ").replace(/(\.\d+)?Z$/, "")) : "");

const SIGNS = {
  ROUTED: "✓", DELIVERED: "✓", OK: "✓", ACTIVE: "✓", proven: "✓", closed: "✓", done: "✓",
  DEAD_LETTERED: "✕", DLQ: "✕", FAILED: "✕", ALARM: "✕", DISABLED: "✕", refuted: "✕", changed: "✕", misplaced: "✕", open: "✕",
  CONFLICTING: "!", "half-open": "!", incomplete: "!", HELD: "‖", PAUSED: "‖", SUSPENDED: "‖",
};

// A state has a sign besides its colour.
export function state(name) {
  if (!name) return "";
  const sign = SIGNS[name] ?? "·";
  const kind = { "✓": "good", "✕": "bad", "!": "odd", "‖": "odd" }[sign] ?? "plain";
  return make("span", { class: `state ${kind}` }, make("span", { "aria-hidden": "true" }, `${sign} `), name);
}

// A table that becomes a list of cards on a phone. The roles stay there, although the cells are no table cells any more.
export function table(caption, columns, rows) {
  const names = Object.keys(columns).map((name) => make("th", { scope: "col", role: "columnheader" }, name));
  const body = make("tbody", { role: "rowgroup" });
  const whole = make("table", { role: "table" },
    make("caption", null, caption), make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, names)), body);
  whole.add = (more) => {
    for (const row of more) {
      body.append(make("tr", { role: "row" }, Object.entries(columns).map(([name, cell]) => {
        const shown = cell(row) ?? "";
        const kind = typeof shown === "number" ? "number" : null;
        return make("td", { role: "cell", "data-label": name }, make("div", { class: kind }, shown));
      })));
    }
  };
  whole.add(rows);
  return whole;
}

export function facts(pairs) {
  return make("dl", null, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => make("div", null, make("dt", null, name), make("dd", null, value))));
}

export const section = (title, ...children) => make("section", null, make("h2", null, title), ...children);

export const trouble = (error) => make("p", { role: "alert", class: "trouble" }, error.message ?? String(error));

// A button that fetches what is shown in its place, or says why it cannot.
export function onDemand(label, fetched) {
  const place = make("div", { class: "demand" });
  const button = make("button", {
    type: "button",
    click: async () => {
      button.disabled = true;
      place.querySelector(".trouble")?.remove();
      try {
        const shown = await fetched();
        place.replaceChildren(...[shown].flat());
        place.tabIndex = -1;
        place.focus();
      } catch (error) {
        if (error.name === "AbortError") return;
        button.disabled = false;
        place.append(trouble(error));
      }
    },
  }, label);
  place.append(button);
  return place;
}

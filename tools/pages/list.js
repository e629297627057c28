// Lists that go on on demand, with filters that are in the address.

import { ask } from "/assets/api.js";
import { address, go, say } from "/assets/address.js";
import { make, table, trouble } from "/assets/elements.js";
import { ago } from "/assets/formats.js";

// A page of an API can be short, or empty, and have a next one.
const PAGES_AT_ONCE = 5;
const AT_ONCE = 50;

// Pages of an API: `name` is what is listed, `following` the parameter for the next page.
export const pages = (path, name, following, query, signal) => async (next) => {
  const answer = await ask(path, next ? { ...query, [following]: next } : query, signal);
  return { rows: answer[name], next: answer.next };
};

export async function list(main, { caption, noun, columns, fetch }) {
  const rows = table(caption, columns, []);
  const more = make("button", { type: "button", hidden: true, click: goOn }, `More ${noun}`);
  main.append(rows, more);
  let next;
  let shown = 0;
  let told;

  async function load() {
    more.disabled = true;
    let added = 0;
    for (let page = 0; page < PAGES_AT_ONCE && added < AT_ONCE && next !== null; page += 1) {
      say(`Looking for ${noun}; ${shown} so far`);
      const answer = await fetch(next);
      rows.add(answer.rows);
      added += answer.rows.length;
      shown += answer.rows.length;
      next = answer.next;
    }
    more.disabled = false;
    more.hidden = next === null;
    say(`${shown} ${noun}${next === null ? "" : ", and there may be more"}`);
  }

  // A page that fails can be asked for again.
  async function goOn() {
    told?.remove();
    try {
      await load();
    } catch (error) {
      if (error.name === "AbortError") return;
      told = trouble(error);
      main.append(told);
      more.disabled = false;
      say(`${shown} ${noun}, and there may be more`);
    }
  }

  await load();
}

export function filters(page, query, controls, hasTimes = true) {
  const change = (event) => {
    event.preventDefault();
    go(address(page, given(event.target)));
  };
  const times = hasTimes ? [moment("from", "From, UTC", query), moment("to", "To, UTC", query)] : [];
  const ranges = hasTimes ? [["Last hour", 3600], ["Last day", 86400], ["Last week", 604800]] : [];
  // On a phone the rows come first.
  const open = innerWidth > 720 || Object.keys(query).length > 0;
  return make("details", { open }, make("summary", null, "Filters"), make("form", { class: "filters", "aria-label": "Filters", submit: change },
    controls, times, make("button", null, "Show"), make("a", { href: address(page) }, "No filters"),
    ranges.map(([label, seconds]) => make("a", { href: address(page, { ...query, from: ago(seconds), to: "" }) }, label))));
}

// What a form says; times as the APIs take them.
export function given(form) {
  const fields = Object.fromEntries(new FormData(form));
  for (const end of ["from", "to"]) if (fields[end]) fields[end] = `${fields[end].padEnd(19, ":00")}Z`;
  return fields;
}

const field = (label, control) => make("label", null, make("span", null, label), control);
const plain = { autocomplete: "off", spellcheck: "false", autocapitalize: "none" };
export const text = (name, label, query, more) => field(label, make("input", { name, value: query[name], maxlength: 256, ...plain, ...more }));
export const lines = (name, label, query) => field(label, make("textarea", { name, rows: 4, cols: 40, ...plain }, query[name] ?? ""));
export const moment = (name, label, query) => field(label, make("input", { name, type: "datetime-local", step: 1, value: query[name]?.slice(0, 19) }));
// An option is a value, or that and how it is shown.
export const choice = (name, label, options, query, none = "all") => field(label, make("select", { name, required: none === null },
  none === null ? [] : make("option", { value: "" }, none),
  options.map((option) => [option].flat()).map(([value, shown = value]) => make("option", { value, selected: value === query[name] }, shown))));

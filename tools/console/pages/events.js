// Lists of events: all, dead letters, conflicts. What is listed is in the address.

import { ask } from "/assets/api.js";
import { address, eventAddress, go, providers, say } from "/assets/place.js";
import { make, state, table, time } from "/assets/elements.js";
import { ago } from "/assets/formats.js";

const STATES = ["RECORDED", "ROUTED", "HELD", "DEAD_LETTERED", "CONFLICTING"];
const MODES = ["live", "test"];
// A page of the API can be short, or empty, and have a next one.
const PAGES_AT_ONCE = 5;
const AT_ONCE = 50;

const COLUMNS = {
  received: (event) => make("a", { href: eventAddress(`${event.provider}:${event.eventId}`) }, time(event.receivedAt)),
  provider: (event) => event.provider,
  type: (event) => event.eventType,
  state: (event) => state(event.state),
  mode: (event) => event.mode,
  event: (event) => make("code", null, event.eventId),
  transaction: (event) => make("a", { href: address("events", { transactionId: event.transactionId }) }, make("code", null, event.transactionId)),
};
const FAILURE = { "last failure": (event) => event.lastFailure?.reason };

export const eventTable = (caption, events, more) => table(caption, { ...COLUMNS, ...more }, events);

export const eventsPage = (page) => list(page, null, FAILURE);
export const deadLettersPage = (page) => list(page, "dead-letters", { "given up": (event) => time(event.deadLetteredAt), ...FAILURE });
export const conflictsPage = (page) => list(page, "conflicts", { "noted last": (event) => time(event.conflictAt) });

async function list({ main, query, signal }, name, columns) {
  main.append(filters(query, name));
  const asked = name ? { ...query, list: name } : query;
  const events = eventTable("Events, the newest first", [], columns);
  const more = make("button", { type: "button", hidden: true, click: () => load() }, "Older events");
  main.append(events, more);
  let next;
  let shown = 0;

  async function load() {
    more.disabled = true;
    let added = 0;
    for (let page = 0; page < PAGES_AT_ONCE && added < AT_ONCE && next !== null; page += 1) {
      say(`Looking for events; ${shown} so far`);
      const answer = await ask(["events"], next ? { ...asked, next } : asked, signal);
      events.add(answer.events);
      added += answer.events.length;
      shown += answer.events.length;
      next = answer.next;
    }
    more.disabled = false;
    more.hidden = next === null;
    say(`${shown} events${next === null ? "" : ", and there may be older ones"}`);
  }

  await load();
}

function filters(query, name) {
  const change = (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    for (const end of ["from", "to"]) if (given[end]) given[end] = `${given[end].padEnd(19, ":00")}Z`;
    go(address(name ?? "events", given));
  };
  const ids = name ? [] : [text("transactionId", "Transaction", query), text("correlationId", "Correlation id", query)];
  // On a phone the events come first.
  const open = innerWidth > 720 || Object.keys(query).length > 0;
  return make("details", { open }, make("summary", null, "Filters"), make("form", { class: "filters", "aria-label": "Filters", submit: change },
    choice("provider", "Provider", Object.keys(providers()), query), text("type", "Type", query), choice("state", "State", STATES, query),
    choice("mode", "Mode", MODES, query), text("account", "Account", query), ...ids,
    moment("from", "From, UTC", query), moment("to", "To, UTC", query),
    make("button", null, "Show"), make("a", { href: address(name ?? "events") }, "No filters"),
    ...[["Last hour", 3600], ["Last day", 86400], ["Last week", 604800]].map(([label, seconds]) =>
      make("a", { href: address(name ?? "events", { ...query, from: ago(seconds), to: "" }) }, label))));
}

const field = (label, control) => make("label", null, make("span", null, label), control);
const text = (name, label, query) => field(label, make("input", { name, value: query[name], maxlength: 256, autocomplete: "off", spellcheck: "false", autocapitalize: "none" }));
const moment = (name, label, query) => field(label, make("input", { name, type: "datetime-local", step: 1, value: query[name]?.slice(0, 19) }));
const choice = (name, label, options, query) => field(label, make("select", { name }, make("option", { value: "" }, "all"),
  options.map((value) => make("option", { value, selected: value === query[name] }, value))));

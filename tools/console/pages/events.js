// Lists of events: all, dead letters, conflicts.

import { address, eventAddress, providers } from "/assets/place.js";
import { make, state, table, time } from "/assets/elements.js";
import { choice, filters, list, pages, text } from "/assets/list.js";

export const STATES = ["RECORDED", "ROUTED", "HELD", "DEAD_LETTERED", "CONFLICTING"];
const MODES = ["live", "test"];

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

export const eventsPage = (page) => show(page, null, FAILURE);
export const deadLettersPage = (page) => show(page, "dead-letters", { "given up": (event) => time(event.deadLetteredAt), ...FAILURE });
export const conflictsPage = (page) => show(page, "conflicts", { "noted last": (event) => time(event.conflictAt) });

async function show({ main, query, signal }, name, more) {
  const ids = name ? [] : [text("transactionId", "Transaction", query), text("correlationId", "Correlation id", query)];
  main.append(filters(name ?? "events", query, [
    choice("provider", "Provider", Object.keys(providers()), query), text("type", "Type", query), choice("state", "State", STATES, query),
    choice("mode", "Mode", MODES, query), text("account", "Account", query), ...ids,
  ]));
  if (name === "dead-letters") {
    const { provider, from, to } = query;
    main.append(make("p", null, make("a", { href: address("replay", { provider, from, to, status: "DEAD_LETTERED" }) }, "Replay a range of them")));
  }
  await list(main, {
    caption: "Events, the newest first", noun: "events", columns: { ...COLUMNS, ...more },
    fetch: pages(["events"], "events", "next", name ? { ...query, list: name } : query, signal),
  });
}

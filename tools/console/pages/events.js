// Lists of events: all, dead letters, conflicts.

import { address, eventAddress, providers } from "/assets/place.js";
import { make, state, table, time } from "/assets/elements.js";
import { redrives } from "/assets/redrive.js";
import { choice, filters, list, pages, text } from "/assets/list.js";

export const STATES = ["RECORDED", "ROUTED", "HELD", "DEAD_LETTERED", "CONFLICTING"];
const MODES = ["live", "test"];

// What one replay takes.
const MOST_REPLAYED = 100;

const keyOf = (event) => `${event.provider}:${event.eventId}`;
const COLUMNS = {
  received: (event) => make("a", { href: eventAddress(keyOf(event)) }, time(event.receivedAt)),
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
  let found = () => {};
  if (name === "dead-letters") {
    const place = make("span");
    // A range of this list is about when they were given up, and that of a replay about when they were received.
    const byTime = make("a", { href: address("replay", { provider: query.provider, status: "DEAD_LETTERED" }) }, "Replay by time of receipt");
    main.append(make("p", null, place, byTime), redrives(signal));
    found = replayLink(place);
  }
  const which = timesOf(query, name);
  const next = pages(["events"], "events", "next", name ? { ...query, list: name } : query, signal);
  await list(main, {
    caption: `Events ${which}, the newest first`, noun: "events", columns: { ...COLUMNS, ...more },
    fetch: async (after) => {
      const page = await next(after);
      found(page.rows);
      return page;
    },
  });
  if (!which.endsWith(ANY_TIME)) main.append(make("p", null, `No other events were looked for than those ${which}.`));
}

const ANY_TIME = "at any time";

// What the API takes for the range of time. It goes through a day, unless it is told where to begin, or looks something up.
function timesOf({ from, to, transactionId }, name) {
  const at = (text) => time(text).textContent;
  const ends = [from && `from ${at(from)}`, to && `to ${at(to)}`].filter(Boolean).join(" ");
  const isDay = !name && !transactionId && !from;
  const range = isDay ? (to ? `in the day before ${at(to)}` : "in the last day") : ends || ANY_TIME;
  return `${{ "dead-letters": "given up", conflicts: "noted" }[name] ?? "received"} ${range}`;
}

// A link that replays by name what was listed so far.
function replayLink(place) {
  const keys = new Set();
  return (events) => {
    for (const event of events) keys.add(keyOf(event));
    const which = keys.size > MOST_REPLAYED ? `the first ${MOST_REPLAYED} of the ${keys.size}` : `the ${keys.size}`;
    const href = address("replay", { eventIds: [...keys].slice(0, MOST_REPLAYED).join("\n") });
    if (keys.size) place.replaceChildren(make("a", { href }, `Replay ${which} that are listed`), ", ");
  };
}

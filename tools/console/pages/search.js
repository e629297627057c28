// What an id is of: an event, a transaction, a correlation.

import { ask } from "/assets/api.js";
import { address, eventAddress, go, providers, say } from "/assets/place.js";
import { make, section } from "/assets/elements.js";
import { eventTable } from "/assets/events.js";

export async function searchPage({ main, query, signal, name }) {
  const id = query.id ?? "";
  name(`Search: ${id}`);
  const [provider] = id.split(":", 1);
  if (id.includes(":") && Object.hasOwn(providers(), provider)) {
    go(eventAddress(id), true);
    return;
  }
  say("Searching");
  const [ofEvent, ofTransaction] = await Promise.all(
    ["eventId", "transactionId"].map((kind) => ask(["events"], { [kind]: id }, signal)));
  if (ofEvent.events.length === 1 && !ofTransaction.events.length) {
    const [{ provider: from, eventId }] = ofEvent.events;
    go(eventAddress(`${from}:${eventId}`), true);
    return;
  }
  const found = [["Events with this id", ofEvent.events], ["Events of this transaction", ofTransaction.events]].filter(([, events]) => events.length);
  main.append(...found.map(([title, events]) => section(title, eventTable(title, events))),
    ofTransaction.next ? make("p", null, make("a", { href: address("events", { transactionId: id }) }, "All events of this transaction")) : "");
  if (!found.length) {
    main.append(make("p", null, "No event and no transaction has this id."));
    // There is no index of these: every event of the range is looked at.
    main.append(make("p", null, make("a", { href: address("events", { correlationId: id }) }, "Look for this correlation id in the last day")));
  }
  say(`${ofEvent.events.length + ofTransaction.events.length} events`);
}

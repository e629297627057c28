// What an id is of: an event, a transaction, a correlation.

import { ask } from "/assets/api.js";
import { address, eventAddress, go, hasDelivery, providers, say } from "/assets/place.js";
import { make, section, table, time, trouble } from "/assets/elements.js";
import { eventTable } from "/assets/events.js";
import { pages } from "/assets/list.js";

// Those of the delivery service's own making.
const TENANTS_EVENT = /^evt_[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

export async function searchPage({ main, query, signal, name }) {
  const id = query.id ?? "";
  name(`Search: ${id}`);
  const [provider] = id.split(":", 1);
  if (id.includes(":") && Object.hasOwn(providers(), provider)) {
    go(eventAddress(id), true);
    return;
  }
  say("Searching");
  let refused = null;
  const [ofEvent, ofTransaction, ofTenants] = await Promise.all([
    ...["eventId", "transactionId"].map((kind) => ask(["events"], { [kind]: id }, signal)),
    eventsOfTenants(id, signal).catch((error) => {
      if (error.name === "AbortError") throw error;
      refused = error;
      return [];
    })]);
  const received = ofEvent.events.length + ofTransaction.events.length;
  if (!received && ofTenants.length === 1) {
    go(tenantsEvent(ofTenants[0]), true);
    return;
  }
  if (ofEvent.events.length === 1 && !ofTransaction.events.length && !ofTenants.length) {
    const [{ provider: from, eventId }] = ofEvent.events;
    go(eventAddress(`${from}:${eventId}`), true);
    return;
  }
  const found = [["Events with this id", ofEvent.events], ["Events of this transaction", ofTransaction.events]].filter(([, events]) => events.length);
  main.append(...found.map(([title, events]) => section(title, eventTable(title, events))),
    ofTransaction.next ? make("p", null, make("a", { href: address("events", { transactionId: id }) }, "All events of this transaction")) : "");
  if (ofTenants.length) {
    main.append(section("Events of tenants", table("Events of tenants with this id", {
      event: (one) => make("a", { href: tenantsEvent(one) }, make("code", null, one.eventId)), tenant: (one) => one.tenantId, type: (one) => one.type, accepted: (one) => time(one.createdAt),
    }, ofTenants)));
  }
  if (refused) main.append(trouble(`Events of tenants could not be searched: ${refused.message}`));
  if (!received && !ofTenants.length) {
    main.append(make("p", null, `No ${refused || !hasDelivery() ? "received event" : "event"} and no transaction has this id.`));
    // There is no index of these: every event of the range is looked at.
    main.append(make("p", null, make("a", { href: address("events", { correlationId: id }) }, "Look for this correlation id in the last day")));
  }
  say(`${received + ofTenants.length} events`);
}

const tenantsEvent = ({ tenantId, eventId }) => address(`deliveries/${tenantId}/${eventId}`);

// A page has some tenants, and may be empty.
async function eventsOfTenants(eventId, signal) {
  const found = [];
  if (!hasDelivery() || !TENANTS_EVENT.test(eventId)) return found;
  const next = pages(["operator", "events"], "events", "cursor", { eventId }, signal);
  for (let page = { next: undefined }; page.next !== null;) {
    page = await next(page.next);
    found.push(...page.rows);
  }
  return found;
}

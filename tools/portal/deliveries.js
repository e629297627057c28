// Deliveries: each an event on its way to an endpoint.

import { ask } from "/assets/api.js";
import { address } from "/assets/address.js";
import { deliveryColumns, DELIVERY_STATES } from "/assets/attempts.js";
import { make } from "/assets/elements.js";
import { choice, filters, list, pages } from "/assets/list.js";

// URL of each endpoint, by its id.
export async function urlsOfEndpoints(signal) {
  const { endpoints } = await ask(["endpoints"], null, signal);
  return Object.fromEntries(endpoints.map(({ endpointId, url }) => [endpointId, url]));
}

export const endpointLink = (urls) => ({ endpointId }) => make("a", { href: address(`endpoints/${endpointId}`) }, urls[endpointId] ?? make("code", null, endpointId));

export function endpointChoice(urls, query, none = "all") {
  // One that was deleted has deliveries still.
  const gone = query.endpointId ? { [query.endpointId]: query.endpointId } : {};
  return choice("endpointId", "Endpoint", Object.entries({ ...gone, ...urls }), query, none);
}

export async function deliveriesPage({ main, query, signal }) {
  const urls = await urlsOfEndpoints(signal);
  main.append(filters("deliveries", query, [endpointChoice(urls, query), choice("state", "State", DELIVERY_STATES, query)]));
  await list(main, {
    caption: "Deliveries, the latest change of state first", noun: "deliveries",
    columns: {
      event: (one) => make("a", { href: address(`events/${one.eventId}`) }, make("code", null, one.eventId)), type: (one) => one.eventType,
      ...deliveryColumns(endpointLink(urls)),
    },
    fetch: pages(["deliveries"], "deliveries", "cursor", query, signal),
  });
}

// Deliveries of all tenants, and one event of a tenant on its way to endpoints.

import { ask } from "/assets/api.js";
import { address } from "/assets/place.js";
import { action } from "/assets/act.js";
import { attemptColumns as shownAttempts, deliveryColumns, DELIVERY_STATES } from "/assets/attempts.js";
import { facts, make, section, state, table, time } from "/assets/elements.js";
import { choice, filters, list, pages, text } from "/assets/list.js";

const endpoint = (tenantId, one) => make("a", { href: address(`endpoints/${tenantId}/${one.endpointId}`) }, make("code", null, one.endpointId));
const columns = (tenantOf) => deliveryColumns((one) => endpoint(tenantOf(one), one));

export async function deliveriesPage({ main, query, signal }) {
  main.append(filters("deliveries", query, [
    text("tenantId", "Tenant", query), text("endpointId", "Endpoint", query), text("type", "Type", query), choice("state", "State", DELIVERY_STATES, query),
  ]));
  await list(main, {
    caption: "Deliveries, tenant by tenant, the latest change of state first", noun: "deliveries",
    columns: {
      event: (one) => make("a", { href: address(`deliveries/${one.tenantId}/${one.eventId}`) }, make("code", null, one.eventId)),
      tenant: (one) => make("a", { href: address(`tenants/${one.tenantId}`) }, one.tenantId), type: (one) => one.eventType, ...columns((one) => one.tenantId),
    },
    fetch: pages(["operator", "deliveries"], "deliveries", "cursor", query, signal),
  });
}

export async function deliveryPage({ main, signal, name, keys: [tenantId, eventId] }) {
  name(eventId);
  main.append(deliverySection({ tenantId, ...await ask(["operator", "tenants", tenantId, "events", eventId], null, signal) }, signal));
}

export function deliverySection(found, signal) {
  const { tenantId, eventId } = found;
  const shown = (one) => [["State", state(one.state)], ["Attempts", one.attempts], ["Next attempt", time(one.nextAttemptAt)]];
  return section(`Tenant ${tenantId}`,
    facts([["Event id", make("code", null, eventId)], ["Type", found.type], ["Accepted", time(found.createdAt)], ["Erased", time(found.erasedAt)]]),
    table("Deliveries", columns(() => tenantId), found.deliveries),
    found.deliveries.map(({ endpointId }) =>
      action(`Send again to ${endpointId}`, ["operator", "requeue"], { body: () => ({ tenantId, eventId, endpointId }), shown, signal })),
    action(`Erase the payload of ${tenantId}`, ["operator", "tenants", tenantId, "events", eventId, "payload"], {
      method: "DELETE", confirms: eventId, policy: "erase_policy_json", signal,
      says: "The payload would be erased, and what endpoints answered. What waits would never be sent.",
      shown: (one) => [["Payload", `${found.size} bytes`], ["Erased before", time(one.erasedAt)]],
    }),
    table(found.attemptsComplete === false ? "Attempts, not all of them" : "Attempts",
      { ...attemptColumns(tenantId, signal), endpoint: (one) => endpoint(tenantId, one) }, found.attempts));
}

export const attemptColumns = (tenantId, signal) =>
  shownAttempts(["operator", "tenants", tenantId, "events"], ({ eventId }) => address(`deliveries/${tenantId}/${eventId}`), signal);

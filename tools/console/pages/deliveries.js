// Deliveries of all tenants, and one event of a tenant on its way to endpoints.

import { ask } from "/assets/api.js";
import { address } from "/assets/place.js";
import { action } from "/assets/act.js";
import { facts, make, onDemand, section, state, table, time } from "/assets/elements.js";
import { choice, filters, list, pages, text } from "/assets/list.js";

const STATES = ["PENDING", "FAILED", "DELIVERED", "DLQ"];
const endpoint = (tenantId, one) => make("a", { href: address(`endpoints/${tenantId}/${one.endpointId}`) }, make("code", null, one.endpointId));
const columns = (tenantOf) => ({
  endpoint: (one) => endpoint(tenantOf(one), one), state: (one) => state(one.state), reason: (one) => one.reason, attempts: (one) => one.attempts,
  updated: (one) => time(one.updatedAt), "next attempt": (one) => time(one.nextAttemptAt),
});

export async function deliveriesPage({ main, query, signal }) {
  main.append(filters("deliveries", query, [
    text("tenantId", "Tenant", query), text("endpointId", "Endpoint", query), text("type", "Type", query), choice("state", "State", STATES, query),
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
      action(`Send again to ${endpointId}`, ["operator", "requeue"], { body: { tenantId, eventId, endpointId }, shown, signal })),
    table(found.attemptsComplete === false ? "Attempts, not all of them" : "Attempts",
      { ...attemptColumns(tenantId, signal), endpoint: (one) => endpoint(tenantId, one) }, found.attempts));
}

export const attemptColumns = (tenantId, signal) => ({
  at: (one) => time(one.at),
  event: (one) => make("a", { href: address(`deliveries/${tenantId}/${one.eventId}`) }, make("code", null, one.eventId)),
  attempt: (one) => one.number, outcome: (one) => one.outcome, ms: (one) => one.durationMs,
  answer: (one) => onDemand("Show", async () => answer(
    await ask(["operator", "tenants", tenantId, "events", one.eventId, "attempts", one.endpointId, String(one.number)], null, signal))),
});

function answer({ answer: found }) {
  if (!found) return make("p", null, "There was none.");
  return [
    make("pre", { tabindex: "0", "aria-label": "Answer" }, `${found.headers.map(({ name, value }) => `${name}: ${value}\n`).join("")}\n${found.body}`),
    make("p", null, `${found.encoding}${found.complete ? "" : ", cut"}`),
  ];
}

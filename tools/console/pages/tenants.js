// Tenants, and what may be done about one.

import { ask } from "/assets/api.js";
import { address } from "/assets/place.js";
import { action } from "/assets/act.js";
import { facts, make, section, state, time } from "/assets/elements.js";
import { endpointColumns } from "/assets/endpoints.js";
import { list, pages } from "/assets/list.js";
import { replaysPage } from "/assets/replays.js";
import { tokensSection } from "/assets/tokens.js";

const limit = (number) => number ?? "the service's";

export async function tenantsPage({ main, signal }) {
  await list(main, {
    caption: "Tenants, by id", noun: "tenants",
    columns: {
      tenant: ({ tenantId }) => make("a", { href: address(`tenants/${tenantId}`) }, tenantId), name: (one) => one.name, state: (one) => state(one.state),
      plan: (one) => one.plan, "events a day": (one) => limit(one.eventsPerDay), "endpoints at most": (one) => limit(one.maxEndpoints), since: (one) => time(one.createdAt),
    },
    fetch: pages(["operator", "tenants"], "tenants", "after", {}, signal),
  });
}

export async function tenantPage(page) {
  const { main, signal, name, keys: [tenantId, part] } = page;
  if (part === "replays") {
    await replaysPage(page);
    return;
  }
  name(tenantId);
  const path = ["operator", "tenants", tenantId];
  const tenant = await ask(path, null, signal);
  const shown = (one) => [["Name", one.name], ["State", state(one.state)], ["Plan", one.plan], ["Events a day", limit(one.eventsPerDay)],
    ["Endpoints at most", limit(one.maxEndpoints)], ["Since", time(one.createdAt)], ["Changed", time(one.updatedAt)]];
  const [verb, step] = tenant.state === "ACTIVE" ? ["Suspend", "suspend"] : ["Activate", "activate"];
  main.append(
    facts(shown(tenant)), action(verb, [...path, step], { shown, signal }),
    make("p", null, make("a", { href: address("deliveries", { tenantId }) }, "Deliveries"), ", ",
      make("a", { href: address("deliveries", { tenantId, state: "DLQ" }) }, "those that were given up"), ", ", make("a", { href: address(`tenants/${tenantId}/replays`) }, "replays"), ", ",
      make("a", { href: address("audit", { tenantId }) }, "what operators did")));
  const place = section("Endpoints");
  main.append(place);
  await list(place, {
    caption: "Endpoints, by id", noun: "endpoints", columns: endpointColumns(),
    fetch: pages(["operator", "endpoints"], "endpoints", "cursor", { tenantId }, signal),
  });
  await tokensSection({ main, tenantId, signal });
}
